//! Requests that are interrupted because the user has to sign in, or confirm the password, first.
//!
//! Afterwards the browser repeats a request that only reads. A request that changes something is not repeated, because
//! its body is lost: the browser goes back to the page that it was sent from, and a flash message says that nothing was
//! saved.

use bytes::Bytes;
use http::{
    HeaderMap, Method, Response,
    header::{REFERER, SET_COOKIE},
};
use http_body_util::Full;

use super::{PageRequest, Parked, ReturnTo, csrf, flash::FlashMessage};
use crate::{
    identity::ProofMethods,
    pages::{self, paths},
    request::SingleHeader,
    session::cookie::CookieNames,
};

/// A navigation that is redirected to the sign-in page or to the page that asks for the password again.
#[derive(Clone, Copy, Debug)]
pub struct InterruptedRequest<'r> {
    /// Its method.
    pub method: &'r Method,
    /// All header fields.
    pub headers: &'r HeaderMap,
    /// The site as the browser knows it; see [`super::PageRequest::host`].
    pub host: &'r str,
    /// Its path and query.
    pub path_and_query: &'r str,
    /// Maximum size of a request head: the next request has this one's address in its own.
    pub header_size: usize,
    /// The names of the gateway's cookies.
    pub cookies: &'r CookieNames,
}

/// A step that the user has to take first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prerequisite {
    /// Signing in.
    SignIn,
    /// A proof by one of these methods.
    Confirm(ProofMethods),
}

impl Prerequisite {
    /// The address of its page, which goes on to `next`.
    fn location(self, next: &ReturnTo) -> String {
        match self {
            Self::SignIn => next.login_location(),
            Self::Confirm(methods) => next.confirm_location_by(methods),
        }
    }
}

impl<'r> InterruptedRequest<'r> {
    /// A request for the page of the gateway at `path_and_query`.
    pub(super) fn at_page(request: &'r PageRequest<'_>, path_and_query: &'r str) -> Self {
        let PageRequest { method, headers, host, header_size, settings, .. } = *request;
        Self { method, headers, host, path_and_query, header_size, cookies: &settings.cookies }
    }

    /// Redirects to the page for this step, which sends the browser on afterwards.
    pub fn redirect(&self, prerequisite: Prerequisite) -> Response<Full<Bytes>> {
        let mut response = pages::redirect(&self.location(prerequisite));
        // The user has filled in no form that another site has sent.
        if !self.only_reads() && csrf::is_from_here(self.headers, self.host) {
            let not_saved = match prerequisite {
                Prerequisite::SignIn => FlashMessage::SentSignedOut,
                Prerequisite::Confirm(_) => FlashMessage::SentUnconfirmed,
            };
            not_saved.leave(self.cookies, response.headers_mut());
        }
        response
    }

    /// The same for a form that is kept: afterwards the browser goes on to the page that offers it again.
    pub fn redirect_to_parked(&self, prerequisite: Prerequisite, parked: &Parked) -> Response<Full<Bytes>> {
        let mut response = pages::redirect(&prerequisite.location(&parked.page));
        FlashMessage::SentParked.leave(self.cookies, response.headers_mut());
        response.headers_mut().append(SET_COOKIE, parked.cookie.clone());
        response
    }

    /// The address of that page.
    pub fn location(&self, prerequisite: Prerequisite) -> String {
        let location = |next: &ReturnTo| prerequisite.location(next);
        let next = if self.only_reads() { ReturnTo::sent(self.path_and_query) } else { self.sent_from() };
        let to = location(&next);
        // A quarter of the head is left for cookies and the other headers that a browser sends.
        if to.len() > self.header_size / 4 * 3 { location(&ReturnTo::start()) } else { to }
    }

    fn only_reads(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// The page of this host that the request was sent from; the start page if the browser does not say. A form of
    /// the gateway's own is at the address that it is sent to.
    pub fn sent_from(&self) -> ReturnTo {
        let SingleHeader::Once(referer) = SingleHeader::of(self.headers, REFERER) else {
            let is_ours = self.path_and_query.starts_with(paths::ROOT);
            return if is_ours { ReturnTo::sent(self.path_and_query) } else { ReturnTo::start() };
        };
        let Some(rest) = referer.to_str().ok().and_then(|text| text.strip_prefix("https://")) else {
            return ReturnTo::start();
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if csrf::is_same_authority(authority, self.host) { ReturnTo::parse(path) } else { ReturnTo::start() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use http::{HeaderName, HeaderValue, header::SET_COOKIE};

    use super::*;

    const HERE: &str = "wiki.example.com:8443";

    fn interrupted<'r>(
        method: &'r Method,
        headers: &'r HeaderMap,
        path_and_query: &'r str,
    ) -> InterruptedRequest<'r> {
        static COOKIES: LazyLock<CookieNames> = LazyLock::new(CookieNames::default);
        InterruptedRequest {
            method,
            headers,
            host: HERE,
            path_and_query,
            header_size: 32 << 10,
            cookies: &COOKIES,
        }
    }

    /// The location, and whether the next page says that nothing was saved.
    fn led(method: &Method, path_and_query: &str, fields: &[(HeaderName, &str)]) -> (String, bool) {
        let headers = &fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect();
        let it = interrupted(method, headers, path_and_query);
        let [sign_in, confirm] = [Prerequisite::SignIn, Prerequisite::Confirm(ProofMethods::ALL)]
            .map(|prerequisite| it.redirect(prerequisite));
        let [to, again] =
            [&sign_in, &confirm].map(|it| it.headers()["location"].to_str().unwrap().to_owned());
        assert_eq!(to.replace("/login", "/confirm"), again);
        assert_eq!(sign_in.headers().contains_key(SET_COOKIE), confirm.headers().contains_key(SET_COOKIE));
        (to, sign_in.headers().contains_key(SET_COOKIE))
    }

    #[test]
    fn a_request_that_only_reads_is_repeated() {
        let referer = [(REFERER, "https://wiki.example.com:8443/form")];
        for method in [Method::GET, Method::HEAD] {
            let led = led(&method, "/page?a=b", &referer);
            assert_eq!(led, ("/.gateway/login?next=/page%3Fa%3Db".to_owned(), false));
        }
    }

    #[test]
    fn a_request_that_changes_something_leads_back_to_the_page_of_this_origin_that_sent_it() {
        let site = HeaderName::from_static("sec-fetch-site");
        for (referer, next) in [
            ("https://wiki.example.com:8443/form?id=7", "/form%3Fid%3D7"),
            ("https://WIKI.example.com:8443/form", "/form"),
            ("https://wiki.example.com:8443/.gateway/account", "/.gateway/account"),
            ("https://wiki.example.com:8443/", ""),
            ("https://wiki.example.com:8443", ""),
            ("https://wiki.example.com/form", ""),
            ("http://wiki.example.com:8443/form", ""),
            ("https://wiki.example.com:8443@evil.example/form", ""),
            ("https://wiki.example.com:8443.evil.example/form", ""),
            ("https://wiki.example.com:8443//evil.example/form", ""),
            ("https://wiki.example.com:8443/.gateway/login", ""),
            ("https://evil.example/form", ""),
            ("/form", ""),
            ("about:blank", ""),
            ("", ""),
        ] {
            let expected = if next.is_empty() {
                "/.gateway/login".to_owned()
            } else {
                format!("/.gateway/login?next={next}")
            };
            let fields = [(REFERER, referer), (site.clone(), "same-origin")];
            assert_eq!(led(&Method::POST, "/save", &fields), (expected, true), "{referer}");
        }
        let twice = ["https://wiki.example.com:8443/a", "https://wiki.example.com:8443/b"];
        let mut headers = HeaderMap::new();
        for referer in twice {
            headers.append(REFERER, HeaderValue::from_static(referer));
        }
        let it = interrupted(&Method::POST, &headers, "/save");
        assert_eq!(it.location(Prerequisite::SignIn), "/.gateway/login");
        assert!(!led(&Method::POST, "/save", &[(site, "cross-site")]).1, "somebody else has filled it in");
    }

    #[test]
    fn an_address_that_is_too_long_for_a_head_is_dropped() {
        let it = |length: usize, header_size| {
            let path = format!("/{}", "a".repeat(length));
            let headers = HeaderMap::new();
            let it = InterruptedRequest { header_size, ..interrupted(&Method::GET, &headers, &path) };
            it.location(Prerequisite::SignIn).len() > length
        };
        assert!(it(8000, 32 << 10) && it(20_000, 32 << 10) && !it(7000, 8 << 10));
    }
}
