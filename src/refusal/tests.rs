//! The response of every refusal, in each form.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::{BodyExt, Full};

use super::*;
use crate::{identity::ProofMethods, pages::Pages};

pub(crate) const EVERY_REFUSAL: [Refusal; 30] = [
    Refusal::BadRequest("The request has two lengths."),
    Refusal::PlainHttp { to: None },
    Refusal::SignIn,
    Refusal::Confirm(ProofMethods::ALL),
    Refusal::WrongAccessToken,
    Refusal::BoundAccessToken,
    Refusal::Forbidden,
    Refusal::ForbiddenToProgram,
    Refusal::CrossSite,
    Refusal::ServiceWorker,
    Refusal::Framed,
    Refusal::NotFound,
    Refusal::NoCertificate,
    Refusal::NoCertificateByProxy,
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
            &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("sec-fetch-dest", "document")],
            Page,
        ),
        // A service worker fetches the request of a navigation like this.
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
        let response =
            refusal.respond(Representation::Problem, "r-1", &pages, &headers(&[("accept-language", "de")]));
        assert_eq!(response.status(), refusal.status());
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let json: serde_json::Value = serde_json::from_slice(&body(response).await).unwrap();
        assert_eq!(json["type"], "about:blank");
        assert_eq!(json["status"], refusal.status().as_u16());
        assert_eq!(json["title"], pages.english().say(&refusal.title()));
        assert_eq!(json["detail"], pages.english().say(&refusal.detail()));
        assert_eq!(json["request_id"], "r-1");
        assert_eq!(json.get("login").is_some(), refusal == Refusal::SignIn);
    }
}

#[tokio::test]
async fn refusal_in_a_frame_has_no_form_and_its_links_leave_the_frame() {
    let pages = Pages::new();
    for refusal in EVERY_REFUSAL {
        let response = refusal.respond(Representation::Frame, "r-1", &pages, &HeaderMap::new());
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

        let response = refusal.respond(Representation::Page, "r-1", &pages, &HeaderMap::new());
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["x-frame-options"], "DENY");
    }
}

#[tokio::test]
async fn a_page_says_what_happened_with_its_request_id_escaped() {
    let pages = Pages::new();
    for refusal in EVERY_REFUSAL {
        let response = refusal.respond(Representation::Page, "<r&1>", &pages, &HeaderMap::new());
        assert_eq!(response.status(), refusal.status());
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let html = String::from_utf8(body(response).await.to_vec()).unwrap();
        assert!(html.contains(&pages.english().say(&refusal.title())), "{html}");
        assert!(html.contains("&lt;r&amp;1&gt;") && !html.contains("<r&1>"), "{html}");
    }
}

#[test]
fn each_status_carries_its_header() {
    let pages = Pages::new();
    for wants in [Representation::Page, Representation::Frame, Representation::Problem] {
        let header = |refusal: Refusal, name: &str| {
            refusal
                .respond(wants, "r", &pages, &HeaderMap::new())
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        assert!(header(Refusal::SignIn, "www-authenticate").is_none());
        for refusal in [Refusal::WrongAccessToken, Refusal::BoundAccessToken] {
            let challenge = header(refusal, "www-authenticate").unwrap();
            assert!(challenge.starts_with("Bearer ") && challenge.contains("error=\"invalid_token\""));
        }
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
