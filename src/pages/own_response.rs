//! The headers of every response that the gateway makes itself: pages, problem documents, JSON, redirects.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use http_body_util::Full;

/// A response with this body. Browsers show it in no frame, cache nothing of it, guess no other content type, and load
/// nothing from elsewhere for it (ASVS 5.0 3.4.3 to 3.4.6, 14.3.2).
pub fn own_response(
    status: StatusCode,
    content_type: Option<&'static str>,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS.len() + 4);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// A redirect that the browser follows with a GET (303, RFC 9110 §15.4.4).
///
/// The location is a path on this host that the gateway made or checked, an address on another of its hosts, or one of a
/// provider; one that is no legal header value becomes `/`.
pub fn redirect(location: &str) -> Response<Full<Bytes>> {
    let mut response = own_response(StatusCode::SEE_OTHER, None, Bytes::new());
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Allows pages of the same origin to show this page, which has no form, in a frame. Otherwise an application that is
/// embedded in another one would be an empty frame without an explanation.
pub fn allow_same_origin_frames(response: &mut Response<Full<Bytes>>) {
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; \
             frame-ancestors 'self'; base-uri 'none'; object-src 'none'",
        ),
    );
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
}

/// Allows the form of this page to lead to another origin, by a redirect after it was sent. Browsers check each step of
/// the way (CSP 3 §6.4.1, `form-action`).
pub fn allow_form_to_lead_to(response: &mut Response<Full<Bytes>>, origin: &str) {
    extend_policy(response, "form-action 'self'", origin);
}

/// Allows this page to show images of other origins.
pub fn allow_images_of<'o>(response: &mut Response<Full<Bytes>>, origins: impl Iterator<Item = &'o str>) {
    for origin in origins {
        extend_policy(response, "img-src 'self' data:", origin);
    }
}

/// Allows this page to run the script at this address, and no other.
pub(super) fn allow_script(response: &mut Response<Full<Bytes>>, address: &str) {
    let policy = response.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let Some(policy) = policy else { return };
    // The address is made of the host of this request and a path of the gateway: it can end no directive.
    if let Ok(policy) = HeaderValue::from_str(&format!("{policy}; script-src {address}")) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// Adds an origin to a directive, whose text begins like this; leaves the policy as it is if it has no such directive.
fn extend_policy(response: &mut Response<Full<Bytes>>, directive: &str, origin: &str) {
    let policy = response.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let Some((before, after)) = policy.and_then(|policy| policy.split_once(directive)) else { return };
    // The origin is made of a configured host and a port: it can end no directive.
    if let Ok(policy) = HeaderValue::from_str(&format!("{before}{directive} {origin}{after}")) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
}

/// The value of `Referrer-Policy` for an address with a code in it. Such a page has no form of its own; see below.
pub const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

const HEADERS: [(HeaderName, &str); 9] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    ),
    // For browsers without frame-ancestors.
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not no-referrer: a form would then be sent with `Origin: null` (Fetch §3.1, serialising a request origin), and
    // could not be distinguished from the form of a stranger in a sandbox.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (CACHE_CONTROL, "no-store"),
    // A navigation gets a page, a program a problem document; both depend on the user.
    (VARY, "Accept, Cookie, Sec-Fetch-Dest, Sec-Fetch-Mode, X-Requested-With"),
];
