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
        let trigger =
            format!("CREATE TRIGGER meanwhile AFTER UPDATE OF last_sign_in ON user BEGIN {statement}; END");
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
