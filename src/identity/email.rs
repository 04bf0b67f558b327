//! The normal form of an e-mail address, in which two addresses are compared.
//!
//! `users` looks for an account by it when an operator has invited somebody, or lets a provider's verified address
//! stand for an account. Mallory registers `alice＠example.com` (full-width `＠`) or `alice@evil.test@example.com` at a
//! provider: neither has a normal form, so neither is ever taken for Alice's address.

use std::fmt;

use unicode_normalization::is_nfkc;

/// The normal form of an address: lower case, one ASCII `@`, a domain in ASCII, no compatibility forms.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(Box<str>);

impl EmailKey {
    /// The normal form; `None` if the address has none.
    pub fn of(address: &str) -> Option<Self> {
        let (mailbox, domain) = address.split_once('@')?;
        let is_domain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
        let fits = address.len() <= MAX_BYTES
            && !mailbox.is_empty()
            && domain.bytes().all(is_domain)
            // Mail to `alice@example.com.` may reach Alice, who has asked for none.
            && domain.split('.').all(|label| !label.is_empty())
            && !mailbox.contains(|c: char| c.is_whitespace() || c.is_control())
            && is_nfkc(address);
        if !fits {
            return None;
        }
        let lower: String = address.chars().flat_map(char::to_lowercase).collect();
        // A letter whose lower case is a compatibility form again could be read as another address later.
        is_nfkc(&lower).then(|| Self(lower.into()))
    }

    /// The normal form as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// RFC 5321 §4.5.3.1 leaves room for no more.
const MAX_BYTES: usize = 254;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_address_have_one_normal_form() {
        for spelling in ["alice@example.com", "Alice@Example.COM", "ALICE@EXAMPLE.COM"] {
            assert_eq!(EmailKey::of(spelling).unwrap().as_str(), "alice@example.com", "{spelling}");
        }
        assert_eq!(EmailKey::of("Ärger@xn--bcher-kva.example").unwrap().domain(), "xn--bcher-kva.example");
    }

    #[test]
    fn a_look_alike_address_has_no_normal_form() {
        for bad in [
            "",
            "alice",
            "@example.com",
            "alice@",
            "alice\u{ff20}example.com",
            "alice@evil.test@example.com",
            "alice\u{ff20}evil.test@example.com",
            "ａlice@example.com",
            "alice@ｅxample.com",
            "alice@exämple.com",
            "ali ce@example.com",
            "alice@example.com ",
            " alice@example.com",
            "alice@example.com\0",
            "alice@exam\u{200b}ple.com",
            "alice@example.com,mallory@evil.test",
            "alice@example.com.",
            "alice@.example.com",
            "alice@example..com",
            &format!("a@{}", "b".repeat(253)),
        ] {
            assert_eq!(EmailKey::of(bad), None, "{bad:.40?}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(text in "[\\PC]{1,10}@[a-zA-Z0-9.-]{1,10}") {
            if let Some(key) = EmailKey::of(&text) {
                prop_assert_eq!(EmailKey::of(key.as_str()), Some(key.clone()));
                prop_assert_eq!(key.as_str().matches('@').count(), 1);
            }
        }
    }
}
