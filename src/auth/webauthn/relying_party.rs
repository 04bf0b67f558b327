//! The relying party: the name that passkeys are bound to, and the origins that may use them.

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;

/// The relying party of this gateway, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: Box<str>,
    id_hash: [u8; 32],
    /// The origins of the gateway's pages, as browsers write them.
    origins: Box<[Box<str>]>,
}

impl RelyingParty {
    /// The relying party with this id, which is a host name, and with pages at these origins and no others.
    pub fn new(id: impl Into<Box<str>>, origins: impl IntoIterator<Item = Box<str>>) -> Self {
        let id = id.into();
        let mut id_hash = [0; 32];
        id_hash.copy_from_slice(digest::digest(&digest::SHA256, id.as_bytes()).as_ref());
        Self { id, id_hash, origins: origins.into_iter().collect() }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origins that may use its passkeys.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(|origin| &**origin)
    }

    /// Whether a ceremony took place at one of its pages. Compared whole: Mallory may own `evil-example.com`,
    /// `example.com.evil.test`, and another port of the host.
    pub(super) fn is_at(&self, origin: &str) -> bool {
        self.origins().any(|known| known == origin)
    }

    /// Whether this is the hash of its id.
    pub(super) fn has_hash(&self, hash: &[u8; 32]) -> bool {
        self.id_hash.ct_eq(hash).into()
    }
}

/// Whether a host is this domain or one below it, by whole labels. Both in canonical form.
pub fn is_at_or_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|labels| labels.is_empty() || labels.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_below_a_domain_by_whole_labels() {
        for (host, domain, expected) in [
            ("example.com", "example.com", true),
            ("login.example.com", "example.com", true),
            ("a.b.example.com", "example.com", true),
            ("evil-example.com", "example.com", false),
            ("example.com", "login.example.com", false),
            ("example.com.evil.test", "example.com", false),
            ("com", "example.com", false),
        ] {
            assert_eq!(is_at_or_below(host, domain), expected, "{host} {domain}");
        }
    }
}
