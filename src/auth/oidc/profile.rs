//! Claims into the profile of a user.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Rejection,
    admission::{self, ToldEmail},
    claims::Claims,
    groups::ToldGroups,
    id_token,
    json::{self, Object},
    settings::{OidcSettings, SubjectRule, UnknownGroups},
};
use crate::{
    identity::{IdentityPair, UserName},
    users::{SourceEmail, SourceProfile},
};

/// The profile that the claims describe, if the settings let this user in.
pub(super) fn make(claims: &Claims, settings: &OidcSettings) -> Result<SourceProfile, Rejection> {
    let pair = pair(claims, settings)?;
    let names = &settings.claims;
    let email = admission::email(claims, names);
    let groups = names.groups.as_ref().map(|path| ToldGroups::read(claims, path));
    if let Some(ToldGroups::Unknown(reason)) = &groups {
        let (provider, reason) = (&settings.name, reason.as_str());
        if settings.unknown_groups == UnknownGroups::Refuse {
            tracing::warn!(%provider, reason, "user refused: groups unknown");
            return Err(Rejection::GroupsUnknown);
        }
        tracing::warn!(%provider, reason, "groups unknown: the user is in none of the provider's groups");
    }
    admission::check(&settings.allow, claims, email.as_ref(), groups.as_ref())?;
    let attribute = |(name, path): (&String, &_)| Some((name.clone(), claims.text(path)?.to_owned()));
    Ok(SourceProfile {
        pair,
        name: user_name(claims, settings, email.as_ref())?,
        full_name: claims.text(&names.full_name).unwrap_or_default().to_owned(),
        groups: groups.map(|groups| groups.mapped(&settings.groups)).unwrap_or_default(),
        attributes: names.attributes.iter().filter_map(attribute).collect::<BTreeMap<_, _>>(),
        email: email.map(|ToldEmail { address, is_verified }| SourceEmail { address, verified: is_verified }),
    })
}

/// Whether the settings let in the user whom the claims describe.
pub(super) fn admits(claims: &Claims, settings: &OidcSettings) -> bool {
    let email = admission::email(claims, &settings.claims);
    let groups = settings.claims.groups.as_ref().map(|path| ToldGroups::read(claims, path));
    admission::check(&settings.allow, claims, email.as_ref(), groups.as_ref()).is_ok()
}

/// The pair of a user.
fn pair(claims: &Claims, settings: &OidcSettings) -> Result<IdentityPair, Rejection> {
    pair_in(claims.id_token(), settings)
}

/// The pair of the user whom a token names.
pub(super) fn pair_in(token: &Object, settings: &OidcSettings) -> Result<IdentityPair, Rejection> {
    let subject = match settings.subject {
        SubjectRule::Sub => id_token::subject(token)?.to_owned(),
        SubjectRule::TenantAndObject => {
            let id = |name| json::text(token, name).filter(|id| is_entra_id(id));
            let tenant = id("tid").ok_or(Rejection::TokenTenant)?;
            format!("{tenant}/{}", id("oid").ok_or(Rejection::TokenSubject)?)
        }
    };
    Ok(pair_of(settings, &subject))
}

/// The pair of a subject.
pub(super) fn pair_of(settings: &OidcSettings, subject: &str) -> IdentityPair {
    IdentityPair {
        backend: settings.name.clone(),
        authority: settings.authority().into(),
        subject: subject.into(),
    }
}

/// A name for a new account: the claim of the settings, else the e-mail address. It joins nobody to an account that is
/// there already.
fn user_name(
    claims: &Claims,
    settings: &OidcSettings,
    email: Option<&ToldEmail>,
) -> Result<UserName, Rejection> {
    let configured = claims.find(&settings.claims.username).and_then(|(value, _)| Value::as_str(value));
    let address = email.map(|email| email.address.as_str());
    let mut candidates = [configured, address].into_iter().flatten();
    candidates.find_map(|text| UserName::parse(text).ok()).ok_or(Rejection::NoUserName)
}

/// A tenant's and an object's id are UUIDs; with any other character, two pairs of ids could become one subject.
fn is_entra_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
