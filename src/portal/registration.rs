//! The settings of registration: `[accounts]` of the configuration.

use crate::identity::{EmailKey, GroupName};

/// The people who make an account by registering, and the state of the account then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Whether people register.
    pub mode: RegistrationMode,
    /// The domains of addresses that may register, in lower case; empty: all.
    pub domains: Vec<String>,
    /// The groups of a new account.
    pub groups: Vec<GroupName>,
    /// The addresses that are told of accounts that wait for approval.
    pub approvers: Vec<String>,
}

/// Whether people register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationMode {
    /// No one; there is no such page. Links of invitations work.
    #[default]
    Off,
    /// The page sends invited users a new link, and others nothing.
    Invitation,
    /// A new account waits until an operator approves it.
    Approval,
    /// A new account is active.
    Open,
}

impl RegistrationMode {
    /// Whether somebody who was not invited makes an account.
    pub fn makes_accounts(self) -> bool {
        matches!(self, Self::Approval | Self::Open)
    }
}

impl Registration {
    /// Whether an address of this domain may register; a subdomain is another domain.
    pub fn admits(&self, address: &EmailKey) -> bool {
        self.domains.is_empty() || self.domains.iter().any(|domain| *domain == address.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_meant_exactly() {
        let registration = Registration { domains: vec!["example.com".into()], ..Registration::default() };
        for (address, expected) in [
            ("a@example.com", true),
            ("A@EXAMPLE.COM", true),
            ("a@sub.example.com", false),
            ("a@example.com.evil.test", false),
            ("a@evil-example.com", false),
            ("example.com@evil.test", false),
        ] {
            assert_eq!(registration.admits(&EmailKey::of(address).unwrap()), expected, "{address}");
        }
        assert!(Registration::default().admits(&EmailKey::of("a@anywhere.test").unwrap()));
    }
}
