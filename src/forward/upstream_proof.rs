//! The proof with which the gateway shows itself to an upstream: a secret in a header field, or a fixed account.
//!
//! `config` reads it from `upstream_auth`, `headers` writes it into each request to the app. An application that checks it
//! can tell the gateway from another program on the same machine or network. The client's header of this name never
//! reaches the app. The value appears in no log, no error and no `Debug`.

use std::fmt;

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use zeroize::Zeroizing;

/// A header field that proves that the gateway sent a request.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamProof {
    name: HeaderName,
    value: HeaderValue,
}

impl UpstreamProof {
    /// A secret in a header field of this name; `None`: the secret holds a character that no header field may have.
    pub fn header(name: HeaderName, secret: &str) -> Option<Self> {
        Some(Self { name, value: sensitive(secret)? })
    }

    /// A fixed account by HTTP Basic (RFC 7617); `None`: the name has a colon.
    pub fn basic(user: &str, password: &str) -> Option<Self> {
        if user.contains(':') {
            return None;
        }
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        Some(Self { name: AUTHORIZATION, value: sensitive(&encoded)? })
    }

    /// The name of the header field.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value, for the request alone.
    pub(super) fn value(&self) -> &HeaderValue {
        &self.value
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Without the value.
impl fmt::Debug for UpstreamProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamProof").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_account_is_encoded_as_rfc_7617_says() {
        let proof = UpstreamProof::basic("Aladdin", "open sesame").unwrap();
        assert_eq!(
            (proof.name(), proof.value().as_bytes()),
            (&AUTHORIZATION, &b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="[..])
        );
        assert!(UpstreamProof::basic("a:b", "c").is_none());
    }

    #[test]
    fn no_debug_output_shows_the_secret() {
        let name = HeaderName::from_static("x-gateway-secret");
        let printed = format!(
            "{:?} {:?}",
            UpstreamProof::header(name, "tulip-42"),
            UpstreamProof::basic("a", "tulip-42")
        );
        assert!(!printed.contains("tulip") && printed.contains("x-gateway-secret"), "{printed}");
    }
}
