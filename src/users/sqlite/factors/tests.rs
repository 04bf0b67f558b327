use std::path::PathBuf;

use tempfile::TempDir;

use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    store::SealingKey,
    users::{
        Account, Enrolled, FactorId, FactorKind, FactorName, FactorsBefore, LastFactor, NewUser, NotEnrolled,
        RecoveryCode, RecoveryCodes, RemovedFactors, ShownTo, TotpCode, TotpSecret, UserStore,
        UserStoreError,
    },
};

struct Fixture {
    store: UserStore,
    clock: Clock,
    temp: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_000_000_000));
        let mut store = UserStore::open(&temp.path().join("users.db"), clock.clone()).unwrap();
        for name in ["alice", "bob"] {
            store.add(NewUser::named(UserName::parse(name).unwrap())).unwrap();
        }
        Self { store, clock, temp }
    }

    fn account(&self, name: &str) -> Account {
        self.store.find_by_name(&UserName::parse(name).unwrap()).unwrap().unwrap()
    }

    fn who(&self, name: &str) -> (UserId, CredentialVersion) {
        let account = self.account(name);
        (account.user.id, account.credential)
    }

    fn enrol(&mut self, name: &str) -> (TotpSecret, Enrolled) {
        let (id, credential) = self.who(name);
        let shown_to = ShownTo { id, credential, session: "s" };
        let shown = self.store.start_totp(shown_to).unwrap();
        let code = self.code(&shown.secret);
        let enrolled =
            self.store.enrol_totp(shown_to, &shown.sealed, &phone(), Some(&code)).unwrap().unwrap();
        (shown.secret, enrolled)
    }

    fn code(&self, secret: &TotpSecret) -> TotpCode {
        TotpCode::parse(&secret.code_at(self.clock.now()).unwrap()).unwrap()
    }

    fn steps_on(&self, steps: i64) {
        self.clock.advance(std::time::Duration::from_secs(30 * steps.unsigned_abs()));
    }

    fn passes(&mut self, name: &str, code: &TotpCode) -> bool {
        let (id, credential) = self.who(name);
        self.store.use_totp(id, credential, code).unwrap().is_some()
    }

    fn recovers(&mut self, name: &str, code: &RecoveryCode) -> bool {
        let (id, credential) = self.who(name);
        self.store.use_recovery_code(id, credential, code).unwrap().is_some()
    }

    fn database(&self) -> PathBuf {
        self.temp.path().join("users.db")
    }
}

fn phone() -> FactorName {
    FactorName::parse("Phone").unwrap()
}

fn first(codes: &RecoveryCodes) -> RecoveryCode {
    codes.iter().next().unwrap().clone()
}

#[test]
fn a_right_code_makes_a_factor_and_ten_recovery_codes() {
    let mut it = Fixture::new();
    let (_, enrolled) = it.enrol("alice");
    let alice = it.account("alice");
    assert_eq!(alice, enrolled.account);
    let [factor] = &alice.factors[..] else { panic!("{:?}", alice.factors) };
    assert_eq!((factor.kind, factor.name.as_str(), factor.id), (FactorKind::Totp, "Phone", enrolled.factor));
    assert_eq!(factor.last_used, Some(it.clock.now()));
    assert_eq!((alice.recovery_codes_left, enrolled.codes.unwrap().iter().count()), (10, 10));
    assert!(it.account("bob").factors.is_empty());
    it.steps_on(2);
    assert!(it.enrol("alice").1.codes.is_none(), "codes come with the first factor");
    assert_eq!(it.account("alice").factors.len(), 2);
}

#[test]
fn a_wrong_code_or_another_sessions_secret_adds_no_factor() {
    let mut it = Fixture::new();
    let (id, credential) = it.who("alice");
    let (bob, bobs) = it.who("bob");
    let shown_to = ShownTo { id, credential, session: "s" };
    let shown = it.store.start_totp(shown_to).unwrap();
    let code = it.code(&shown.secret);
    let wrong = it.code(&TotpSecret::from_bytes(b"12345678901234567890").unwrap());
    let mut enrol = |shown_to, sealed: &str, code: Option<&TotpCode>| {
        it.store.enrol_totp(shown_to, sealed, &phone(), code).unwrap().unwrap_err()
    };
    assert_eq!(enrol(shown_to, &shown.sealed, Some(&wrong)), NotEnrolled::WrongCode);
    assert_eq!(enrol(shown_to, &shown.sealed, None), NotEnrolled::WrongCode);
    let other = ShownTo { session: "other", ..shown_to };
    assert_eq!(enrol(other, &shown.sealed, Some(&code)), NotEnrolled::Expired);
    let of_bob = ShownTo { id: bob, credential: bobs, session: "s" };
    assert_eq!(enrol(of_bob, &shown.sealed, Some(&code)), NotEnrolled::Expired);
    for sealed in ["", "x", "AAAA", &format!("{}A", shown.sealed)] {
        assert_eq!(enrol(shown_to, sealed, Some(&code)), NotEnrolled::Expired, "{sealed}");
    }
    assert!(it.account("alice").factors.is_empty());
    it.steps_on(20);
    let late = it.code(&shown.secret);
    let late = it.store.enrol_totp(shown_to, &shown.sealed, &phone(), Some(&late)).unwrap();
    assert_eq!(late.unwrap_err(), NotEnrolled::Expired);
}

#[test]
fn a_secret_is_added_once_and_an_account_has_twenty_factors_at_most() {
    let mut it = Fixture::new();
    let (id, credential) = it.who("alice");
    let shown_to = ShownTo { id, credential, session: "s" };
    let shown = it.store.start_totp(shown_to).unwrap();
    let code = it.code(&shown.secret);
    it.store.enrol_totp(shown_to, &shown.sealed, &phone(), Some(&code)).unwrap().unwrap();
    let again = it.store.enrol_totp(shown_to, &shown.sealed, &phone(), Some(&code)).unwrap();
    assert_eq!(again.unwrap_err(), NotEnrolled::AlreadyAdded);
    for _ in 1..super::MAX_FACTORS {
        it.enrol("alice");
    }
    let shown = it.store.start_totp(shown_to).unwrap();
    let code = it.code(&shown.secret);
    let more = it.store.enrol_totp(shown_to, &shown.sealed, &phone(), Some(&code)).unwrap();
    assert_eq!(more.unwrap_err(), NotEnrolled::TooMany);
}

#[test]
fn a_first_factor_is_added_once_to_an_account_that_has_none() {
    let mut it = Fixture::new();
    let (id, credential) = it.who("alice");
    // Mallory, who knows Alice's password, is at the same step of a sign-in as Alice.
    let mut enrol_first = |session| {
        let shown_to = ShownTo { id, credential, session };
        let shown = it.store.start_totp(shown_to).unwrap();
        let (name, code) = (phone(), it.code(&shown.secret));
        let typed = (&name, Some(&code));
        it.store.enrol_totp_after(FactorsBefore::None, shown_to, &shown.sealed, typed).unwrap()
    };
    enrol_first("alice's").unwrap();
    assert_eq!(enrol_first("mallory's").unwrap_err(), NotEnrolled::NotFirst);
    assert_eq!(it.account("alice").factors.len(), 1);
}

#[test]
fn a_code_passes_once_and_no_earlier_one_passes_after_it() {
    let mut it = Fixture::new();
    let (secret, _) = it.enrol("alice");
    let enrolled_with = it.code(&secret);
    assert!(!it.passes("alice", &enrolled_with), "the code of the enrolment is used up");
    it.steps_on(2);
    let before = it.code(&secret);
    it.steps_on(1);
    let now = it.code(&secret);
    assert!(it.passes("alice", &now));
    assert!(!it.passes("alice", &now), "a second time");
    assert!(!it.passes("alice", &before), "the step before");
    assert_eq!(it.account("alice").factors[0].last_used, Some(it.clock.now()));
    it.steps_on(1);
    let next = it.code(&secret);
    assert!(!it.passes("bob", &next), "another user");
    assert!(it.passes("alice", &next));
}

#[test]
fn a_secret_that_was_moved_to_another_user_or_factor_proves_nobody() {
    let mut it = Fixture::new();
    let (of_alice, _) = it.enrol("alice");
    let (of_bob, _) = it.enrol("bob");
    it.steps_on(2);
    let connection = rusqlite::Connection::open(it.database()).unwrap();
    connection
        .execute_batch(
            "CREATE TEMP TABLE swapped AS SELECT * FROM totp;
             UPDATE totp SET secret = (SELECT secret FROM swapped WHERE swapped.factor_id <> totp.factor_id)",
        )
        .unwrap();
    for (name, secret) in [("alice", &of_alice), ("alice", &of_bob), ("bob", &of_alice), ("bob", &of_bob)] {
        let code = it.code(secret);
        assert!(!it.passes(name, &code), "{name}");
    }
    // A whole row that is given to another user carries the wrong user in its seal, too.
    connection
        .execute_batch(
            "UPDATE totp SET secret = (SELECT secret FROM swapped WHERE swapped.factor_id = totp.factor_id)",
        )
        .unwrap();
    let (bob, _) = it.who("bob");
    connection.execute("UPDATE factor SET user_id = ?1", [bob.0]).unwrap();
    let code = it.code(&of_alice);
    assert!(!it.passes("bob", &code));
    let code = it.code(&of_bob);
    assert!(it.passes("bob", &code));
}

#[test]
fn recovery_codes_of_another_user_prove_nobody_even_with_the_rows_moved() {
    let mut it = Fixture::new();
    let code = first(&it.enrol("alice").1.codes.unwrap());
    it.enrol("bob");
    assert!(!it.recovers("bob", &code));
    let connection = rusqlite::Connection::open(it.database()).unwrap();
    let ((alice, _), (bob, _)) = (it.who("alice"), it.who("bob"));
    connection.execute("DELETE FROM recovery_code WHERE user_id = ?1", [bob.0]).unwrap();
    connection.execute("UPDATE recovery_code SET user_id = ?2 WHERE user_id = ?1", [alice.0, bob.0]).unwrap();
    connection
        .execute(
            "UPDATE user SET recovery_key = (SELECT recovery_key FROM user WHERE id = ?1) WHERE id = ?2",
            [alice.0, bob.0],
        )
        .unwrap();
    assert!(!it.recovers("bob", &code));
}

#[test]
fn a_recovery_code_is_used_once_and_a_new_set_kills_the_old_one() {
    let mut it = Fixture::new();
    let old = it.enrol("alice").1.codes.unwrap();
    assert!(it.recovers("alice", &first(&old)));
    assert!(!it.recovers("alice", &first(&old)), "a second time");
    assert_eq!(it.account("alice").recovery_codes_left, 9);
    let (id, credential) = it.who("alice");
    let (account, new) = it.store.make_recovery_codes(id, credential).unwrap();
    assert_eq!(account.recovery_codes_left, 10);
    for code in old.iter() {
        assert!(!it.recovers("alice", code));
    }
    assert!(it.recovers("alice", &first(&new)));
    assert!(!it.recovers("alice", &RecoveryCode::parse("AAAAA-AAAAA").unwrap()));
}

#[test]
fn the_database_holds_neither_secrets_nor_codes_in_the_clear() {
    let mut it = Fixture::new();
    let (secret, enrolled) = it.enrol("alice");
    let code = first(&enrolled.codes.unwrap());
    drop(it.store);
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(it.temp.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let groups = code.to_groups();
    assert!(!has(secret.as_bytes()) && !has(secret.to_groups().replace(' ', "").as_bytes()));
    assert!(!has(groups.as_bytes()) && !has(groups.replace('-', "").as_bytes()));
    assert!(has(b"Phone"), "the bytes are those of the database");
}

#[test]
fn with_the_last_factor_go_the_recovery_codes() {
    let mut it = Fixture::new();
    let (_, one) = it.enrol("alice");
    let code = first(&one.codes.unwrap());
    let (_, other) = it.enrol("alice");
    let (id, credential) = it.who("alice");
    it.store.remove_factor(id, credential, (one.factor, LastFactor::Optional)).unwrap();
    assert_eq!(it.account("alice").recovery_codes_left, 10);
    let account = it.store.remove_factor(id, credential, (other.factor, LastFactor::Optional)).unwrap();
    assert_eq!((account.factors.len(), account.recovery_codes_left), (0, 0));
    assert!(!it.recovers("alice", &code));
    assert!(it.store.make_recovery_codes(id, credential).is_err(), "codes alone are no second factor");
}

#[test]
fn the_last_factor_of_a_user_who_needs_one_stays() {
    let mut it = Fixture::new();
    let ((_, one), (_, other)) = (it.enrol("alice"), it.enrol("alice"));
    let (id, credential) = it.who("alice");
    // The second of two removals at once finds the first one done.
    it.store.remove_factor(id, credential, (one.factor, LastFactor::Required)).unwrap();
    let refused = it.store.remove_factor(id, credential, (other.factor, LastFactor::Required));
    assert!(matches!(refused, Err(UserStoreError::LastRequiredFactor(_))));
    let account = it.account("alice");
    assert_eq!((account.factors.len(), account.recovery_codes_left), (1, 10));
    // An operator may.
    let name = UserName::parse("alice").unwrap();
    it.store.remove_factors(&name, RemovedFactors::One(other.factor)).unwrap();
}

#[test]
fn a_user_renames_and_removes_own_factors_alone() {
    let mut it = Fixture::new();
    let (_, enrolled) = it.enrol("alice");
    let (bob, credential) = it.who("bob");
    let no_factor = |result| matches!(result, Err(UserStoreError::NoSuchFactor(_)));
    assert!(no_factor(it.store.remove_factor(bob, credential, (enrolled.factor, LastFactor::Optional))));
    assert!(no_factor(it.store.rename_factor(bob, credential, enrolled.factor, &phone())));
    assert!(no_factor(it.store.remove_factor(bob, credential, (FactorId(99), LastFactor::Optional))));
    let (alice, credential) = it.who("alice");
    let tablet = FactorName::parse("Tablet").unwrap();
    it.store.rename_factor(alice, credential, enrolled.factor, &tablet).unwrap();
    assert_eq!(it.account("alice").factors[0].name, "Tablet");
    let stale = CredentialVersion(credential.0 + 1);
    let changed = it.store.remove_factor(alice, stale, (enrolled.factor, LastFactor::Optional));
    assert!(matches!(changed, Err(UserStoreError::CredentialChanged(_))));
}

#[test]
fn an_operator_removes_one_factor_or_all() {
    let mut it = Fixture::new();
    let (name, (_, one)) = (UserName::parse("alice").unwrap(), it.enrol("alice"));
    it.enrol("alice");
    let account = it.store.remove_factors(&name, RemovedFactors::One(one.factor)).unwrap();
    assert_eq!((account.factors.len(), account.recovery_codes_left), (1, 10));
    assert!(it.store.remove_factors(&name, RemovedFactors::One(one.factor)).is_err());
    let account = it.store.remove_factors(&name, RemovedFactors::All).unwrap();
    assert_eq!((account.factors.len(), account.recovery_codes_left), (0, 0));
    let changes = it.store.newest_change().unwrap();
    it.store.remove_factors(&name, RemovedFactors::All).unwrap();
    assert_eq!(it.store.newest_change().unwrap(), changes, "nothing was left to remove");
}

#[test]
fn a_lost_key_file_is_an_error_and_lets_nobody_in() {
    let mut it = Fixture::new();
    let (secret, enrolled) = it.enrol("alice");
    it.steps_on(2);
    let (id, credential) = it.who("alice");
    std::fs::remove_file(SealingKey::path_in(it.temp.path())).unwrap();
    let code = it.code(&secret);
    assert!(matches!(it.store.use_totp(id, credential, &code), Err(UserStoreError::SealingKey(_))));
    let recovery = first(&enrolled.codes.unwrap());
    assert!(it.store.use_recovery_code(id, credential, &recovery).is_err());
    // A new key, made for another user's factor, opens none of the old secrets.
    it.enrol("bob");
    assert!(!it.passes("alice", &code) && !it.recovers("alice", &recovery));
}
