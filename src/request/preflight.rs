//! A question that a browser asks before a page of another origin may send a request (CORS).

use http::{
    HeaderMap, HeaderName, Method,
    header::{
        ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, COOKIE, ORIGIN, TRANSFER_ENCODING,
        UPGRADE,
    },
};

use super::SingleHeader;

/// A CORS preflight (WHATWG Fetch §4.9): `OPTIONS` with an `Origin` and the method that is to come, and without
/// a cookie, `Authorization` or a body. Every client can send one and name any origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preflight<'r> {
    origin: &'r str,
}

impl<'r> Preflight<'r> {
    /// Reads it from a request's head; `None`: it is something else, or says more than a browser's would.
    pub fn read(method: &Method, headers: &'r HeaderMap) -> Option<Self> {
        if *method != Method::OPTIONS || NEVER.iter().any(|name| headers.contains_key(name)) {
            return None;
        }
        if headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0") {
            return None;
        }
        let asked = SingleHeader::of(headers, ACCESS_CONTROL_REQUEST_METHOD).once()?;
        Method::from_bytes(asked.as_bytes()).ok()?;
        Some(Self { origin: SingleHeader::of(headers, ORIGIN).text().ok()?? })
    }

    /// Where the page is from, as the request says it.
    pub fn origin(&self) -> &'r str {
        self.origin
    }

    /// Removes the header fields that no preflight needs.
    pub fn strip(headers: &mut HeaderMap) {
        let others: Vec<HeaderName> =
            headers.keys().filter(|name| !KEPT.contains(&name.as_str())).cloned().collect();
        for name in others {
            headers.remove(name);
        }
    }
}

/// A browser sends none of these with a preflight.
static NEVER: [HeaderName; 4] = [COOKIE, AUTHORIZATION, TRANSFER_ENCODING, UPGRADE];

/// The question itself, and what is said of the client.
const KEPT: [&str; 10] = [
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "host",
    "origin",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    type Fields = [(&'static str, &'static str)];

    fn headers(fields: &Fields) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const ORIGIN: (&str, &str) = ("origin", "https://portal.example.com");
    const ASKED: (&str, &str) = ("access-control-request-method", "PUT");

    #[test]
    fn preflight_is_what_a_browser_asks_and_nothing_else() {
        let origin = |method: &Method, fields: &Fields| {
            let headers = headers(fields);
            Preflight::read(method, &headers).map(|preflight| preflight.origin().to_owned())
        };
        let whole: &Fields = &[ORIGIN, ASKED, ("access-control-request-headers", "content-type")];
        assert_eq!(origin(&Method::OPTIONS, whole).as_deref(), Some("https://portal.example.com"));
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
            assert_eq!(origin(&method, whole), None, "{method}");
        }
        let others: &[&Fields] = &[
            &[],
            &[ORIGIN],
            &[ASKED],
            &[ORIGIN, ORIGIN, ASKED],
            &[ORIGIN, ASKED, ASKED],
            &[ORIGIN, ("access-control-request-method", "")],
            &[ORIGIN, ("access-control-request-method", "PUT, GET")],
            &[ORIGIN, ASKED, ("cookie", "a=b")],
            &[ORIGIN, ASKED, ("authorization", "Basic eA==")],
            &[ORIGIN, ASKED, ("content-length", "1")],
            &[ORIGIN, ASKED, ("transfer-encoding", "chunked")],
            &[ORIGIN, ASKED, ("upgrade", "websocket")],
        ];
        for fields in others {
            assert_eq!(origin(&Method::OPTIONS, fields), None, "{fields:?}");
        }
    }

    #[test]
    fn stripped_preflight_holds_the_question_alone() {
        let mut headers = headers(&[
            ORIGIN,
            ASKED,
            ("accept", "text/html"),
            ("x-http-method-override", "DELETE"),
            ("x-anything", "1"),
            ("te", "trailers"),
            ("access-control-request-headers", "content-type"),
        ]);
        Preflight::strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["access-control-request-headers", "access-control-request-method", "origin"]);
    }
}
