//! The hosts on which clients are asked for a certificate.

use std::collections::HashSet;

/// The hosts on which clients are asked for a certificate, in their canonical form. The default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateHosts {
    names: HashSet<Box<str>>,
    every: bool,
}

impl CertificateHosts {
    /// Adds the hosts of an app; an app without any serves every host.
    pub fn add(&mut self, hosts: &[Box<str>]) {
        self.every |= hosts.is_empty();
        self.names.extend(hosts.iter().cloned());
    }

    /// Whether clients of this host are asked; `None`: the client named no host when it began TLS.
    pub fn ask(&self, host: Option<&str>) -> bool {
        self.every || host.is_some_and(|host| self.names.contains(host))
    }

    /// Whether no client is ever asked.
    pub fn is_empty(&self) -> bool {
        !self.every && self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_the_named_hosts_are_asked() {
        let mut hosts = CertificateHosts::default();
        assert!(hosts.is_empty() && !hosts.ask(Some("a.example")) && !hosts.ask(None));
        hosts.add(&["a.example".into()]);
        assert!(!hosts.is_empty() && hosts.ask(Some("a.example")));
        assert!(!hosts.ask(Some("b.example")) && !hosts.ask(None));
        hosts.add(&[]);
        assert!(hosts.ask(Some("b.example")) && hosts.ask(None));
    }
}
