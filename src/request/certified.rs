//! The hosts that one certificate stands for.

/// The names of each certificate that the operator has configured, in their order; `*.example.com` as
/// `.example.com`. None of the self-signed one, in which no browser believes.
#[derive(Clone, Debug, Default)]
pub struct CertifiedNames(Vec<Vec<Box<str>>>);

impl CertifiedNames {
    /// The names of these certificates.
    pub fn new(certificates: Vec<Vec<Box<str>>>) -> Self {
        Self(certificates)
    }

    /// True if the certificate for the server name `named` stands for `asked`, too: then a client may send requests for
    /// both over one connection of HTTP/2 (RFC 9113 §9.1.1).
    pub fn are_one(&self, named: &str, asked: &str) -> bool {
        let by = |stands: fn(&[Box<str>], &str) -> bool| self.0.iter().find(|names| stands(names, named));
        let shown = by(names_it).or_else(|| by(names_its_parent));
        shown.is_some_and(|names| names_it(names, asked) || names_its_parent(names, asked))
    }
}

fn names_it(names: &[Box<str>], host: &str) -> bool {
    names.iter().any(|name| **name == *host)
}

/// RFC 9525 §6.3: a wildcard is one label.
fn names_its_parent(names: &[Box<str>], host: &str) -> bool {
    host.find('.').and_then(|dot| host.get(dot..)).is_some_and(|parent| names_it(names, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certificate_stands_for_the_names_in_it() {
        let certificates = [&[".example.com", "example.com"][..], &["wiki.example.com", "shop.example"]];
        let names = certificates.map(|names| names.iter().map(|name| (*name).into()).collect());
        let certified = CertifiedNames::new(names.into());
        for (named, asked, one) in [
            ("a.example.com", "b.example.com", true),
            ("a.example.com", "example.com", true),
            ("a.example.com", "wiki.example.com", true),
            // The exact name is shown another certificate.
            ("wiki.example.com", "a.example.com", false),
            ("wiki.example.com", "shop.example", true),
            ("a.example.com", "shop.example", false),
            ("a.example.com", "a.b.example.com", false),
            ("unknown.example", "a.example.com", false),
            ("unknown.example", "other.example", false),
            ("a.example.com", "com", false),
        ] {
            assert_eq!(certified.are_one(named, asked), one, "{named} {asked}");
        }
        assert!(!CertifiedNames::default().are_one("a.example.com", "b.example.com"));
    }
}
