//! A new sealing key: all secrets stay usable, whatever happens at the same time or in between.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tempfile::TempDir;

use super::*;
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserName},
    users::{FactorName, NewUser, NotEnrolled, RecoveryCode, ShownTo, TotpCode, TotpSecret},
};

struct Fixture {
    store: UserStore,
    clock: Clock,
    temp: TempDir,
}

/// A user with an authenticator app and recovery codes.
struct Person {
    who: (UserId, CredentialVersion),
    secret: TotpSecret,
    codes: Vec<RecoveryCode>,
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_000_000_000));
        let store = UserStore::open(&temp.path().join("users.db"), clock.clone()).unwrap();
        Self { store, clock, temp }
    }

    fn beside(&self) -> UserStore {
        UserStore::open(&self.temp.path().join("users.db"), self.clock.clone()).unwrap()
    }

    fn keys(&self) -> usize {
        fs::read_to_string(SealingKey::path_in(self.temp.path())).unwrap().lines().count()
    }

    fn sealed(&self) -> Vec<Vec<u8>> {
        let read = |connection: &Connection| {
            let mut statement =
                connection.prepare("SELECT secret FROM totp UNION ALL SELECT recovery_key FROM user")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        self.store.read("reading", read).unwrap()
    }

    /// Whether app and recovery codes of the person still work. Uses up one of each.
    fn works(&mut self, person: &mut Person) -> bool {
        self.clock.advance(std::time::Duration::from_secs(30));
        let code = code_of(&person.secret, &self.clock);
        let (id, credential) = person.who;
        let by_app = self.store.use_totp(id, credential, &code).unwrap().is_some();
        let recovery = person.codes.pop().unwrap();
        by_app && self.store.use_recovery_code(id, credential, &recovery).unwrap().is_some()
    }
}

fn enrol(store: &mut UserStore, clock: &Clock, name: &str) -> Person {
    let account = store.add(NewUser::named(UserName::parse(name).unwrap())).unwrap();
    let who = (account.user.id, account.credential);
    let shown_to = ShownTo { id: who.0, credential: who.1, session: "s" };
    let phone = FactorName::parse("Phone").unwrap();
    let (shown, enrolled) = loop {
        let shown = store.start_totp(shown_to).unwrap();
        let code = code_of(&shown.secret, clock);
        match store.enrol_totp(shown_to, &shown.sealed, &phone, Some(&code)).unwrap() {
            Ok(enrolled) => break (shown, enrolled),
            // The key of the form was taken out of use meanwhile.
            Err(refused) => assert_eq!(refused, NotEnrolled::Expired),
        }
    };
    let codes = enrolled.codes.unwrap().iter().cloned().collect();
    Person { who, secret: shown.secret, codes }
}

fn code_of(secret: &TotpSecret, clock: &Clock) -> TotpCode {
    TotpCode::parse(&secret.code_at(clock.now()).unwrap()).unwrap()
}

#[test]
fn renewed_seals_open_with_the_new_key_alone() {
    let mut it = Fixture::new();
    let mut people: Vec<_> =
        ["alice", "bob"].map(|name| enrol(&mut it.store, &it.clock, name)).into_iter().collect();
    let before = it.sealed();
    let old_key = SealingKey::open(it.temp.path()).unwrap();
    assert_eq!(it.store.renew_seals().unwrap(), RenewedSeals { sealed: 4, unopened: 0 });
    assert_eq!(it.keys(), 1);
    assert!(it.sealed().iter().all(|value| !before.contains(value) && !old_key.is_newest_of(value)));
    assert!(people.iter_mut().all(|person| it.works(person)));
    assert!(people.iter_mut().all(|person| {
        it.store = it.beside();
        it.works(person)
    }));
}

#[test]
fn a_renewal_leaves_no_former_seal_in_the_files_of_the_database() {
    let mut it = Fixture::new();
    for name in ["alice", "bob"] {
        enrol(&mut it.store, &it.clock, name);
    }
    let before = it.sealed();
    let found = |it: &Fixture| {
        let files = fs::read_dir(it.temp.path()).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
        let bytes = files.collect::<Vec<_>>().concat();
        before.iter().filter(|seal| bytes.windows(seal.len()).any(|window| window == &seal[..])).count()
    };
    assert_eq!(found(&it), 4);
    it.store.renew_seals().unwrap();
    assert_eq!(found(&it), 0, "a copy of the files and of the former key opens nothing");
}

#[test]
fn a_renewal_without_any_secret_makes_a_key_and_a_renewal_of_a_lost_key_changes_nothing() {
    let mut it = Fixture::new();
    assert_eq!(it.store.renew_seals().unwrap(), RenewedSeals { sealed: 0, unopened: 0 });
    enrol(&mut it.store, &it.clock, "alice");
    let before = it.sealed();
    fs::remove_file(SealingKey::path_in(it.temp.path())).unwrap();
    let refused = it.store.renew_seals().unwrap_err();
    assert!(refused.to_string().contains("secret.key is missing"), "{refused}");
    assert_eq!(it.sealed(), before);
    assert!(!SealingKey::path_in(it.temp.path()).exists(), "a backup can still be put back");
}

#[test]
fn a_renewal_that_is_broken_off_anywhere_leaves_every_secret_readable_and_is_finished_by_the_next() {
    let mut it = Fixture::new();
    let mut alice = enrol(&mut it.store, &it.clock, "alice");
    let folder = it.temp.path().to_owned();
    // Ends after the new key is in the file, before anything is sealed with it.
    SealingKey::add_newer(&folder).unwrap();
    assert!(it.works(&mut alice) && it.keys() == 2);
    let mut bob = enrol(&mut it.store, &it.clock, "bob");
    assert!(it.works(&mut bob));
    it.store.forget_older_keys(&folder).unwrap();
    assert_eq!(it.keys(), 2, "the older key is needed by alice's secrets");
    // Ends after everything is sealed, before the older keys are taken out.
    it.store.seal_with_new_key(&folder).unwrap();
    assert!(it.works(&mut alice) && it.works(&mut bob) && it.keys() == 3);
    for _ in 0..20 {
        it.store.seal_with_new_key(&folder).unwrap();
        let mut person = enrol_again(&mut it);
        assert!(it.works(&mut person), "however often it is broken off");
    }
    assert_eq!(it.store.renew_seals().unwrap().unopened, 0);
    assert_eq!(it.keys(), 1);
    assert!(it.works(&mut alice) && it.works(&mut bob));
}

/// The key file holds 16 keys. A renewal that ends after it has added one, and before its transaction has, must not push
/// out the key that seals the secrets, however often that happens.
#[test]
fn renewals_that_end_before_their_commit_push_no_needed_key_out_of_the_file() {
    let mut it = Fixture::new();
    let mut alice = enrol(&mut it.store, &it.clock, "alice");
    let folder = it.temp.path().to_owned();
    let database = Connection::open(folder.join("users.db")).unwrap();
    // Secrets can be sealed with one key alone.
    database
        .execute_batch(
            "CREATE TABLE allowed (id BLOB);
             CREATE TRIGGER broken_off BEFORE UPDATE OF secret ON totp
             WHEN NOT EXISTS (SELECT 1 FROM allowed WHERE id = substr(NEW.secret, 1, length(id)))
             BEGIN SELECT RAISE(ABORT, 'broken off'); END;",
        )
        .unwrap();
    for round in 0..20 {
        let key = SealingKey::open(&folder).unwrap();
        let id = key.seal(b"", b"").unwrap()[..4].to_vec();
        database.execute("DELETE FROM allowed", []).unwrap();
        database.execute("INSERT INTO allowed VALUES (?1)", [id]).unwrap();
        assert!(it.store.renew_seals().is_err(), "{round}");
        assert!(it.keys() > 1, "a key was added: {round}");
    }
    database.execute_batch("DROP TRIGGER broken_off").unwrap();
    assert_eq!(it.store.renew_seals().unwrap(), RenewedSeals { sealed: 2, unopened: 0 });
    assert!(it.works(&mut alice) && it.keys() == 1);
}

fn enrol_again(it: &mut Fixture) -> Person {
    let number = it.sealed().len();
    enrol(&mut it.store, &it.clock, &format!("user{number}"))
}

#[test]
fn a_secret_that_no_key_opens_is_counted_and_stays_as_it_is() {
    let mut it = Fixture::new();
    let mut alice = enrol(&mut it.store, &it.clock, "alice");
    enrol(&mut it.store, &it.clock, "bob");
    let moved = "UPDATE totp SET secret = (SELECT secret FROM totp ORDER BY factor_id LIMIT 1)";
    it.store.write("moving a secret", |write| Ok(write.transaction.execute(moved, [])?)).unwrap();
    assert_eq!(it.store.renew_seals().unwrap(), RenewedSeals { sealed: 3, unopened: 1 });
    assert_eq!(it.keys(), 1);
    assert!(it.works(&mut alice));
}

#[test]
fn gateways_go_on_with_every_secret_while_seals_are_renewed() {
    let it = Fixture::new();
    let (mut renewer, mut other_renewer) = (it.beside(), it.beside());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let gateways: Vec<_> = ["first", "second"]
            .into_iter()
            .map(|gateway| {
                let (mut store, clock, ended) = (it.beside(), &it.clock, &ended);
                scope.spawn(move || {
                    let mut people = Vec::new();
                    for number in 0.. {
                        let mut person = enrol(&mut store, clock, &format!("{gateway}{number}"));
                        let (id, credential) = person.who;
                        let code = person.codes.pop().unwrap();
                        let used = store.use_recovery_code(id, credential, &code).unwrap();
                        assert!(used.is_some(), "{gateway} {number}");
                        people.push(person);
                        if ended.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    people
                })
            })
            .collect();
        let renewals = [&mut renewer, &mut other_renewer].map(|store| {
            scope.spawn(move || {
                // Few renewals: on a slow disk, no writer may wait for the database longer than its limit.
                for _ in 0..5 {
                    assert_eq!(store.renew_seals().unwrap().unopened, 0);
                }
            })
        });
        let ends = renewals.map(thread::ScopedJoinHandle::join);
        ended.store(true, Ordering::Relaxed);
        assert!(ends.iter().all(Result::is_ok));
        let mut store = it.beside();
        assert_eq!(store.renew_seals().unwrap().unopened, 0);
        for person in gateways.into_iter().flat_map(|gateway| gateway.join().unwrap()) {
            let (id, credential) = person.who;
            let code = person.codes.last().unwrap();
            assert!(store.use_recovery_code(id, credential, code).unwrap().is_some());
        }
    });
}
