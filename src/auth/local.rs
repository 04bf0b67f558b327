//! The backend `local`: a name and a password of the gateway's own directory.
//!
//! Whatever is wrong, the same work is done: exactly one argon2 check at the current setting.

use std::sync::Arc;

use super::{
    claim::Subject,
    denied::{Denied, Reason},
};
use crate::users::{Account, Busy, Charged, Directory, Password, PasswordHash, Passwords, Verdict};

/// The backend `local`.
#[derive(Clone, Debug)]
pub struct Local {
    directory: Arc<Directory>,
    passwords: Arc<Passwords>,
}

impl Local {
    /// Checks against `directory`, on the threads of `passwords`.
    pub fn new(directory: Arc<Directory>, passwords: Arc<Passwords>) -> Self {
        Self { directory, passwords }
    }

    /// The account that the password belongs to. A hash that was made with weaker settings is replaced.
    pub(super) async fn check<C: Charged>(
        &self,
        subject: &Subject<'_>,
        password: Password,
        charge: C,
    ) -> Result<(Arc<Account>, C), Denied<C>> {
        let (account, hash) = match candidate(subject, &password) {
            Ok(candidate) => candidate,
            Err(reason) => {
                // The work of a check, so that this takes as long as a wrong password.
                let charge = self.spend(password, charge).await?;
                return Err(Denied::Wrong { reason, charge });
            }
        };
        match self.passwords.verify_charged(Some(hash), password, charge).await? {
            (Verdict::Wrong, charge) => Err(Denied::Wrong { reason: Reason::WrongPassword, charge }),
            (Verdict::Right { upgrade }, charge) => {
                self.upgrade(&account, upgrade).await;
                Ok((account, charge))
            }
        }
    }

    /// The work of a check without an account, for a password that is checked elsewhere or nowhere.
    pub(super) async fn spend<C: Charged>(&self, password: Password, charge: C) -> Result<C, Busy> {
        let (_, charge) = self.passwords.verify_charged(None, password, charge).await?;
        Ok(charge)
    }

    async fn upgrade(&self, account: &Account, upgrade: Option<PasswordHash>) {
        let Some(hash) = upgrade else { return };
        if let Err(error) = self.directory.upgrade_hash(account.user.id, account.credential, hash).await {
            tracing::warn!(user = %account.user.name, %error, "password hash not upgraded");
        }
    }
}

/// The account and the hash to compare with, or why there is none.
fn candidate(subject: &Subject<'_>, password: &Password) -> Result<(Arc<Account>, PasswordHash), Reason> {
    if subject.name.is_none() {
        return Err(Reason::InvalidName);
    }
    let account = subject.account.clone().ok_or(Reason::UnknownUser)?;
    if !account.active {
        return Err(Reason::Disabled);
    }
    if password.usable().is_err() {
        return Err(Reason::UnusablePassword);
    }
    let hash = account.password.clone().ok_or(Reason::NoPassword)?;
    Ok((account, hash))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::Clock,
        identity::UserName,
        users::{HashSettings, NewUser, UserStore},
    };

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
    const RIGHT: &str = "velvet turbine oyster";

    struct Fixture {
        local: Local,
        _temp: TempDir,
    }

    impl Fixture {
        /// With alice, who has a password, dora, who is disabled, and nora, who has none.
        fn open(today: HashSettings) -> Self {
            let temp = tempfile::tempdir().unwrap();
            let path = temp.path().join("users.db");
            let mut store = UserStore::open(&path, Clock::system()).unwrap();
            let hash = Passwords::hash_now(QUICK, &Password::new(RIGHT.to_owned()));
            for (who, password) in [("alice", Some(hash.clone())), ("dora", Some(hash)), ("nora", None)] {
                store.add(NewUser { password, ..NewUser::named(name(who)) }).unwrap();
            }
            store.set_active(&name("dora"), false).unwrap();
            let directory = Directory::open(&path, Clock::system(), Box::new(|_| ())).unwrap();
            let local = Local::new(directory, Passwords::start(today, 1, 8));
            Self { local, _temp: temp }
        }

        async fn account(&self, name: Option<&UserName>) -> Option<Arc<Account>> {
            self.local.directory.account_by_name(name?).await.unwrap()
        }

        async fn check(&self, typed_name: &str, password: &str) -> Result<Arc<Account>, Reason> {
            let name = UserName::parse(typed_name).ok();
            let account = self.account(name.as_ref()).await;
            let subject = Subject { typed_name, name, account, pair: None };
            let password = Password::new(password.to_owned());
            match self.local.check(&subject, password, ()).await {
                Ok((account, ())) => Ok(account),
                Err(Denied::Wrong { reason, charge: () }) => Err(reason),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn name(text: &str) -> UserName {
        UserName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn every_failure_costs_one_check() {
        let it = Fixture::open(QUICK);
        let long = "x".repeat(10_000);
        let cases = [
            ("alice", "wrong", Reason::WrongPassword),
            ("alice", "velvet turbine oyster ", Reason::WrongPassword),
            ("alice", "", Reason::UnusablePassword),
            ("alice", &long, Reason::UnusablePassword),
            ("alice", "velvet turbine oyster\0", Reason::UnusablePassword),
            ("nobody", RIGHT, Reason::UnknownUser),
            ("nobody", "", Reason::UnknownUser),
            ("dora", RIGHT, Reason::Disabled),
            ("dora", "wrong", Reason::Disabled),
            ("nora", RIGHT, Reason::NoPassword),
            ("nora", "", Reason::UnusablePassword),
            ("", RIGHT, Reason::InvalidName),
            ("a b", RIGHT, Reason::InvalidName),
            (&long, RIGHT, Reason::InvalidName),
            ("alice\0", RIGHT, Reason::InvalidName),
        ];
        for (checks, (who, password, expected)) in (1..).zip(cases) {
            assert_eq!(it.check(who, password).await.unwrap_err(), expected, "{who:.20} {password:.20}");
            assert_eq!(it.local.passwords.verifications(), checks, "{who:.20} {password:.20}");
        }
        assert_eq!(it.check("alice", RIGHT).await.unwrap().user.name, name("alice"));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_upgraded_once_and_sessions_go_on() {
        let it = Fixture::open(HashSettings { memory: 128, ..QUICK });
        let alice = name("alice");
        let before = it.account(Some(&alice)).await.unwrap();
        assert!(it.check("alice", "wrong").await.is_err());
        assert_eq!(it.account(Some(&alice)).await.unwrap().password, before.password);
        it.check("alice", RIGHT).await.unwrap();
        let after = it.account(Some(&alice)).await.unwrap();
        let upgraded = after.password.clone().unwrap();
        assert!(upgraded.as_phc().contains("m=128,"), "{}", upgraded.as_phc());
        assert_eq!(after.credential, before.credential);
        it.check("alice", RIGHT).await.unwrap();
        assert_eq!(it.account(Some(&alice)).await.unwrap().password, Some(upgraded));
    }
}
