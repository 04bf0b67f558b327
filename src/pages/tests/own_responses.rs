//! The header fields of the responses that the gateway makes itself, and the stylesheet.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

use super::gallery::gallery;
use crate::pages::{Pages, own_response, redirect};

#[test]
fn every_own_response_has_the_same_headers() {
    let pages = Pages::new();
    let responses = gallery()
        .iter()
        .map(|(_, page)| pages.render(StatusCode::OK, page, pages.english()))
        .chain([
            stylesheet(&pages),
            redirect("/"),
            own_response(StatusCode::OK, Some("application/json"), "{}"),
        ])
        .collect::<Vec<_>>();
    for response in responses {
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("script-src"),
            "{policy}"
        );
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "same-origin");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        assert!(headers.contains_key("permissions-policy"));
        assert_eq!(headers.get_all("cache-control").iter().count(), 1);
    }
}

#[test]
fn pages_are_never_stored_and_the_stylesheet_is_kept_for_a_year() {
    let pages = Pages::new();
    for (_, page) in gallery() {
        assert_eq!(
            pages.render(StatusCode::OK, &page, pages.english()).headers()["cache-control"],
            "no-store"
        );
    }
    assert_eq!(redirect("/").headers()["cache-control"], "no-store");
    assert!(stylesheet(&pages).headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(pages.0.stylesheet_path.starts_with("/.gateway/style-"));
}

#[test]
fn only_the_stylesheet_of_this_version_is_there_and_only_to_be_looked_at() {
    let pages = Pages::new();
    let path = &pages.0.stylesheet_path;
    assert_eq!(stylesheet(&pages).headers()["content-type"], "text/css; charset=utf-8");
    assert!(pages.file_at(&Method::HEAD, path).is_some());
    assert!(pages.file_at(&Method::POST, path).is_none());
    for other in ["/.gateway/style-0.css", "/.gateway/", "/", &path.to_uppercase(), &format!("{path}/")] {
        assert!(pages.file_at(&Method::GET, other).is_none(), "{other}");
    }
}

fn stylesheet(pages: &Pages) -> Response<Full<Bytes>> {
    pages.file_at(&Method::GET, &pages.0.stylesheet_path).unwrap()
}

#[test]
fn a_location_that_no_header_can_carry_becomes_the_start_page() {
    assert_eq!(redirect("/a?b=c").headers()["location"], "/a?b=c");
    assert_eq!(redirect("/a\r\nSet-Cookie: x=y").headers()["location"], "/");
}
