//! Requests, encoded (RFC 4511 §4).

use std::time::Duration;

use zeroize::Zeroizing;

use super::{
    SearchRequest,
    ber::{BerWriter, ENUMERATED, INTEGER, SEQUENCE},
    search_request::Scope,
};

/// A bind with a name and a password (§4.2, simple authentication).
pub(super) fn bind(id: u32, dn: &str, password: &str) -> Zeroizing<Vec<u8>> {
    message(id, dn.len() + password.len(), |to| {
        to.constructed(0x60, |to| {
            to.number(INTEGER, 3);
            to.octets(dn.as_bytes());
            to.primitive(0x80, password.as_bytes());
        });
    })
}

/// The end of the connection (§4.3). It has no response.
pub(super) fn unbind(id: u32) -> Zeroizing<Vec<u8>> {
    message(id, 0, |to| to.primitive(0x42, &[]))
}

/// The request for TLS (§4.14.1).
pub(super) fn start_tls(id: u32) -> Zeroizing<Vec<u8>> {
    message(id, 0, |to| to.constructed(0x77, |to| to.primitive(0x80, START_TLS.as_bytes())))
}

/// A search (§4.5.1), with the cookie of the page before if it is one of pages (RFC 2696).
pub(super) fn search(
    id: u32,
    request: &SearchRequest,
    time_limit: Duration,
    cookie: &[u8],
) -> Zeroizing<Vec<u8>> {
    let SearchRequest { base, scope, filter, attributes, size_limit, page_size } = request;
    let mut writer = BerWriter::with_capacity(512);
    writer.constructed(SEQUENCE, |to| {
        to.number(INTEGER, id);
        to.constructed(0x63, |to| {
            to.octets(base.as_bytes());
            let scope = match scope {
                Scope::Base => 0,
                Scope::OneLevel => 1,
                Scope::Subtree => 2,
            };
            to.number(ENUMERATED, scope);
            // derefAliases: neverDerefAliases.
            to.number(ENUMERATED, 0);
            to.number(INTEGER, (*size_limit).min(i32::MAX.unsigned_abs()));
            to.number(INTEGER, u32::try_from(time_limit.as_secs()).unwrap_or(0).clamp(1, 3600));
            // typesOnly: no, values, too.
            to.boolean(false);
            filter.write(to);
            to.constructed(SEQUENCE, |to| {
                // An empty list would be all attributes.
                if attributes.is_empty() {
                    to.octets(b"1.1");
                }
                for attribute in attributes {
                    to.octets(attribute.as_bytes());
                }
            });
        });
        if let Some(page_size) = page_size {
            to.constructed(0xa0, |to| {
                to.constructed(SEQUENCE, |to| {
                    to.octets(PAGED_RESULTS.as_bytes());
                    to.octets(&paged_results(*page_size, cookie));
                });
            });
        }
    });
    writer.finish()
}

fn paged_results(page_size: u16, cookie: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut writer = BerWriter::with_capacity(cookie.len() + 16);
    writer.constructed(SEQUENCE, |to| {
        to.number(INTEGER, u32::from(page_size.clamp(1, MAX_PAGE)));
        to.octets(cookie);
    });
    writer.finish()
}

fn message(id: u32, content: usize, write: impl FnOnce(&mut BerWriter)) -> Zeroizing<Vec<u8>> {
    let mut writer = BerWriter::with_capacity(content + 128);
    writer.constructed(SEQUENCE, |to| {
        to.number(INTEGER, id);
        write(to);
    });
    writer.finish()
}

/// Maximum number of entries of a page; Active Directory sends no more at a time.
const MAX_PAGE: u16 = 1000;
/// RFC 2696 §2.
pub(super) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// RFC 4511 §4.14.1.
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::auth::ldap::client::{Filter, framing::message_length};

    #[test]
    fn a_bind_is_encoded_as_rfc_4511_says() {
        let bytes = bind(1, "cn=a", "pw");
        assert_eq!(HEXLOWER.encode(&bytes), "3012020101600d0201030404636e3d6180027077");
        assert_eq!(message_length(&bytes), Ok(Some(bytes.len())));
    }

    /// Otherwise the vector that the password was in first is freed without being wiped.
    #[test]
    fn a_bind_is_written_without_growing() {
        for (dn, password) in [("", 0), ("cn=a", 1024), ("cn=a", 65_000)] {
            let bytes = bind(i32::MAX.unsigned_abs(), dn, &"x".repeat(password));
            assert_eq!(bytes.capacity(), dn.len() + password + 128);
        }
    }

    #[test]
    fn an_unbind_and_a_start_tls_are_encoded_as_rfc_4511_says() {
        assert_eq!(HEXLOWER.encode(&unbind(3)), "30050201034200");
        let oid = HEXLOWER.encode(START_TLS.as_bytes());
        assert_eq!(HEXLOWER.encode(&start_tls(1)), format!("301d02010177188016{oid}"));
    }

    fn request(page_size: Option<u16>) -> SearchRequest {
        SearchRequest {
            base: "dc=x".into(),
            scope: Scope::Subtree,
            filter: Filter::equal("uid", "a"),
            attributes: vec!["cn".into()],
            size_limit: 2,
            page_size,
        }
    }

    #[test]
    fn a_search_is_encoded_as_rfc_4511_says() {
        let bytes = search(2, &request(None), Duration::from_secs(5), b"");
        let parts = [
            "302a 020102 6325", // message 2, search
            "04 04 64633d78 0a0102 0a0100 020102 020105 010100",
            "a308 0403756964 040161",
            "3004 0402636e",
        ];
        assert_eq!(HEXLOWER.encode(&bytes), parts.concat().replace(' ', ""));
    }

    #[test]
    fn a_page_carries_the_cookie_of_the_one_before() {
        let bytes = search(2, &request(Some(5000)), Duration::from_secs(5), b"next");
        let encoded = HEXLOWER.encode(&bytes);
        let control = [
            "a028 3026 0416", // controls, one of them
            &HEXLOWER.encode(PAGED_RESULTS.as_bytes()),
            "040c 300a 020203e8 0404",
            &HEXLOWER.encode(b"next"),
        ];
        assert!(encoded.ends_with(&control.concat().replace(' ', "")), "{encoded}");
    }

    #[test]
    fn a_search_without_attributes_asks_for_none() {
        let bytes = search(2, &SearchRequest { attributes: vec![], ..request(None) }, Duration::ZERO, b"");
        assert!(HEXLOWER.encode(&bytes).ends_with("30050403312e31"));
    }
}
