//! Rules that say which user a certificate names.
//!
//! A rule looks at the subject alternative names of one kind, or at the key. Its pattern may have one `*`, which stands for
//! the name of the user; without it the rule names the user. The common name is never looked at.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use crate::identity::UserName;

/// A rule: certificates with this name or key are of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRule {
    /// The certificates that the rule is about.
    pub certificate: CertificateName,
    /// The user; `None`: the text at the `*` of the pattern names the user.
    pub user: Option<UserName>,
}

/// The certificates that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// Certificates with such an e-mail address (`rfc822Name`). The domain is compared without case.
    Email(NamePattern),
    /// Certificates with such a URI, compared byte for byte.
    Uri(NamePattern),
    /// Certificates with such a host name, compared without case.
    Dns(NamePattern),
    /// Certificates of this key.
    Key(KeyHash),
}

/// The SHA-256 of a key, as a `SubjectPublicKeyInfo`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

/// A text with at most one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    before: Box<str>,
    /// The text after the `*`; `None`: there is no `*`.
    after: Option<Box<str>>,
}

/// A text that is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPattern {
    /// The pattern is empty, too long, or has characters that stand in no name.
    #[error("a name has 1 to 1024 characters of ASCII, without blanks and control characters")]
    Characters,
    /// The pattern has more than one `*`.
    #[error("there can be one `*`, which stands for the name of the user")]
    Stars,
    /// The name of the user would be the domain, or a part of it that anybody can register.
    #[error("`*` stands before the `@`: every address of every domain would name somebody otherwise")]
    Domain,
    /// An address without a domain.
    #[error("an e-mail address has one `@`")]
    NoDomain,
}

impl NamePattern {
    /// Reads a pattern of URIs or host names.
    pub fn parse(text: &str) -> Result<Self, UnfitPattern> {
        let is_name =
            (1..=MAX_PATTERN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Err(UnfitPattern::Characters);
        }
        match text.split_once('*') {
            None => Ok(Self { before: text.into(), after: None }),
            Some((_, after)) if after.contains('*') => Err(UnfitPattern::Stars),
            Some((before, after)) => Ok(Self { before: before.into(), after: Some(after.into()) }),
        }
    }

    /// Reads a pattern of e-mail addresses.
    pub fn parse_email(text: &str) -> Result<Self, UnfitPattern> {
        let pattern = Self::parse(text)?;
        match text.split_once('@') {
            Some((_, domain)) if domain.is_empty() || domain.contains('@') => Err(UnfitPattern::NoDomain),
            Some((_, domain)) if domain.contains('*') => Err(UnfitPattern::Domain),
            Some(_) => Ok(pattern),
            None => Err(UnfitPattern::NoDomain),
        }
    }

    /// Whether the name of the user is a part of the text.
    pub fn has_star(&self) -> bool {
        self.after.is_some()
    }

    /// The text at the `*` if this one matches, empty if there is no `*`.
    fn part_of<'t>(&self, text: &'t str) -> Option<&'t str> {
        match &self.after {
            None => (text == &*self.before).then_some(""),
            Some(after) => {
                let part = text.strip_prefix(&*self.before)?.strip_suffix(&**after)?;
                (!part.is_empty()).then_some(part)
            }
        }
    }

    fn lower(&self) -> Self {
        let after = self.after.as_ref().map(|after| after.to_ascii_lowercase().into());
        Self { before: self.before.to_ascii_lowercase().into(), after }
    }
}

impl KeyHash {
    fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        digest(&SHA256, certificate.public_key().raw).as_ref().try_into().ok().map(Self)
    }
}

impl UserRule {
    /// The users that a certificate is of by this rule. A name that cannot be a user's is nobody's.
    pub(super) fn users(&self, certificate: &X509Certificate<'_>) -> Vec<UserName> {
        if let CertificateName::Key(hash) = self.certificate {
            let fits = KeyHash::of(certificate) == Some(hash);
            return self.user.iter().filter(|_| fits).cloned().collect();
        }
        let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
        let names = alternatives.value.general_names.iter();
        names.filter_map(|name| self.user_in(name)).collect()
    }

    fn user_in(&self, name: &GeneralName<'_>) -> Option<UserName> {
        let part = match (&self.certificate, name) {
            (CertificateName::Email(pattern), GeneralName::RFC822Name(address)) => {
                email_part(pattern, address)?
            }
            (CertificateName::Uri(pattern), GeneralName::URI(uri)) => {
                let part = pattern.part_of(uri)?;
                // One segment and nothing that another reader of the URI would decode or cut off.
                let is_segment = !part.contains(['/', '?', '#', '%', ':', '@', '\\']);
                is_segment.then(|| part.to_owned())?
            }
            (CertificateName::Dns(pattern), GeneralName::DNSName(host)) => {
                let host = host.to_ascii_lowercase();
                let part = pattern.lower().part_of(&host).map(str::to_owned)?;
                // One label, and no wildcard certificate.
                (!part.contains(['.', '*'])).then_some(part)?
            }
            _ => return None,
        };
        match &self.user {
            Some(user) => Some(user.clone()),
            None => UserName::parse(&part).ok(),
        }
    }
}

/// RFC 5280 §7.5: the domain is compared without case, and a local part is not.
fn email_part(pattern: &NamePattern, address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let address = format!("{local}@{}", domain.to_ascii_lowercase());
    let lower_domain = |text: &str| match text.split_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => text.to_owned(),
    };
    let pattern = match &pattern.after {
        // The `@` is after the `*`, or in the text as a whole.
        Some(after) => {
            NamePattern { before: pattern.before.clone(), after: Some(lower_domain(after).into()) }
        }
        None => NamePattern { before: lower_domain(&pattern.before).into(), after: None },
    };
    let part = pattern.part_of(&address)?;
    (!part.contains(['@', '"', '\\'])).then(|| part.to_owned())
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", data_encoding::BASE64.encode(&self.0))
    }
}

const MAX_PATTERN: usize = 1024;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    use rustls::pki_types::CertificateDer;

    use super::*;

    fn certificate(names: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names = names;
        // A common name makes no one the superuser.
        params.distinguished_name.push(DnType::CommonName, "admin");
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn users(rule: &UserRule, names: Vec<SanType>) -> Vec<String> {
        let der = certificate(names);
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        rule.users(&parsed).iter().map(ToString::to_string).collect()
    }

    fn named(certificate: CertificateName, user: &str) -> UserRule {
        UserRule { certificate, user: (!user.is_empty()).then(|| UserName::parse(user).unwrap()) }
    }

    #[test]
    fn an_address_of_the_domain_names_the_user_before_the_at() {
        let rule = named(CertificateName::Email(NamePattern::parse_email("*@Example.com").unwrap()), "");
        let mail = |text: &str| vec![SanType::Rfc822Name(text.try_into().unwrap())];
        assert_eq!(users(&rule, mail("alice@example.com")), ["alice"]);
        assert_eq!(users(&rule, mail("alice@EXAMPLE.com")), ["alice"]);
        for other in [
            "alice@example.com.evil.example",
            "alice@evil.example",
            "alice@sub.example.com",
            "@example.com",
            "a@b@example.com",
            "\"x\"@example.com",
            "evil.example/alice@example.org",
        ] {
            assert_eq!(users(&rule, mail(other)), [""; 0], "{other}");
        }
        // The same text in a name of another kind.
        assert_eq!(users(&rule, vec![SanType::URI("alice@example.com".try_into().unwrap())]), [""; 0]);
        assert_eq!(users(&rule, Vec::new()), [""; 0], "the common name is never looked at");
    }

    #[test]
    fn a_uri_names_the_user_in_one_segment() {
        let pattern = NamePattern::parse("spiffe://example.com/user/*").unwrap();
        let rule = named(CertificateName::Uri(pattern), "");
        let uri = |text: &str| vec![SanType::URI(text.try_into().unwrap())];
        assert_eq!(users(&rule, uri("spiffe://example.com/user/alice")), ["alice"]);
        for other in [
            "spiffe://example.com/user/",
            "spiffe://example.com/user/a/b",
            "spiffe://example.com/user/a%2fb",
            "spiffe://example.com/user/alice?x",
            "spiffe://EXAMPLE.com/user/alice",
            "xspiffe://example.com/user/alice",
        ] {
            assert_eq!(users(&rule, uri(other)), [""; 0], "{other}");
        }
        let backup =
            named(CertificateName::Uri(NamePattern::parse("spiffe://example.com/backup").unwrap()), "backup");
        assert_eq!(users(&backup, uri("spiffe://example.com/backup")), ["backup"]);
        assert_eq!(users(&backup, uri("spiffe://example.com/backup2")), [""; 0]);
    }

    #[test]
    fn a_host_name_names_the_user_in_one_label() {
        let rule = named(CertificateName::Dns(NamePattern::parse("*.clients.example.com").unwrap()), "");
        let dns = |text: &str| vec![SanType::DnsName(text.try_into().unwrap())];
        assert_eq!(users(&rule, dns("Printer.Clients.example.com")), ["printer"]);
        for other in [
            "a.b.clients.example.com",
            ".clients.example.com",
            "*.clients.example.com",
            "clients.example.com",
        ] {
            assert_eq!(users(&rule, dns(other)), [""; 0], "{other}");
        }
    }

    #[test]
    fn a_key_names_the_user_of_its_rule_alone() {
        let der = certificate(Vec::new());
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        let rule = |hash| named(CertificateName::Key(hash), "printer");
        assert_eq!(rule(KeyHash::of(&parsed).unwrap()).users(&parsed).len(), 1);
        assert_eq!(rule(KeyHash([0; 32])).users(&parsed).len(), 0);
    }

    #[test]
    fn a_pattern_that_would_match_too_much_is_refused() {
        use UnfitPattern::{Characters, Domain, NoDomain, Stars};
        for (text, wrong) in [
            ("", Characters),
            ("a b@example.com", Characters),
            ("*@*", Stars),
            ("alice@*", Domain),
            ("alice@*.example.com", Domain),
            ("*", NoDomain),
            ("*example.com", NoDomain),
            ("*@", NoDomain),
            ("*@a@b", NoDomain),
        ] {
            assert_eq!(NamePattern::parse_email(text), Err(wrong), "{text:?}");
        }
        assert!(NamePattern::parse_email("alice@example.com").is_ok_and(|pattern| !pattern.has_star()));
    }
}
