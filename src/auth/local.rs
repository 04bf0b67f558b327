//! Sign-in with a name and a password of the gateway's own directory.
//!
//! Whatever is wrong, the same work is done, exactly one argon2 check at the
//! current setting, and the same answer given: who tries `alice` with a wrong
//! password and who tries a user that never existed cannot tell the two apart
//! (OWASP ASVS 5.0 6.3.8). How often somebody may try is not decided here: between [`Local::claim`], which says
//! whose password would be tried, and [`Local::authenticate`], which tries it, the throttle is asked.

use std::sync::Arc;

use crate::{
    clock::Timestamp,
    identity::{UserId, UserName},
    users::{Account, Busy, Charged, Directory, DirectoryError, Password, PasswordHash, Passwords, Verdict},
};

/// The backend `local`.
#[derive(Clone, Debug)]
pub struct Local {
    directory: Arc<Directory>,
    passwords: Arc<Passwords>,
}

/// What somebody claims to be, before any password was looked at.
#[derive(Debug)]
pub struct Claim {
    name: Option<UserName>,
    found: Option<Arc<Account>>,
}

impl Claim {
    /// Whose password would be tried, if there is such a user.
    pub fn account(&self) -> Option<&Arc<Account>> {
        self.found.as_ref()
    }

    /// The canonical form of what was typed, unless it is no name.
    pub fn name(&self) -> Option<&UserName> {
        self.name.as_ref()
    }
}

/// No sign-in. A check that was made hands back what it is charged to.
#[derive(Debug, thiserror::Error)]
pub enum Denied<C> {
    /// Name and password are not those of a user who may sign in. A stranger must learn no more than this.
    #[error("wrong user name or password")]
    WrongCredentials {
        /// What was wrong in truth; for the audit log only.
        reason: Reason,
        /// The canonical form of the name that was tried, unless it was no name; for the audit log.
        name: Option<UserName>,
        /// What the check is charged to.
        charge: C,
    },
    /// Too many sign-ins at once: 503 with `Retry-After`.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The directory gave no answer: 503. The text names files; it is for the log.
    #[error("looking up the user: {0}")]
    Unavailable(#[from] DirectoryError),
}

/// Why a sign-in was refused, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has this name.
    UnknownUser,
    /// It is another password.
    WrongPassword,
    /// The account is disabled; whether the password was right was not looked at.
    Disabled,
    /// The account has no password.
    NoPassword,
    /// What was typed as a name is none.
    InvalidName,
    /// Empty, too long, or with a NUL in it.
    UnusablePassword,
}

impl Reason {
    /// The code in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown-user",
            Self::WrongPassword => "wrong-password",
            Self::Disabled => "disabled",
            Self::NoPassword => "no-password",
            Self::InvalidName => "invalid-name",
            Self::UnusablePassword => "unusable-password",
        }
    }
}

impl Local {
    /// Checks against `directory`, on the threads of `passwords`.
    pub fn new(directory: Arc<Directory>, passwords: Arc<Passwords>) -> Self {
        Self { directory, passwords }
    }

    /// Whom a typed name means, in whatever spelling. Not for strangers to know.
    pub async fn claim(&self, typed_name: &str) -> Result<Claim, DirectoryError> {
        let name = UserName::parse(typed_name).ok();
        let found = match &name {
            Some(name) => self.directory.account_by_name(name).await?,
            None => None,
        };
        Ok(Claim { name, found })
    }

    /// The same claim, made where `user` is known to have signed in before; `None` if it is somebody else's name.
    /// Who else exists is not looked up.
    pub async fn claim_of(&self, user: UserId, typed_name: &str) -> Result<Option<Claim>, DirectoryError> {
        let name = UserName::parse(typed_name).ok();
        let own = self.directory.account(user).await?.filter(|own| name.as_ref() == Some(&own.user.name));
        Ok(own.map(|own| Claim { name, found: Some(own) }))
    }

    /// The account that name and password belong to, as it is after this sign-in was recorded, and what the check
    /// is charged to.
    pub async fn authenticate<C: Charged>(
        &self,
        claim: Claim,
        password: Password,
        now: Timestamp,
        charge: C,
    ) -> Result<(Arc<Account>, C), Denied<C>> {
        let Claim { name, found } = claim;
        let denied = |reason, charge| Denied::WrongCredentials { reason, name: name.clone(), charge };
        let (account, hash) = match candidate(name.as_ref(), found, &password) {
            Ok(candidate) => candidate,
            Err(reason) => {
                // The work of a check, so that this takes as long as a wrong password.
                let (_, charge) = self.passwords.verify_charged(None, password, charge).await?;
                return Err(denied(reason, charge));
            }
        };
        let (verdict, charge) = self.passwords.verify_charged(Some(hash), password, charge).await?;
        let Verdict::Right { upgrade } = verdict else {
            return Err(denied(Reason::WrongPassword, charge));
        };
        match self.record(&account, upgrade, now).await {
            Recorded::Gone => Err(denied(Reason::UnknownUser, charge)),
            Recorded::As(after) if !after.active => Err(denied(Reason::Disabled, charge)),
            // The password that fitted is not the password any more.
            Recorded::As(after) if after.credential != account.credential => {
                Err(denied(Reason::WrongPassword, charge))
            }
            Recorded::As(after) => Ok((after, charge)),
            // A full disk locks nobody out. The account is the one that the password was checked against: if it
            // has changed since, its credential version is history and opens nothing.
            Recorded::Not => Ok((account, charge)),
        }
    }

    async fn record(&self, account: &Account, upgrade: Option<PasswordHash>, now: Timestamp) -> Recorded {
        let id = account.user.id;
        if let Some(hash) = upgrade
            && let Err(error) = self.directory.upgrade_hash(id, account.credential, hash).await
        {
            tracing::warn!(user = %account.user.name, %error, "the password hash could not be upgraded");
        }
        match self.directory.record_sign_in(id, now).await {
            Ok(Some(after)) => Recorded::As(after),
            Ok(None) => Recorded::Gone,
            Err(error) => {
                tracing::warn!(user = %account.user.name, %error, "the sign-in could not be recorded");
                Recorded::Not
            }
        }
    }
}

/// What became of the account while its password was checked.
enum Recorded {
    As(Arc<Account>),
    Gone,
    Not,
}

/// The account and the hash that decide, or why there is nothing to decide.
fn candidate(
    name: Option<&UserName>,
    found: Option<Arc<Account>>,
    password: &Password,
) -> Result<(Arc<Account>, PasswordHash), Reason> {
    if name.is_none() {
        return Err(Reason::InvalidName);
    }
    let account = found.ok_or(Reason::UnknownUser)?;
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
    use std::path::PathBuf;

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::Clock,
        users::{HashSettings, NewUser, UserStore},
    };

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const RIGHT: &str = "velvet turbine oyster";

    struct Fixture {
        local: Local,
        path: PathBuf,
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
            Self { local, path, _temp: temp }
        }

        async fn try_with(&self, typed_name: &str, password: &str) -> Result<Arc<Account>, Denied<()>> {
            let claim = self.local.claim(typed_name).await?;
            let password = Password::new(password.to_owned());
            self.local.authenticate(claim, password, NOW, ()).await.map(|(account, ())| account)
        }
    }

    fn name(text: &str) -> UserName {
        UserName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_right_password_opens_and_the_sign_in_is_recorded() {
        let it = Fixture::open(QUICK);
        for spelling in ["alice", " Alice", "ＡＬＩＣＥ"] {
            let account = it.try_with(spelling, RIGHT).await.unwrap();
            assert_eq!(account.user.name, name("alice"));
            assert_eq!(account.last_sign_in, Some(NOW));
            assert!(account.identity(account.credential).is_some());
        }
        assert_eq!(it.local.passwords.verifications(), 3);
    }

    #[tokio::test]
    async fn every_failure_does_one_check_and_gives_one_answer() {
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
        for (done, (who, password, expected)) in (1..).zip(cases) {
            let denied = it.try_with(who, password).await.unwrap_err();
            assert_eq!(denied.to_string(), "wrong user name or password");
            let Denied::WrongCredentials { reason, name, .. } = denied else { panic!("{denied}") };
            assert_eq!(reason, expected, "{who:.20} {password:.20}");
            assert_eq!(name.is_none(), reason == Reason::InvalidName);
            assert_eq!(it.local.passwords.verifications(), done, "{who:.20} {password:.20}");
        }
    }

    #[tokio::test]
    async fn a_hash_is_upgraded_at_sign_in_when_the_setting_grew_and_sessions_go_on() {
        let it = Fixture::open(HashSettings { memory: 128, ..QUICK });
        let before = it.local.directory.account_by_name(&name("alice")).await.unwrap().unwrap();
        assert!(it.try_with("alice", "wrong").await.is_err());
        let after = it.try_with("alice", RIGHT).await.unwrap();
        let upgraded = after.password.clone().unwrap();
        assert!(upgraded.as_phc().contains("m=128,"), "{}", upgraded.as_phc());
        assert_eq!(after.credential, before.credential);
        let again = it.try_with("alice", RIGHT).await.unwrap();
        assert_eq!(again.password, Some(upgraded), "once");
    }

    #[tokio::test]
    async fn a_sign_in_that_cannot_be_recorded_still_succeeds() {
        let it = Fixture::open(HashSettings { memory: 128, ..QUICK });
        Connection::open(&it.path)
            .unwrap()
            .execute_batch(
                "CREATE TRIGGER full BEFORE UPDATE ON user
                 BEGIN SELECT RAISE (ABORT, 'as if the disk were full'); END",
            )
            .unwrap();
        let account = it.try_with("alice", RIGHT).await.unwrap();
        assert_eq!((account.user.name.as_str(), account.last_sign_in), ("alice", None));
    }

    #[tokio::test]
    async fn an_account_that_changed_while_its_password_was_checked_opens_nothing() {
        // A trigger plays the operator who is faster than the recording of the sign-in.
        for (meanwhile, expected) in [
            ("UPDATE user SET active = 0, credential = 9 WHERE id = new.id", Reason::Disabled),
            ("UPDATE user SET credential = 9 WHERE id = new.id", Reason::WrongPassword),
            ("DELETE FROM user WHERE id = new.id", Reason::UnknownUser),
        ] {
            let it = Fixture::open(QUICK);
            Connection::open(&it.path)
                .unwrap()
                .execute_batch(&format!(
                    "CREATE TRIGGER meanwhile AFTER UPDATE OF last_sign_in ON user BEGIN {meanwhile}; END"
                ))
                .unwrap();
            match it.try_with("alice", RIGHT).await {
                Err(Denied::WrongCredentials { reason, .. }) => assert_eq!(reason, expected),
                other => panic!("{meanwhile}: {other:?}"),
            }
        }
    }
}
