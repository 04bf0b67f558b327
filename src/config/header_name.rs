//! Names of header fields that the gateway writes towards an app.

use http::HeaderName;

use super::{excerpt::excerpt, reader::Reader, source::Span};

/// Reads a name; `role` says what the field is: "an identity header".
pub(super) fn read(reader: &Reader, (text, span): (&str, &Span), role: &str) -> Option<HeaderName> {
    let wrong = |problem: &str, help: String| {
        let message = format!("`{}` cannot be {role}", excerpt(text));
        reader.report(reader.error(span, message).label(problem).help(help));
        None
    };
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        return wrong("this is no name of a header", "use letters, digits and `-`".to_owned());
    };
    if name.as_str().contains('_') {
        return wrong(
            "it has an underscore",
            format!(
                "write `{}`; many servers drop the other, and some mix the two up",
                text.replace('_', "-")
            ),
        );
    }
    if TAKEN.contains(&name.as_str()) {
        return wrong(
            "HTTP or the gateway itself needs it",
            format!("choose another name, such as `X-Auth-{}`", excerpt(text)),
        );
    }
    Some(name)
}

/// Headers that HTTP needs, or that the gateway sets with another meaning.
const TAKEN: [&str; 30] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];
