//! One check of a credential: throttle, backend, audit stream, count, in this order.

use std::sync::Arc;

use super::{
    Claim, Credential, Local, NotProved, Origin, Proved,
    attempt::CountedAttempt,
    claim::Subject,
    denied::{Denied, Reason},
    directory_check::{self, Refused, Sought, SoughtUser},
};
use crate::{
    clock::Clock,
    error_chain::ErrorChain,
    identity::{Proof, UserId, UserName},
    session::SessionSource,
    telemetry::Audit,
    throttle::{PasswordAttempt, SecretError, Throttle, Wait},
    users::{
        Account, Adoption, Directory, DirectoryError, NotProvisioned, Password, PasswordHash, Provisioning,
        UserStoreError,
    },
};

/// Checks credentials; one for the process.
#[derive(Debug)]
pub struct SignIn {
    local: Local,
    pub(super) directory: Arc<Directory>,
    pub(super) throttle: Throttle,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
}

impl SignIn {
    /// Checks passwords of the gateway's own directory with `local`, and others with the backends of each request.
    pub fn new(
        local: Local,
        directory: Arc<Directory>,
        throttle: Throttle,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        Self { local, directory, throttle, audit, clock }
    }

    /// Whether `credential` proves `claim`. A failure has been counted and recorded when this returns; the caller
    /// records a success, with the session that it opens.
    ///
    /// An attempt whose check has started counts, even if the caller drops this future.
    pub async fn check(
        &self,
        claim: Claim<'_>,
        credential: Credential,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let Credential::Password(password) = credential;
        let mut subject = self.look_up(claim, origin).await?;
        let sought = self.seek(claim, &mut subject, origin).await?;
        let attempt = self.reserve_attempt(&subject, origin).await?;
        let checked = match sought {
            Sought::Local { after_search } => {
                self.check_here(&subject, password, (attempt, after_search), origin).await
            }
            Sought::Directory(user) => self.check_there(claim, &user, password, attempt).await,
            Sought::Nowhere(reason) => self.check_nowhere(reason, password, attempt, origin).await,
        };
        let denied = match checked {
            Ok((proved, attempt)) => {
                // Failures at a second factor are not forgiven for its first one; see `second_factor`.
                if proved.account().factors.is_empty() {
                    attempt.succeeded().await;
                } else {
                    attempt.withdrawn();
                }
                return Ok(proved);
            }
            Err(denied) => denied,
        };
        match denied {
            Denied::Wrong { reason, charge: attempt } => {
                self.audit.record(&origin.failure_of(reason.as_str(), &subject));
                attempt.failed().await;
                Err(NotProved::Wrong)
            }
            Denied::Kept { reason, not_proved, charge: attempt } => {
                self.audit.record(&origin.failure_of(reason.as_str(), &subject));
                attempt.succeeded().await;
                Err(not_proved)
            }
            Denied::Unavailable => {
                self.audit.record(&origin.failure_of("unavailable", &subject));
                Err(NotProved::Unavailable)
            }
            Denied::Busy(busy) => {
                // The password was not checked, so the record of a typed name names no user.
                let user = matches!(claim, Claim::User(_)).then(|| subject.known_name()).flatten();
                self.audit.record(&origin.failure("busy", user));
                Err(NotProved::Busy { retry_after: busy.retry_after })
            }
        }
    }

    /// Sets a new password for somebody who has just proved to know the present one. Ends every sign-in from
    /// before; the proof that this returns is as of afterwards. [`NotProved::Wrong`]: another change of the account
    /// came first.
    pub async fn set_password(
        &self,
        proved: &Proved,
        hash: PasswordHash,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let account = proved.account();
        match self.directory.set_password(account.user.id, account.credential, hash).await {
            Ok(account) => Ok(proved.with_account(account)),
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                Err(NotProved::Wrong)
            }
            Err(error) => Err(origin.directory_failed("setting a password", &error)),
        }
    }

    /// The value of a device cookie that makes this browser a known device of the user: the presented one, or a
    /// new one.
    pub fn device_cookie(&self, proved: &Proved, presented: Option<&[u8]>) -> Result<String, SecretError> {
        self.throttle.device_cookie(proved.account().user.id, presented)
    }

    /// Whether the user has signed in in the browser with this device cookie before.
    pub fn knows_device(&self, proved: &Proved, presented: Option<&[u8]>) -> bool {
        presented.and_then(|device| self.throttle.owner_of(device)) == Some(proved.account().user.id)
    }

    /// The users.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The same for a user whose sign-in is handed over to another host.
    pub fn device_cookie_of(&self, user: UserId, presented: Option<&[u8]>) -> Result<String, SecretError> {
        self.throttle.device_cookie(user, presented)
    }

    /// The user for whom a device cookie was made here: who signed in last in that browser, on that host.
    pub fn owner_of_device_cookie(&self, cookie: &[u8]) -> Option<UserId> {
        self.throttle.owner_of(cookie)
    }

    /// Waits until all counts are on the disk; for the end of the process.
    pub fn flush(&self) {
        self.throttle.flush();
    }

    /// Finds out where the password of a claim is checked. The subject is that of the entry in a directory then: its name
    /// in one spelling, and its account.
    async fn seek(
        &self,
        claim: Claim<'_>,
        subject: &mut Subject<'_>,
        origin: &Origin<'_>,
    ) -> Result<Sought, NotProved> {
        let claimed = (claim, subject.account.as_deref());
        let Ok(sought) = directory_check::seek(origin.backends, claimed, origin.entrance).await else {
            self.audit.record(&origin.failure("unavailable", None));
            return Err(NotProved::Unavailable);
        };
        if let Sought::Directory(found) = &sought {
            subject.pair = Some(found.user.pair.clone());
        }
        if let (Claim::Name(_), Sought::Directory(found)) = (claim, &sought) {
            subject.name = found.user.name().ok();
            subject.account = match self.directory.account_of(&found.user.pair).await {
                Ok(account) => account,
                Err(error) => {
                    self.audit.record(&origin.failure("unavailable", None));
                    return Err(origin.directory_failed("looking up who signs in", &error));
                }
            };
        }
        Ok(sought)
    }

    /// Checks a password of the gateway's own directory.
    async fn check_here(
        &self,
        subject: &Subject<'_>,
        password: Password,
        (attempt, after_search): (CountedAttempt, bool),
        origin: &Origin<'_>,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        match self.local.check(subject, password.clone(), attempt).await {
            Ok((account, attempt)) => match self.record_sign_in(account, origin).await {
                Ok(account) => Ok((Proved::local(account, self.clock.now()), attempt)),
                Err(reason) => Err(Denied::Wrong { reason, charge: attempt }),
            },
            Err(denied) => {
                if !after_search {
                    directory_check::decoy_search(origin.backends, subject.typed_name).await;
                }
                directory_check::decoy_bind(origin.backends, &password).await;
                Err(denied)
            }
        }
    }

    /// Checks a password of a user of a directory.
    async fn check_there(
        &self,
        claim: Claim<'_>,
        sought: &SoughtUser,
        password: Password,
        attempt: CountedAttempt,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        // The work of a check here, and the start of the attempt: from now on it counts.
        let attempt = self.local.spend(password.clone(), attempt).await?;
        let profile = match sought.check(&password).await {
            Ok(Ok(profile)) => profile,
            Ok(Err(Refused::Wrong(reason))) => {
                return Err(Denied::Wrong { reason: Reason::Source(reason), charge: attempt });
            }
            Ok(Err(Refused::MustChangePassword(reason))) => {
                let not_proved = NotProved::MustChangePassword;
                return Err(Denied::Kept { reason: Reason::Source(reason), not_proved, charge: attempt });
            }
            Err(_) => {
                attempt.withdrawn();
                return Err(Denied::Unavailable);
            }
        };
        let provisioning = match claim {
            Claim::Name(_) => sought.ldap.settings().provisioning,
            // The account is there already.
            Claim::User(_) => Provisioning::Existing,
        };
        let now = self.clock.now();
        let account = match self.directory.sign_in_from(profile, provisioning, Adoption::Never, now).await {
            Ok(Ok(account)) => account,
            Ok(Err(NotProvisioned::Disabled)) => {
                return Err(Denied::Wrong { reason: Reason::Disabled, charge: attempt });
            }
            Ok(Err(refused)) => {
                let not_proved = NotProved::NotProvisioned(refused);
                let reason = Reason::Source(refused.as_str());
                return Err(Denied::Kept { reason, not_proved, charge: attempt });
            }
            Err(error) => {
                tracing::error!(error = %ErrorChain(&error), "recording the sign-in of a directory user failed");
                attempt.withdrawn();
                return Err(Denied::Unavailable);
            }
        };
        if let Claim::User(claimed) = claim
            && claimed.user.id != account.user.id
        {
            return Err(Denied::Wrong { reason: Reason::UnknownUser, charge: attempt });
        }
        let source = SessionSource { backend: sought.ldap.name().as_str().into(), provider_session: None };
        let proved = Proved::new(account, Proof::password(now), source);
        Ok((proved.of_subject(Arc::clone(&sought.user.pair.subject)), attempt))
    }

    /// Does the work of a check for a claim that no backend can prove.
    async fn check_nowhere(
        &self,
        reason: &'static str,
        password: Password,
        attempt: CountedAttempt,
        origin: &Origin<'_>,
    ) -> Result<(Proved, CountedAttempt), Denied<CountedAttempt>> {
        let attempt = self.local.spend(password.clone(), attempt).await?;
        directory_check::decoy_bind(origin.backends, &password).await;
        Err(Denied::Wrong { reason: Reason::Source(reason), charge: attempt })
    }

    /// Finds the account that a claim means. While the address has to wait, only the user whose device cookie came with
    /// the request is looked up: the time of a look-up could reveal who exists.
    async fn look_up<'c>(&self, claim: Claim<'c>, origin: &Origin<'_>) -> Result<Subject<'c>, NotProved> {
        let typed_name = match claim {
            Claim::Name(typed_name) => typed_name,
            Claim::User(account) => {
                let name = &account.user.name;
                return Ok(Subject {
                    typed_name: name.as_str(),
                    name: Some(name.clone()),
                    account: Some(Arc::clone(account)),
                    pair: None,
                });
            }
        };
        let name = UserName::parse(typed_name).ok();
        let found = match self.throttle.admits(origin.client_addr.or_proxy(), origin.limits).await {
            Ok(()) => self.account_named(name.as_ref()).await,
            Err(Wait(retry_after)) => match self.owner_of_device(name.as_ref(), origin).await {
                Ok(None) => {
                    self.audit.record(&origin.failure("throttled", None));
                    return Err(NotProved::Throttled { retry_after });
                }
                found => found,
            },
        };
        match found {
            Ok(account) => Ok(Subject { typed_name, name, account, pair: None }),
            Err(error) => {
                self.audit.record(&origin.failure("unavailable", None));
                Err(origin.directory_failed("looking up who signs in", &error))
            }
        }
    }

    async fn account_named(&self, name: Option<&UserName>) -> Result<Option<Arc<Account>>, DirectoryError> {
        match name {
            Some(name) => self.directory.account_by_name(name).await,
            None => Ok(None),
        }
    }

    /// The user of the presented device cookie, if it is the user with this name.
    async fn owner_of_device(
        &self,
        name: Option<&UserName>,
        origin: &Origin<'_>,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        let owner: Option<UserId> = origin.device.and_then(|device| self.throttle.owner_of(device));
        let Some(owner) = owner else { return Ok(None) };
        let account = self.directory.account(owner).await?;
        Ok(account.filter(|account| name == Some(&account.user.name)))
    }

    /// Asks the throttle whether the password may be checked now.
    pub(super) async fn reserve_attempt(
        &self,
        subject: &Subject<'_>,
        origin: &Origin<'_>,
    ) -> Result<CountedAttempt, NotProved> {
        let attempted = PasswordAttempt {
            account: subject.counted_as(),
            client_addr: origin.client_addr.or_proxy(),
            device: origin.device,
        };
        match self.throttle.attempt(attempted, origin.limits).await {
            Ok(attempt) => Ok(CountedAttempt::new(attempt, self.audit.clone(), origin, subject)),
            Err(Wait(retry_after)) => {
                self.audit.record(&origin.failure_of("throttled", subject));
                Err(NotProved::Throttled { retry_after })
            }
        }
    }

    /// Records when the user has signed in. The account as it is afterwards; a reason if it has changed while its
    /// password was checked, so that this password opens nothing any more.
    pub(super) async fn record_sign_in(
        &self,
        checked: Arc<Account>,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, Reason> {
        if !origin.entrance.is_sign_in() {
            return Ok(checked);
        }
        match self.directory.record_sign_in(checked.user.id, self.clock.now()).await {
            Ok(None) => Err(Reason::UnknownUser),
            Ok(Some(account)) if !account.active => Err(Reason::Disabled),
            Ok(Some(account)) if account.credential != checked.credential => Err(Reason::WrongPassword),
            Ok(Some(account)) => Ok(account),
            // A full disk must not lock users out. The account is the one that the password was checked against: if it
            // has changed since, its credential version is out of date and opens nothing.
            Err(error) => {
                let request_id = origin.request_id;
                tracing::warn!(request_id, user = %checked.user.name, %error, "sign-in time not recorded");
                Ok(checked)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        auth::{Backends, Entrance},
        clock::Timestamp,
        request::ClientAddr,
        telemetry::{CapturedLog, Format, LogWriter},
        throttle,
        users::{HashSettings, NewUser, Password, Passwords, UserStore},
    };

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const RIGHT: &str = "velvet turbine oyster";

    struct Fixture {
        sign_in: SignIn,
        passwords: Arc<Passwords>,
        limits: throttle::ThrottleLimits,
        backends: Backends,
        log: LogWriter,
        logged: CapturedLog,
        path: PathBuf,
        _temp: TempDir,
    }

    impl Fixture {
        /// With alice, who has a password.
        fn open() -> Self {
            let temp = tempfile::tempdir().unwrap();
            let (path, clock) = (temp.path().join("users.db"), Clock::manual(NOW));
            let hash = Passwords::hash_now(QUICK, &Password::new(RIGHT.to_owned()));
            let alice = NewUser { password: Some(hash), ..NewUser::named(name("alice")) };
            UserStore::open(&path, clock.clone()).unwrap().add(alice).unwrap();
            let directory = Directory::open(&path, clock.clone(), Box::new(|_| ())).unwrap();
            let passwords = Passwords::start(QUICK, 1, 8);
            let local = Local::new(Arc::clone(&directory), Arc::clone(&passwords));
            let throttle = Throttle::forgetful(clock.clone()).unwrap();
            let logged = CapturedLog::default();
            let log = LogWriter::start(logged.clone()).unwrap();
            let audit = Audit::new(log.clone(), Format::Json, clock.clone());
            let sign_in = SignIn::new(local, directory, throttle, audit, clock);
            Self {
                sign_in,
                passwords,
                limits: throttle::ThrottleLimits::default(),
                backends: Backends::local(),
                log,
                logged,
                path,
                _temp: temp,
            }
        }

        /// Makes the database run this statement after each sign-in that is recorded.
        fn meanwhile(&self, statement: &str) {
            let trigger = format!(
                "CREATE TRIGGER meanwhile AFTER UPDATE OF last_sign_in ON user BEGIN {statement}; END"
            );
            Connection::open(&self.path).unwrap().execute_batch(&trigger).unwrap();
        }

        fn origin(&self, entrance: Entrance) -> Origin<'_> {
            Origin {
                entrance,
                client_addr: ClientAddr::Known(Ipv4Addr::LOCALHOST.into()),
                device: None,
                request_id: "r-1",
                backends: &self.backends,
                limits: &self.limits,
            }
        }

        async fn check(&self, claim: Claim<'_>, password: &str, at: Entrance) -> Result<Proved, NotProved> {
            let credential = Credential::Password(Password::new(password.to_owned()));
            self.sign_in.check(claim, credential, &self.origin(at)).await
        }

        async fn sign_in(&self, typed_name: &str, password: &str) -> Result<Proved, NotProved> {
            self.check(Claim::Name(typed_name), password, Entrance::SignIn).await
        }

        /// The reasons in the audit stream.
        fn reasons(&self) -> Vec<String> {
            assert!(self.log.flush(Duration::from_secs(20)));
            let text = self.logged.text();
            let reason = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["reason"].clone();
            text.lines().map(|line| reason(line).as_str().unwrap().to_owned()).collect()
        }
    }

    fn name(text: &str) -> UserName {
        UserName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_right_password_proves_the_claim_and_the_sign_in_is_recorded() {
        let it = Fixture::open();
        for spelling in ["alice", " Alice", "ＡＬＩＣＥ"] {
            let proved = it.sign_in(spelling, RIGHT).await.unwrap();
            let account = proved.account();
            assert_eq!(account.user.name, name("alice"));
            assert_eq!(account.last_sign_in, Some(NOW));
            assert!(account.identity(account.credential).is_some());
        }
        assert_eq!(it.passwords.verifications(), 3);
        assert!(it.reasons().is_empty(), "the caller records a success");
    }

    #[tokio::test]
    async fn every_failure_costs_one_check_and_gives_the_same_result() {
        let it = Fixture::open();
        let cases =
            [("alice", "wrong"), ("alice", ""), ("nobody", RIGHT), ("a b", RIGHT), ("", ""), ("zoe", "x")];
        for (checks, (who, password)) in (1..).zip(cases) {
            assert_eq!(it.sign_in(who, password).await.unwrap_err(), NotProved::Wrong, "{who} {password}");
            assert_eq!(it.passwords.verifications(), checks, "{who} {password}");
        }
        let expected = [
            "wrong-password",
            "unusable-password",
            "unknown-user",
            "invalid-name",
            "invalid-name",
            "unknown-user",
        ];
        assert_eq!(it.reasons(), expected);
    }

    #[tokio::test]
    async fn an_attempt_that_was_reserved_but_not_checked_does_not_count() {
        let it = Fixture::open();
        let origin = it.origin(Entrance::SignIn);
        let subject = it.sign_in.look_up(Claim::Name("zelda"), &origin).await.unwrap();
        for _ in 0..100 {
            drop(it.sign_in.reserve_attempt(&subject, &origin).await.unwrap());
        }
        assert_eq!(it.sign_in("zelda", "wrong").await.unwrap_err(), NotProved::Wrong);
        assert_eq!(it.reasons(), ["unknown-user"]);
    }

    #[tokio::test]
    async fn a_change_of_password_is_no_sign_in() {
        let it = Fixture::open();
        let account = it.sign_in.directory.account_by_name(&name("alice")).await.unwrap().unwrap();
        let claim = Claim::User(&account);
        let proved = it.check(claim, RIGHT, Entrance::PasswordChange).await.unwrap();
        assert_eq!(proved.account().last_sign_in, None);
        let proved = it.check(claim, RIGHT, Entrance::Confirmation).await.unwrap();
        assert_eq!(proved.account().last_sign_in, Some(NOW));
    }

    #[tokio::test]
    async fn a_sign_in_that_cannot_be_recorded_still_succeeds() {
        let it = Fixture::open();
        Connection::open(&it.path)
            .unwrap()
            .execute_batch(
                "CREATE TRIGGER full BEFORE UPDATE ON user
                 BEGIN SELECT RAISE (ABORT, 'as if the disk were full'); END",
            )
            .unwrap();
        let proved = it.sign_in("alice", RIGHT).await.unwrap();
        let account = proved.account();
        assert_eq!((account.user.name.as_str(), account.last_sign_in), ("alice", None));
    }

    #[tokio::test]
    async fn an_account_that_changed_while_its_password_was_checked_opens_nothing() {
        // A trigger plays the operator who is faster than the recording of the sign-in.
        for (statement, expected) in [
            ("UPDATE user SET active = 0, credential = 9 WHERE id = new.id", "disabled"),
            ("UPDATE user SET credential = 9 WHERE id = new.id", "wrong-password"),
            ("DELETE FROM user WHERE id = new.id", "unknown-user"),
        ] {
            let it = Fixture::open();
            it.meanwhile(statement);
            assert_eq!(it.sign_in("alice", RIGHT).await.unwrap_err(), NotProved::Wrong, "{statement}");
            assert_eq!(it.reasons(), [expected], "{statement}");
        }
    }
}
