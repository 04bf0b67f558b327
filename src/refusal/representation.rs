//! The form of response that a client understands: a page, a page in a frame, or a problem.
//!
//! Every refusal, and every page of the portal, is given in one of them. It says nothing about the refusal itself.

use http::{HeaderMap, HeaderName, Method, header::ACCEPT};

/// The form in which a client understands a response of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// HTML, for somebody who is looking at it.
    Page,
    /// HTML in a frame of another page.
    Frame,
    /// `application/problem+json`, for a program.
    Problem,
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

/// True if a header field comes once and has one of these values.
fn says(headers: &HeaderMap, name: &HeaderName, wanted: &[&str]) -> bool {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => wanted.iter().any(|wanted| value == wanted),
        _ => false,
    }
}

/// True if an `Accept` value names `text/html` with a quality above zero (RFC 9110 §12.5.1).
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

/// Values of `Sec-Fetch-Dest` for a page within another one (Fetch Metadata §2.1).
const FRAMES: [&str; 4] = ["iframe", "frame", "embed", "object"];

static SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
