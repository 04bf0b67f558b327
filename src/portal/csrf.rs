//! The check that a form was sent by one of the gateway's own pages, in this browser (ASVS 5.0 3.5.1).
//!
//! Two locks, each of which would be enough: the headers in which the browser says where the request comes from
//! (`Sec-Fetch-Site`, or `Origin`), and a hidden field that is derived from a cookie that no other site can set or
//! read. Before sign-in this is the form cookie, so that Mallory cannot sign Alice's browser in to Mallory's account
//! (login CSRF); after sign-in it is the session cookie. The cookies are `SameSite=Lax` as well, which stops most such
//! requests already.

use http::{HeaderMap, HeaderName, HeaderValue, header::ORIGIN};

use super::{PageRequest, form::Form};
use crate::{
    refusal::Refusal,
    request::SingleHeader,
    session::{
        Presented, Session, SessionToken,
        cookie::{self, Keep},
    },
};

/// A form that one of the gateway's pages in this browser has sent. A page that changes anything takes no other.
pub(super) struct Genuine(Form);

impl Genuine {
    /// The form, if it has the field that belongs to `token`; otherwise the form back, to be shown again.
    pub(super) fn check(
        request: &PageRequest<'_>,
        token: Option<&SessionToken>,
        form: Form,
    ) -> Result<Self, Form> {
        let is_bound = token.is_some_and(|token| token.owns_form_token(form.text("csrf")));
        if is_bound && is_from_here(request.headers, request.host) { Ok(Self(form)) } else { Err(form) }
    }

    /// The fields.
    pub(super) fn into_form(self) -> Form {
        self.0
    }
}

/// The token to which forms before sign-in are bound, and the cookie to set if it is new.
pub(super) fn form_token(request: &PageRequest<'_>) -> Result<(SessionToken, Option<HeaderValue>), Refusal> {
    if let Some(token) = presented_form_token(request) {
        return Ok((token, None));
    }
    let token = SessionToken::generate().map_err(|error| {
        tracing::error!(%error, request_id = request.request_id, "form token not made");
        Refusal::Internal
    })?;
    let cookie = cookie::write(request.settings.cookies.form(), &token.to_cookie(), Keep::UntilClosed);
    Ok((token, Some(cookie)))
}

/// The token of the form cookie that came with the request.
pub(super) fn presented_form_token(request: &PageRequest<'_>) -> Option<SessionToken> {
    cookie::find(request.headers, request.settings.cookies.form()).and_then(SessionToken::from_cookie)
}

/// Whether a cookie came with the request that a form can be bound to.
pub(super) fn may_send_forms(request: &PageRequest<'_>) -> bool {
    request.account.is_some() || presented_form_token(request).is_some()
}

/// The live session of the request together with its token, to which forms after sign-in are bound.
pub(super) fn presented_session<'r>(request: &PageRequest<'r>) -> Option<(SessionToken, &'r Session)> {
    let Presented::Alive(session) = request.presented else { return None };
    let cookie = cookie::find(request.headers, request.settings.cookies.session());
    let token = cookie.and_then(SessionToken::from_cookie)?;
    (token.key() == session.key).then_some((token, session))
}

/// Whether a page of this host has sent the request. A browser that sends neither header is believed: the hidden field
/// decides then.
pub(super) fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    match SingleHeader::of(headers, SEC_FETCH_SITE) {
        // `none`: the user caused it, for instance by reloading.
        SingleHeader::Once(site) => return site == "same-origin" || site == "none",
        SingleHeader::Repeated => return false,
        SingleHeader::Absent => {}
    }
    match SingleHeader::of(headers, ORIGIN).text() {
        Ok(None) => true,
        Ok(Some(origin)) => is_origin_of(origin, host),
        Err(_) => false,
    }
}

/// Whether `origin` is `https://HOST`; the default port may be left out (RFC 6454 §6.1).
fn is_origin_of(origin: &str, host: &str) -> bool {
    origin.strip_prefix("https://").is_some_and(|origin| is_same_authority(origin, host))
}

/// Whether two authorities of `https` addresses are one.
pub(super) fn is_same_authority(one: &str, other: &str) -> bool {
    let without_default_port =
        |authority: &'_ str| authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
    without_default_port(one) == without_default_port(other)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_from_here_unless_its_headers_name_another_site() {
        const HERE: &str = "wiki.example.com";
        let table: &[(&[(&str, &str)], bool)] = &[
            (&[], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://wiki.example.com")], false),
            (&[("origin", "https://wiki.example.com")], true),
            (&[("origin", "https://WIKI.example.com:443")], true),
            (&[("origin", "http://wiki.example.com")], false),
            (&[("origin", "https://wiki.example.com:8443")], false),
            (&[("origin", "https://wiki.example.com.evil.example")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "https://evil-wiki.example.com")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "https://wiki.example.com"), ("origin", "https://evil.example")], false),
        ];
        for (pairs, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in *pairs {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_from_here(&headers, HERE), *expected, "{pairs:?}");
        }
        let with_port = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://localhost:8443"))]);
        assert!(is_from_here(&with_port, "localhost:8443") && !is_from_here(&with_port, "localhost"));
    }
}
