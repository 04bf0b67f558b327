//! The logo of an operator, served by the gateway itself.
//!
//! An SVG file may hold scripts. The pages show the logo as an image, in which browsers run none; for somebody who opens its
//! address, a content security policy of its own forbids scripts and everything else, and puts it into a sandbox.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
};
use http_body_util::Full;

use super::own_response;

/// A logo; its kind is known by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    kind: Kind,
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Webp,
    Svg,
}

impl Logo {
    /// Maximum size of the file in bytes.
    pub const MAX_BYTES: usize = 256 << 10;

    /// The logo in a file with this content; `None` if it is no PNG, WebP or SVG image.
    pub fn new(content: Vec<u8>) -> Option<Self> {
        let kind = if content.starts_with(b"\x89PNG\r\n\x1a\n") {
            Kind::Png
        } else if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
            Kind::Webp
        } else if is_svg(&content) {
            Kind::Svg
        } else {
            return None;
        };
        Some(Self { kind, bytes: content.into() })
    }

    /// The bytes of the file.
    pub(super) fn content(&self) -> &[u8] {
        &self.bytes
    }

    /// The ending of its name.
    pub(super) fn extension(&self) -> &'static str {
        match self.kind {
            Kind::Png => "png",
            Kind::Webp => "webp",
            Kind::Svg => "svg",
        }
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let content_type = match self.kind {
            Kind::Png => "image/png",
            Kind::Webp => "image/webp",
            Kind::Svg => "image/svg+xml",
        };
        let mut response = own_response(StatusCode::OK, Some(content_type), self.bytes.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(INERT));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        response
    }
}

/// Whether the first element is `svg`, after an XML declaration, a document type and comments.
fn is_svg(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map(|at| at + 3)
        } else if rest.starts_with("<?") || rest.starts_with("<!") {
            rest.find('>').map(|at| at + 1)
        } else {
            break;
        };
        let Some(after) = end.and_then(|end| rest.get(end..)) else { return false };
        rest = after.trim_start();
    }
    let Some(after) = rest.strip_prefix("<svg") else { return false };
    after.starts_with(|c: char| c.is_ascii_whitespace() || c == '>')
}

const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
                     form-action 'none'; sandbox";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_known_by_the_content() {
        let kind = |content: &[u8]| Logo::new(content.to_vec()).map(|logo| logo.extension());
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..."), Some("png"));
        assert_eq!(kind(b"RIFF\x10\0\0\0WEBPVP8 "), Some("webp"));
        for svg in [
            "<svg xmlns='http://www.w3.org/2000/svg'/>",
            "\u{feff}<?xml version='1.0'?>\n<!-- a > b -->\n<!DOCTYPE svg>\n<svg>",
        ] {
            assert_eq!(kind(svg.as_bytes()), Some("svg"), "{svg}");
        }
        for other in [
            &b""[..],
            b"GIF89a",
            b"<html><svg></svg></html>",
            b"<svgx>",
            b"<!-- <svg>",
            b"\xff\xfe<svg>",
            b"RIFF\x10\0\0\0WAVE",
            b"RIFF",
            b"\x89PNG",
        ] {
            assert_eq!(kind(other), None, "{other:?}");
        }
    }

    #[test]
    fn script_in_a_logo_does_not_run() {
        let logo = Logo::new(b"<svg onload='alert(1)'><script>alert(2)</script></svg>".to_vec()).unwrap();
        let response = logo.response();
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
        assert!(!policy.contains("script-src") && !policy.contains("allow-scripts"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["content-type"], "image/svg+xml");
    }
}
