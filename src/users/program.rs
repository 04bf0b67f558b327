//! The credential by which a program acts for a user, and the identity that it gives as of now.
//!
//! [`Account::program`] is the only way from a credential of a program to an identity, as [`Account::identity`] is for a
//! session: it holds what was proved against the account as it is now. `gateway` asks it for every request, and again
//! while a request takes long.

use std::{sync::Arc, time::Duration};

use super::{Account, TokenId};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, Identity, IdentityPair, Program, Scope},
};

/// A credential that a program has proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramCredential {
    /// The user's name and password, which were right under this credential version.
    Password(CredentialVersion),
    /// The API token with this number, whose secret was right.
    Token(TokenId),
    /// An access token of a provider, for the user whom the pair belongs to, until this time.
    Bearer(IdentityPair, Timestamp),
}

/// `[tokens]`: settings of API tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// How long a token lasts, unless something else is asked for. Default 90 days.
    pub lifetime: Duration,
    /// How long a token lasts at most. Default a year.
    pub max_lifetime: Duration,
    /// Whether whatever ends the sessions of a user ends the user's tokens, too: a new password for instance. Default false:
    /// a machine goes on when a person changes the password.
    pub end_with_password: bool,
}

impl Default for TokenRules {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self { lifetime: days(90), max_lifetime: days(365), end_with_password: false }
    }
}

impl Account {
    /// The identity of a program with this credential: only if the user is active and the credential is still good.
    pub fn program(
        &self,
        credential: &ProgramCredential,
        rules: TokenRules,
        now: Timestamp,
    ) -> Option<Identity> {
        let (scope, multi_factor) = match credential {
            ProgramCredential::Password(seen) => {
                let is_good = self.credential == *seen && self.password_alone_is_enough();
                is_good.then(|| (Scope::default(), false))?
            }
            ProgramCredential::Token(id) => {
                let token = self.tokens.iter().find(|token| token.id == *id)?;
                let has_ended = now >= token.expires
                    || (rules.end_with_password && token.credential != self.credential)
                    || self.is_ended_at_backends();
                (!has_ended).then(|| (token.limits.scope.clone(), token.limits.multi_factor))?
            }
            ProgramCredential::Bearer(pair, until) => {
                let lets_in = self.linked(pair).is_some_and(|linked| linked.ended.is_none());
                (lets_in && now < *until).then(|| (Scope::default(), false))?
            }
        };
        let program = Program { user: Arc::clone(&self.user), scope, multi_factor };
        self.active.then(|| Identity::Program(Arc::new(program)))
    }

    /// Whether the password alone proves the user to a gateway that cannot ask for more. An account with a second factor has
    /// to use a token: a password by `Authorization: Basic` would leave the factor out. A password that has to be changed
    /// first is good for nothing else, and a machine account has none.
    pub fn password_alone_is_enough(&self) -> bool {
        !self.machine && !self.must_change_password && self.factors.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::{BackendName, User, UserId, UserName},
        users::{LastUse, LinkedIdentity, PasswordHash, StoredToken, TokenHash, TokenLimits},
    };

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn pair(subject: &str) -> IdentityPair {
        let backend = BackendName::parse("corp").unwrap();
        IdentityPair { backend, authority: "https://issuer".into(), subject: subject.into() }
    }

    fn account(ended: Option<&str>) -> Account {
        let user = User {
            id: UserId(1),
            name: UserName::parse("backup").unwrap(),
            email: String::new(),
            full_name: String::new(),
            superuser: false,
            groups: Vec::new(),
            permissions: Vec::new(),
            attributes: std::collections::BTreeMap::new(),
        };
        let linked = LinkedIdentity {
            pair: pair("machine"),
            name: String::new(),
            email: String::new(),
            linked: NOW,
            last_seen: None,
            ended: ended.map(str::to_owned),
            home: false,
            groups: Vec::new(),
            attributes: std::collections::BTreeMap::new(),
        };
        Account { identities: vec![linked], ..Account::of_user(Arc::new(user), CredentialVersion(1)) }
    }

    fn opens(account: &Account, subject: &str, until: Timestamp) -> bool {
        let credential = ProgramCredential::Bearer(pair(subject), until);
        account.program(&credential, TokenRules::default(), NOW).is_some()
    }

    #[test]
    fn an_access_token_opens_an_account_as_long_as_it_lasts_and_its_identity_may_come_in() {
        let later = NOW + Duration::from_secs(1);
        assert!(opens(&account(None), "machine", later));
        assert!(!opens(&account(None), "machine", NOW), "the access token has ended");
        assert!(
            !opens(&account(None), "somebody", later),
            "the identity belongs to another account, or to none"
        );
        assert!(!opens(&account(Some("disabled there")), "machine", later), "the backend lets it in no more");
        assert!(!opens(&Account { active: false, ..account(None) }, "machine", later));
    }

    #[test]
    fn a_token_opens_an_account_until_it_ends_and_as_long_as_somebody_vouches_for_its_owner() {
        let token = StoredToken {
            id: TokenId(1),
            name: "backup".to_owned(),
            hash: TokenHash::of("secret"),
            created: NOW,
            expires: NOW + Duration::from_millis(1),
            last_used: LastUse::default(),
            credential: CredentialVersion(1),
            limits: TokenLimits::default(),
        };
        let with_token = |ended| Account { tokens: vec![token.clone()], ..account(ended) };
        let opens = |account: &Account, now| {
            let credential = ProgramCredential::Token(TokenId(1));
            account.program(&credential, TokenRules::default(), now).is_some()
        };
        assert!(opens(&with_token(None), NOW));
        assert!(!opens(&with_token(None), NOW + Duration::from_millis(1)), "it has ended");
        assert!(!opens(&Account { active: false, ..with_token(None) }, NOW));
        let left = with_token(Some("left the company"));
        assert!(!opens(&left, NOW), "the directory vouches for its owner no more");
        let password = Some(PasswordHash::stored("a hash".to_owned()));
        assert!(opens(&Account { password, ..left.clone() }, NOW), "a password here is another way in");
        assert!(opens(&Account { machine: true, ..left }, NOW), "an operator vouches for a machine");
    }

    #[test]
    fn a_password_opens_an_account_under_its_credential_version_alone() {
        let opens = |account: &Account, seen| {
            let credential = ProgramCredential::Password(CredentialVersion(seen));
            account.program(&credential, TokenRules::default(), NOW).is_some()
        };
        assert!(opens(&account(None), 1));
        assert!(!opens(&account(None), 2) && !opens(&account(None), 0));
        assert!(!opens(&Account { machine: true, ..account(None) }, 1), "a machine has no password");
        assert!(!opens(&Account { must_change_password: true, ..account(None) }, 1));
    }
}
