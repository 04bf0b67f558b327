//! The claims of an assertion, and of the notice that a session has ended.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::settings::{AssertionSettings, ClaimValue};
use crate::{
    clock::Timestamp,
    identity::{GroupName, ProofMethod, Proofs, User, UserId},
    session::Session,
    users::Account,
};

/// The user that an assertion is about, and the sign-in behind the request.
#[derive(Clone, Copy, Debug)]
pub struct Asserted<'a> {
    /// The account, as of this request.
    pub account: &'a Arc<Account>,
    /// The session; `None` for a program.
    pub session: Option<&'a Session>,
    /// How the user has proved who they are.
    pub proofs: &'a Proofs,
}

/// A sign-in that has ended. It has the same `sid` as the assertions of its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionEnd {
    /// The user who had signed in.
    pub user: UserId,
    /// The time of the sign-in.
    pub signed_in: Timestamp,
}

/// The longest time that an assertion is valid.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);
/// The clock of an application may be behind.
const SKEW: Duration = Duration::from_secs(30);

impl Asserted<'_> {
    /// The claims at `now`. With too many groups, the last ones are left out and `groups_truncated` is true.
    pub(super) fn claims(&self, settings: &AssertionSettings, now: Timestamp) -> Option<Map<String, Value>> {
        let user = &self.account.user;
        let seconds = |time: Timestamp| time.as_millis().div_euclid(1000);
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        set("iss", json!(settings.issuer));
        set("aud", json!(settings.audience));
        set("sub", json!(user.id.to_string()));
        set("jti", json!(random_id()?));
        set("iat", json!(seconds(now)));
        set("nbf", json!(seconds(now - SKEW)));
        set("exp", json!(seconds(now + LIFETIME)));
        set("preferred_username", json!(user.name.as_str()));
        set("name", json!(readable_name(user)));
        if !user.email.is_empty() {
            set("email", json!(user.email));
            set("email_verified", json!(self.account.email_verified));
        }
        if let Some(at) = self.proofs.newest() {
            set("auth_time", json!(seconds(at)));
        }
        let methods = amr(self.proofs);
        if !methods.is_empty() {
            set("amr", json!(methods));
        }
        if let Some(session) = self.session {
            let end = SessionEnd { user: user.id, signed_in: session.signed_in };
            set("sid", json!(end.sid(&settings.audience)));
        }
        set("groups", json!(group_names(user)));
        for (name, value) in &settings.claims {
            let value = match value {
                ClaimValue::Username => json!(user.name.as_str()),
                ClaimValue::Email => json!(user.email),
                ClaimValue::Name => json!(readable_name(user)),
                ClaimValue::Groups => json!(group_names(user)),
                ClaimValue::Attribute(key) => match user.attributes.get(key) {
                    Some(value) => json!(value),
                    None => continue,
                },
            };
            set(name, value);
        }
        shorten(&mut claims, settings);
        Some(claims)
    }
}

impl SessionEnd {
    /// The name of the sign-in for one app. Each app gets another name, and no name leads to the session token.
    pub(super) fn sid(&self, audience: &str) -> String {
        let text = format!("portcullis sid\0{audience}\0{}\0{}", self.user, self.signed_in.as_millis());
        let hash = digest(&SHA256, text.as_bytes());
        BASE64URL_NOPAD.encode(hash.as_ref().get(..16).unwrap_or_default())
    }

    /// The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
    pub(super) fn claims(&self, settings: &AssertionSettings, now: Timestamp) -> Option<Map<String, Value>> {
        let seconds = now.as_millis().div_euclid(1000);
        let claims = json!({
            "iss": settings.issuer,
            "aud": settings.audience,
            "sub": self.user.to_string(),
            "sid": self.sid(&settings.audience),
            "iat": seconds,
            "exp": seconds + 120,
            "jti": random_id()?,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        match claims {
            Value::Object(claims) => Some(claims),
            _ => None,
        }
    }
}

/// Makes the assertion fit into a header field: leaves out the longest attributes if it would not fit even without
/// groups, then as many groups as need be, from the end.
fn shorten(claims: &mut Map<String, Value>, settings: &AssertionSettings) {
    if fits(claims) {
        return;
    }
    let of_groups = settings.claims.iter().filter(|(_, value)| *value == ClaimValue::Groups);
    let names: Vec<String> =
        of_groups.map(|(name, _)| name.to_string()).chain(["groups".to_owned()]).collect();
    let groups = claims.get("groups").and_then(Value::as_array).cloned().unwrap_or_default();
    let keep = |claims: &mut Map<String, Value>, count: usize| {
        let kept: Vec<Value> = groups.iter().take(count).cloned().collect();
        for name in &names {
            claims.insert(name.clone(), Value::Array(kept.clone()));
        }
        if count < groups.len() {
            claims.insert("groups_truncated".to_owned(), json!(true));
        } else {
            claims.remove("groups_truncated");
        }
    };
    keep(claims, 0);
    let attributes = settings.claims.iter().filter(|(_, value)| matches!(value, ClaimValue::Attribute(_)));
    let mut attributes: Vec<&str> = attributes.map(|(name, _)| &**name).collect();
    attributes.sort_by_key(|name| Reverse(claims.get(*name).map_or(0, |value| value.to_string().len())));
    for name in attributes {
        if fits(claims) {
            break;
        }
        claims.remove(name);
    }
    // The greatest number of groups that fits is searched by halves.
    let (mut fitting, mut beyond) = (0, groups.len() + 1);
    while beyond - fitting > 1 {
        let middle = fitting.midpoint(beyond);
        keep(claims, middle);
        if fits(claims) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    keep(claims, fitting);
}

fn fits(claims: &Map<String, Value>) -> bool {
    let json = serde_json::to_vec(claims).map_or(usize::MAX, |json| json.len());
    json <= MAX_CLAIMS_BYTES
}

/// RFC 8176 §2. Other gateways use `fed` for a sign-in at a provider.
fn amr(proofs: &Proofs) -> Vec<&'static str> {
    let mut methods: Vec<&str> = proofs
        .iter()
        .map(|proof| match proof.method {
            ProofMethod::Password => "pwd",
            ProofMethod::Provider => "fed",
            ProofMethod::ProviderSecondFactor => "mfa",
            ProofMethod::Totp | ProofMethod::RecoveryCode => "otp",
            ProofMethod::Passkey | ProofMethod::SecurityKey => "hwk",
            ProofMethod::Token => "token",
            ProofMethod::Certificate => "swk",
        })
        .collect();
    if proofs.factors(Timestamp::from_millis(i64::MAX), None) > 1 {
        methods.push("mfa");
    }
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn group_names(user: &User) -> Vec<&str> {
    user.groups.iter().map(GroupName::as_str).collect()
}

fn readable_name(user: &User) -> &str {
    if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name }
}

fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

/// With header and signature, and in base64, an assertion of 4 KiB: every server takes that in a header field.
const MAX_CLAIMS_BYTES: usize = 2900;
