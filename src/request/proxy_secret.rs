//! The secret that another proxy shows when it asks the gateway about a request.
//!
//! The address of the proxy decides first; the secret tells it from other programs on the same machine.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, HeaderName};
use zeroize::Zeroizing;

use super::SingleHeader;

/// The secret of `[forward_auth]`.
#[derive(Clone)]
pub struct ProxySecret(Zeroizing<String>);

/// The header field that brings it.
pub const PROXY_SECRET: HeaderName = HeaderName::from_static("portcullis-proxy-secret");

impl ProxySecret {
    /// A secret as its file holds it.
    pub fn new(secret: Zeroizing<String>) -> Self {
        Self(secret)
    }

    /// Whether the request shows it, once.
    pub fn is_shown_in(&self, headers: &HeaderMap) -> bool {
        let shown = SingleHeader::of(headers, PROXY_SECRET).once();
        shown.is_some_and(|shown| verify_slices_are_equal(shown.as_bytes(), self.0.as_bytes()).is_ok())
    }
}

impl fmt::Debug for ProxySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxySecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_secret_is_shown_once_and_whole() {
        let secret = ProxySecret::new(Zeroizing::new("tulip-42".into()));
        let shown = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PROXY_SECRET, HeaderValue::from_static(value));
            }
            secret.is_shown_in(&headers)
        };
        assert!(shown(&["tulip-42"]));
        for wrong in [&[][..], &["tulip-4"], &["tulip-42 "], &["TULIP-42"], &[""], &["tulip-42", "tulip-42"]]
        {
            assert!(!shown(wrong), "{wrong:?}");
        }
        assert!(!format!("{secret:?}").contains("tulip"));
    }
}
