//! The checks of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).

use serde_json::Value;

use super::{
    KeySet, Rejection, id_token,
    json::{self, Object},
    jws,
    settings::OidcSettings,
};
use crate::clock::Timestamp;

/// The sessions that a provider has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// The user, as the provider names them.
    pub subject: Option<String>,
    /// The provider's session.
    pub provider_session: Option<String>,
    /// The id of the token, which is good for one use.
    pub token_id: String,
}

/// Checks a logout token.
pub(super) fn check(
    token: &str,
    keys: &KeySet,
    settings: &OidcSettings,
    now: Timestamp,
) -> Result<LogoutNotice, Rejection> {
    let signed = jws::verify(token, keys, &settings.algorithms)?;
    if signed.token_type.is_some_and(|named| named != "logout+jwt" && named != "jwt") {
        return Err(Rejection::TokenType);
    }
    let claims = signed.claims;
    id_token::check_issuer(&claims, &settings.issuer)?;
    id_token::check_audience(&claims, &settings.client_id)?;
    // Earlier drafts had no `exp`.
    if claims.contains_key("exp") {
        id_token::check_end(&claims, now)?;
    }
    id_token::check_age(&claims, now)?;
    // An ID token in the place of a logout token has a nonce.
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if claims.contains_key("nonce") || !event.is_some_and(Value::is_object) {
        return Err(Rejection::LogoutEvent);
    }
    let token_id = short(&claims, "jti")?.ok_or(Rejection::LogoutEvent)?;
    let provider_session = short(&claims, "sid")?;
    let subject = match claims.contains_key("sub") {
        true => Some(id_token::subject(&claims)?.to_owned()),
        false if provider_session.is_none() => return Err(Rejection::TokenSubject),
        false => None,
    };
    Ok(LogoutNotice { subject, provider_session, token_id })
}

/// A text of at most 255 bytes; an error for another kind of value.
fn short(claims: &Object, name: &str) -> Result<Option<String>, Rejection> {
    if !claims.contains_key(name) {
        return Ok(None);
    }
    let text = json::text(claims, name).filter(|text| !text.is_empty() && text.len() <= 255);
    text.map(|text| Some(text.to_owned())).ok_or(Rejection::LogoutEvent)
}

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
