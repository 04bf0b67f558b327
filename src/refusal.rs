//! Every way in which the gateway says no, as a page for people or a problem for programs.
//!
//! A [`Refusal`] is safe to show to a stranger: it names no upstream, no file, no rule and nobody's
//! account. What an operator needs to know goes to the log under the same request id.
//! [`Representation::of`] decides who is asking: a navigation gets a page, everything else
//! `application/problem+json` (RFC 9457).

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT, ALLOW, RETRY_AFTER},
};
use http_body_util::Full;
use serde::Serialize;

use crate::pages::{self, Page, PageLink, Pages, Refused, paths};

/// Why a request is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request is not valid; the text says why, and is safe to show.
    BadRequest(&'static str),
    /// 400: the request came in clear text, where TLS is spoken.
    PlainHttp {
        /// The address that would have been right, if it is one of this gateway.
        to: Option<Box<str>>,
    },
    /// 401: nobody is signed in, and somebody has to be.
    SignIn,
    /// 401: who is signed in has to confirm the password first.
    Confirm,
    /// 403: who is signed in may not do this.
    Forbidden,
    /// 403: another site has sent this in the name of who is signed in.
    CrossSite,
    /// 403: the script of a service worker, which the app may not have.
    ServiceWorker,
    /// 403: a page of the gateway with a form, which no other page may show in a frame.
    Framed,
    /// 404: there is no such page.
    NotFound,
    /// 405: not with this method; holds the value of `Allow`.
    MethodNotAllowed(&'static str),
    /// 408: the request did not arrive in time.
    TooSlow,
    /// 411: the body is too large for one whose length is not told.
    LengthRequired,
    /// 413: the body is larger than what is taken.
    TooLarge,
    /// 414: the address is longer than what is taken.
    UriTooLong,
    /// 415: the body is of a kind that is not understood here.
    UnsupportedMediaType,
    /// 421: no such host is served here.
    Misdirected,
    /// 429: too many wrong passwords before; none is looked at before this time has gone by.
    TooManyAttempts {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 421: the connection was made for another host.
    WrongConnection,
    /// 431: the request head is larger than what is taken.
    HeadTooLarge,
    /// 503: too much to do right now; trying again after this time is worth it.
    TooBusy {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 503: as many requests are in flight as there may be, of this client or to this app.
    Overloaded {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 503: a store of the gateway cannot be reached.
    Unavailable,
    /// 502: the application could not be reached, or answered nonsense.
    BadGateway,
    /// 504: the application took too long.
    GatewayTimeout,
    /// 500: a fault of the gateway.
    Internal,
}

/// In which form an answer of the gateway is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// HTML, for somebody who is looking at it.
    Page,
    /// HTML in a frame of another page.
    Frame,
    /// `application/problem+json`, for a program.
    Problem,
}

impl Refusal {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::PlainHttp { .. } => StatusCode::BAD_REQUEST,
            Self::SignIn | Self::Confirm => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite | Self::ServiceWorker | Self::Framed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected | Self::WrongConnection => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooBusy { .. } | Self::Overloaded { .. } | Self::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The title: what happened, in a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "This request isn’t valid",
            Self::PlainHttp { .. } => "This address needs HTTPS",
            Self::SignIn => "Please sign in",
            Self::Confirm => "Please confirm your password",
            Self::Forbidden => "You can’t open this page",
            Self::CrossSite => "This request came from another site",
            Self::ServiceWorker => "Service workers aren’t allowed here",
            Self::Framed => "This page doesn’t open in a frame",
            Self::NotFound => "Page not found",
            Self::MethodNotAllowed(_) => "This doesn’t work here",
            Self::TooSlow => "That took too long",
            Self::LengthRequired => "The length is missing",
            Self::TooLarge => "That was too large",
            Self::UriTooLong => "This address is too long",
            Self::UnsupportedMediaType => "This kind of content isn’t supported",
            Self::Misdirected => "There is no site here",
            Self::TooManyAttempts { .. } => "Too many attempts",
            Self::WrongConnection => "This connection is for another site",
            Self::HeadTooLarge => "The request was too large",
            Self::TooBusy { .. } | Self::Overloaded { .. } => "Too busy right now",
            Self::Unavailable => "Temporarily unavailable",
            Self::BadGateway => "The application can’t be reached",
            Self::GatewayTimeout => "The application isn’t answering",
            Self::Internal => "Something went wrong",
        }
    }

    /// The explanation, with advice where there is any.
    pub fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::BadRequest(what) => return Cow::Owned(sentence(what)),
            Self::PlainHttp { to } => {
                let instead = to.as_deref().unwrap_or("an address that begins with https://");
                return Cow::Owned(format!(
                    "The request came as plain HTTP, but this port needs HTTPS. Use {instead} instead. If the request contained a password or a token, others on the network could read it: replace it."
                ));
            }
            // An application may show this text in a page that was open before.
            Self::SignIn => "Your session has ended. Reload the page to sign in.",
            Self::Confirm => "For this you have to confirm your password again.",
            Self::Forbidden => {
                "You are signed in, but your account is not allowed to do this. If you need access, ask an administrator."
            }
            Self::CrossSite => {
                "Another website sent this request with your session, so it was blocked. If you want to do this, open the page itself and do it there."
            }
            Self::ServiceWorker => {
                "A service worker of this application could take the place of the sign-in page. An administrator can allow it with service_workers."
            }
            Self::Framed => "Open it in its own window, so that no other page can cover it.",
            Self::NotFound => "There is nothing at this address. Check it for typing errors.",
            Self::MethodNotAllowed(_) => "The page exists, but it can’t be used in this way.",
            Self::TooSlow => "The request did not arrive in time. Please try again.",
            Self::LengthRequired => {
                "The request has no Content-Length, and it is larger than the application accepts without one. Send it with a Content-Length."
            }
            Self::TooLarge => "The request is larger than this site accepts.",
            Self::UriTooLong => "The address is longer than this site accepts.",
            Self::UnsupportedMediaType => "This page does not accept content of this type.",
            Self::Misdirected => {
                "This server has no site with this name. Check the address for typing errors."
            }
            Self::TooManyAttempts { retry_after } => {
                let when = humanised(*retry_after);
                return Cow::Owned(format!(
                    "Too many attempts with a wrong password. Please try again in {when}."
                ));
            }
            Self::WrongConnection => {
                "The browser opened this connection for another site. Reload the page to open a new one."
            }
            Self::HeadTooLarge => {
                "The address or the cookies are larger than this site accepts. Clearing the cookies of this site may help."
            }
            Self::TooBusy { retry_after } => {
                return Cow::Owned(match whole_seconds(*retry_after) {
                    1 => "Many people are signing in at the moment. Please try again in a second.".to_owned(),
                    seconds => format!(
                        "Many people are signing in at the moment. Please try again in {seconds} seconds."
                    ),
                });
            }
            Self::Overloaded { .. } => {
                "Too many requests are in progress at the moment. Please try again in a little while."
            }
            Self::Unavailable => "This can’t be done at the moment. Please try again in a little while.",
            Self::BadGateway => "It may be restarting. Please try again in a little while.",
            Self::GatewayTimeout => {
                "It took too long and may be overloaded. Please try again in a little while."
            }
            Self::Internal => {
                "This is not your fault. If it happens again, tell an administrator the request number below."
            }
        })
    }

    /// The answer, with the headers that belong to its status.
    pub fn respond(&self, wants: Representation, request_id: &str, pages: &Pages) -> Response<Full<Bytes>> {
        self.respond_leading_to(self.page_to_open(), wants, request_id, pages)
    }

    /// The same, with another page to open.
    pub fn respond_leading_to(
        &self,
        page_to_open: Option<&str>,
        wants: Representation,
        request_id: &str,
        pages: &Pages,
    ) -> Response<Full<Bytes>> {
        let detail = self.detail();
        let mut response = match wants {
            Representation::Page | Representation::Frame => {
                let is_framed = wants == Representation::Frame;
                let page = Page::Refused(Refused {
                    status: self.status().as_u16(),
                    title: self.title(),
                    detail: &detail,
                    request_id,
                    page_link: page_to_open.map(|href| PageLink { href, text: self.link_text() }),
                    offers_account: *self == Self::Forbidden,
                    link: match self {
                        Self::PlainHttp { to } => to.as_deref(),
                        _ => None,
                    },
                    is_framed,
                });
                let mut response = pages.render(self.status(), &page);
                // It has no form that another page could lay itself over.
                if is_framed {
                    pages::allow_same_origin_frames(&mut response);
                }
                response
            }
            Representation::Problem => {
                let problem = Problem {
                    kind: "about:blank",
                    title: self.title(),
                    status: self.status().as_u16(),
                    detail: &detail,
                    request_id,
                    login: (*self == Self::SignIn).then_some(paths::LOGIN),
                    confirm: (*self == Self::Confirm).then_some(paths::CONFIRM),
                };
                let json = serde_json::to_vec(&problem).unwrap_or_default();
                pages::own_response(self.status(), Some("application/problem+json"), json)
            }
        };
        self.add_headers(response.headers_mut());
        response
    }

    /// The page of the gateway that helps.
    fn page_to_open(&self) -> Option<&'static str> {
        match self {
            Self::SignIn => Some(paths::LOGIN),
            Self::Confirm => Some(paths::CONFIRM),
            _ => None,
        }
    }

    fn link_text(&self) -> &'static str {
        match self {
            Self::SignIn => "Sign in",
            Self::Confirm => "Confirm your password",
            _ => "Open the page",
        }
    }

    /// The headers that belong to the status: when to come back, what would work.
    ///
    /// A 401 has no challenge, although RFC 9110 §11.6.1 asks for one. No registered scheme fits a form: `Basic`
    /// and `Digest` make browsers ask for a password in a dialog of their own, and at every other scheme Python's
    /// urllib, with which `hg` speaks HTTP, ends in a traceback.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::MethodNotAllowed(allow) => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            Self::TooBusy { retry_after }
            | Self::Overloaded { retry_after }
            | Self::TooManyAttempts { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(*retry_after)));
            }
            Self::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ => {}
        }
    }
}

/// RFC 9457 §3.1, with members of our own.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<&'static str>,
}

impl Representation {
    /// The representation that the sender of this request understands.
    ///
    /// Browsers say themselves whether a request is a navigation (Fetch Metadata, `Sec-Fetch-*`), and
    /// no script can forge that. Of a client that does not say it, only one that names `text/html` gets
    /// a page: `*/*` is what programs send.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        // A browser never navigates with another method.
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Self::Problem;
        }
        // Every request is asked, before it is known whether anything will be refused: one look at each line.
        let (mut is_script, mut accepts_html) = (false, false);
        for (name, value) in headers {
            if name.as_str().starts_with("sec-fetch-") {
                return match is_navigation(headers) {
                    true if says(headers, &SEC_FETCH_DEST, &FRAMES) => Self::Frame,
                    true => Self::Page,
                    false => Self::Problem,
                };
            }
            is_script |= *name == X_REQUESTED_WITH;
            accepts_html |= *name == ACCEPT && value.to_str().is_ok_and(names_html);
        }
        if accepts_html && !is_script { Self::Page } else { Self::Problem }
    }
}

/// The mode alone: a service worker that fetches a navigation sends `Sec-Fetch-Dest: empty` with it, and the person gets
/// to see what it is given.
fn is_navigation(headers: &HeaderMap) -> bool {
    says(headers, &SEC_FETCH_MODE, &["navigate"])
}

/// Whether a header field comes once and has one of these values.
fn says(headers: &HeaderMap, name: &HeaderName, wanted: &[&str]) -> bool {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => wanted.iter().any(|wanted| value == wanted),
        _ => false,
    }
}

/// Whether an `Accept` value names `text/html` with a quality above zero (RFC 9110 §12.5.1).
fn names_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
            && parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .is_none_or(|(_, quality)| quality.trim().parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

/// A text as a sentence: with a capital letter and a full stop.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let capital = rest.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with('.') { "" } else { "." };
    format!("{capital}{}{stop}", rest.as_str())
}

fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

/// A humanised waiting time, rounded up: `40 seconds`, `5 minutes`.
fn humanised(time: Duration) -> String {
    let seconds = whole_seconds(time);
    let (number, unit) = match seconds {
        0..120 if seconds != 60 => (seconds, "second"),
        60..7200 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    if number == 1 { format!("1 {unit}") } else { format!("{number} {unit}s") }
}

/// Values of `Sec-Fetch-Dest` for a page within another one (Fetch Metadata §2.1).
const FRAMES: [&str; 4] = ["iframe", "frame", "embed", "object"];

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

#[cfg(test)]
pub(crate) mod tests {
    use http_body_util::BodyExt;

    use super::*;

    pub(crate) const EVERY_REFUSAL: [Refusal; 25] = [
        Refusal::BadRequest("The request has two lengths."),
        Refusal::PlainHttp { to: None },
        Refusal::SignIn,
        Refusal::Confirm,
        Refusal::Forbidden,
        Refusal::CrossSite,
        Refusal::ServiceWorker,
        Refusal::Framed,
        Refusal::NotFound,
        Refusal::MethodNotAllowed("GET, HEAD"),
        Refusal::TooSlow,
        Refusal::LengthRequired,
        Refusal::TooLarge,
        Refusal::UriTooLong,
        Refusal::UnsupportedMediaType,
        Refusal::Misdirected,
        Refusal::TooManyAttempts { retry_after: Duration::from_mins(5) },
        Refusal::WrongConnection,
        Refusal::HeadTooLarge,
        Refusal::TooBusy { retry_after: Duration::from_millis(1500) },
        Refusal::Unavailable,
        Refusal::Overloaded { retry_after: Duration::from_secs(2) },
        Refusal::BadGateway,
        Refusal::GatewayTimeout,
        Refusal::Internal,
    ];

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn navigations_get_pages_and_programs_get_problems() {
        use Representation::{Frame, Page, Problem};
        const CHROME: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let table: &[(&[(&str, &str)], Representation)] = &[
            (&[], Problem),
            (&[("accept", "*/*")], Problem),
            (&[("accept", "application/json")], Problem),
            (&[("accept", CHROME)], Page),
            (&[("accept", "TEXT/HTML; q=0.1")], Page),
            (&[("accept", "text/html;level=1;q=0.5")], Page),
            (&[("accept", "text/html;q=0")], Problem),
            (&[("accept", "text/html;q=0.000, application/json")], Problem),
            (&[("accept", "text/html;q=nan")], Problem),
            (&[("accept", "application/json"), ("accept", "text/html")], Page),
            (&[("accept", "text/htmlx, xtext/html")], Problem),
            (&[("accept", CHROME), ("x-requested-with", "XMLHttpRequest")], Problem),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", CHROME)], Page),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], Frame),
            (&[("sec-fetch-dest", "frame"), ("sec-fetch-mode", "navigate"), ("accept", "*/*")], Frame),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "embed")], Frame),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "object")], Frame),
            (
                &[
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                    ("sec-fetch-dest", "document"),
                ],
                Page,
            ),
            // Of a service worker that fetches the request of a navigation.
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "empty"), ("accept", CHROME)], Page),
            (&[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "iframe")], Problem),
            (&[("sec-fetch-mode", "navigate")], Page),
            (&[("sec-fetch-mode", "cors"), ("accept", CHROME)], Problem),
            (&[("sec-fetch-mode", "websocket"), ("accept", CHROME)], Problem),
            (&[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image"), ("accept", CHROME)], Problem),
            (&[("sec-fetch-dest", "document"), ("accept", CHROME)], Problem),
            (&[("sec-fetch-mode", "cors"), ("sec-fetch-mode", "navigate")], Problem),
        ];
        for (pairs, expected) in table {
            let mut all = HeaderMap::new();
            for (name, value) in *pairs {
                all.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(Representation::of(&Method::GET, &all), *expected, "{pairs:?}");
        }
        let navigation = headers(&[("accept", CHROME)]);
        assert_eq!(Representation::of(&Method::POST, &navigation), Page);
        assert_eq!(Representation::of(&Method::DELETE, &navigation), Problem);
    }

    #[tokio::test]
    async fn a_problem_is_rfc_9457_and_carries_the_request_id() {
        let pages = Pages::new();
        for refusal in EVERY_REFUSAL {
            let response = refusal.respond(Representation::Problem, "r-1", &pages);
            assert_eq!(response.status(), refusal.status());
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let json: serde_json::Value = serde_json::from_slice(&body(response).await).unwrap();
            assert_eq!(json["type"], "about:blank");
            assert_eq!(json["status"], refusal.status().as_u16());
            assert_eq!(json["title"], refusal.title());
            assert_eq!(json["detail"], refusal.detail().as_ref());
            assert_eq!(json["request_id"], "r-1");
            assert_eq!(json.get("login").is_some(), refusal == Refusal::SignIn);
        }
    }

    #[tokio::test]
    async fn refusal_in_a_frame_has_no_form_and_its_links_leave_the_frame() {
        let pages = Pages::new();
        for refusal in EVERY_REFUSAL {
            let response = refusal.respond(Representation::Frame, "r-1", &pages);
            let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
            assert!(
                policy.contains("frame-ancestors 'self'") && policy.contains("form-action 'none'"),
                "{policy}"
            );
            assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
            let html = String::from_utf8(body(response).await.to_vec()).unwrap();
            assert!(!html.contains("<form"), "{html}");
            assert_eq!(html.matches("<a ").count(), html.matches("target=\"_top\"").count(), "{html}");
            assert_eq!(html.contains(">Sign in<"), refusal == Refusal::SignIn, "{html}");

            let response = refusal.respond(Representation::Page, "r-1", &pages);
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(response.headers()["x-frame-options"], "DENY");
        }
    }

    #[tokio::test]
    async fn a_page_says_what_happened_with_its_request_id_escaped() {
        let pages = Pages::new();
        for refusal in EVERY_REFUSAL {
            let response = refusal.respond(Representation::Page, "<r&1>", &pages);
            assert_eq!(response.status(), refusal.status());
            assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
            let html = String::from_utf8(body(response).await.to_vec()).unwrap();
            assert!(html.contains(refusal.title()), "{html}");
            assert!(html.contains("&lt;r&amp;1&gt;") && !html.contains("<r&1>"), "{html}");
        }
    }

    #[test]
    fn a_waiting_time_is_humanised_and_never_too_short() {
        for (millis, expected) in [
            (0, "1 second"),
            (39_001, "40 seconds"),
            (60_000, "1 minute"),
            (60_001, "61 seconds"),
            (240_001, "5 minutes"),
            (3_600_000, "60 minutes"),
            (86_399_000, "24 hours"),
        ] {
            assert_eq!(humanised(Duration::from_millis(millis)), expected, "{millis}");
        }
    }

    #[test]
    fn each_status_carries_its_header() {
        let pages = Pages::new();
        for wants in [Representation::Page, Representation::Frame, Representation::Problem] {
            let header = |refusal: Refusal, name: &str| {
                refusal
                    .respond(wants, "r", &pages)
                    .headers()
                    .get(name)
                    .map(|v| v.to_str().unwrap().to_owned())
            };
            assert!(header(Refusal::SignIn, "www-authenticate").is_none());
            assert_eq!(header(Refusal::MethodNotAllowed("GET, HEAD"), "allow").as_deref(), Some("GET, HEAD"));
            let busy = |millis| Refusal::TooBusy { retry_after: Duration::from_millis(millis) };
            assert_eq!(header(busy(1500), "retry-after").as_deref(), Some("2"));
            assert_eq!(header(busy(0), "retry-after").as_deref(), Some("1"));
            let many = Refusal::TooManyAttempts { retry_after: Duration::from_millis(299_001) };
            assert_eq!(header(many, "retry-after").as_deref(), Some("300"));
            assert!(header(Refusal::Unavailable, "retry-after").is_some());
        }
    }

    async fn body(response: Response<Full<Bytes>>) -> Bytes {
        #[expect(clippy::disallowed_methods, reason = "a body of our own")]
        response.into_body().collect().await.unwrap().to_bytes()
    }
}
