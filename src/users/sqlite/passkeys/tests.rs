use tempfile::TempDir;

use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    users::{
        Account, Enrolled, FactorKind, FactorName, FactorsBefore, LastFactor, NewPasskey, NewUser,
        NotEnrolled, PasskeyUse, PasswordHash, RemovedFactors, Transport, UserStore, UserStoreError,
    },
};

const RP_ID: &str = "login.example.com";

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
            let password = PasswordHash::stored("$argon2id$".to_owned());
            let new = NewUser { password: Some(password), ..NewUser::named(UserName::parse(name).unwrap()) };
            store.add(new).unwrap();
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

    fn enrol(&mut self, name: &str, credential: &[u8]) -> Result<Enrolled, NotEnrolled> {
        let (id, expected) = self.who(name);
        self.store.enrol_passkey(id, expected, (&new(credential), FactorsBefore::Any)).unwrap()
    }
}

fn new(credential: &[u8]) -> NewPasskey {
    NewPasskey {
        rp_id: RP_ID.into(),
        credential: credential.into(),
        public_key: b"key".as_slice().into(),
        sign_count: 3,
        backup_eligible: true,
        backed_up: false,
        aaguid: [7; 16],
        transports: vec![Transport::Internal, Transport::Hybrid],
        name: FactorName::parse("Laptop").unwrap(),
    }
}

#[test]
fn a_passkey_is_found_by_its_id_with_its_owner() {
    let mut fixture = Fixture::new();
    let enrolled = fixture.enrol("alice", b"one").unwrap();
    assert!(enrolled.codes.is_some(), "the first factor comes with recovery codes");
    assert_eq!(enrolled.account.factors.len(), 1);
    assert_eq!(enrolled.account.factors[0].kind, FactorKind::Passkey);
    assert!(fixture.enrol("alice", b"two").unwrap().codes.is_none());
    let (passkey, owner) = fixture.store.passkey_with(RP_ID, b"one").unwrap().unwrap();
    assert_eq!(owner.user.name.as_str(), "alice");
    assert_eq!((passkey.factor, passkey.user), (enrolled.factor, owner.user.id));
    assert_eq!(
        (&*passkey.credential, &*passkey.public_key, passkey.sign_count),
        (&b"one"[..], &b"key"[..], 3)
    );
    assert!(passkey.backup_eligible && !passkey.backed_up);
    assert_eq!(passkey.transports, [Transport::Hybrid, Transport::Internal]);
    let all = fixture.store.passkeys_of(owner.user.id, RP_ID).unwrap();
    assert_eq!(all.iter().map(|passkey| &*passkey.credential).collect::<Vec<_>>(), [b"one", b"two"]);
    assert!(fixture.store.passkeys_of(fixture.who("bob").0, RP_ID).unwrap().is_empty());
    assert!(fixture.store.passkey_with("other.example.com", b"one").unwrap().is_none());
    assert!(fixture.store.passkeys_of(owner.user.id, "other.example.com").unwrap().is_empty());
    let parties = UserStore::relying_parties(&fixture.temp.path().join("users.db")).unwrap();
    assert_eq!(parties, [(RP_ID.to_owned(), 2)]);
    assert!(UserStore::relying_parties(&fixture.temp.path().join("none.db")).unwrap().is_empty());
}

#[test]
fn a_credential_belongs_to_one_user() {
    let mut fixture = Fixture::new();
    fixture.enrol("alice", b"one").unwrap();
    for name in ["alice", "bob"] {
        assert_eq!(fixture.enrol(name, b"one").unwrap_err(), NotEnrolled::AlreadyAdded);
        let (id, expected) = fixture.who(name);
        let elsewhere = NewPasskey { rp_id: "other.example.com".into(), ..new(b"one") };
        let enrolled = fixture.store.enrol_passkey(id, expected, (&elsewhere, FactorsBefore::Any)).unwrap();
        assert_eq!(enrolled.unwrap_err(), NotEnrolled::AlreadyAdded);
    }
    assert!(fixture.account("bob").factors.is_empty());
}

#[test]
fn a_first_factor_is_added_once_to_an_account_that_has_none() {
    let mut fixture = Fixture::new();
    let (id, expected) = fixture.who("alice");
    // Mallory, who knows Alice's password, is at the same step of a sign-in as Alice.
    let mut enrol_first = |credential: &[u8]| {
        let new = new(credential);
        fixture.store.enrol_passkey(id, expected, (&new, FactorsBefore::None)).unwrap()
    };
    enrol_first(b"alice's").unwrap();
    assert_eq!(enrol_first(b"mallory's").unwrap_err(), NotEnrolled::NotFirst);
    assert_eq!(fixture.account("alice").factors.len(), 1);
}

#[test]
fn an_account_has_twenty_factors_at_most() {
    let mut fixture = Fixture::new();
    for n in 0..20_u8 {
        fixture.enrol("alice", &[n]).unwrap();
    }
    assert_eq!(fixture.enrol("alice", &[20]).unwrap_err(), NotEnrolled::TooMany);
    assert!(fixture.store.passkey_with(RP_ID, &[20]).unwrap().is_none());
}

#[test]
fn a_user_handle_stays_and_is_no_other_users() {
    let mut fixture = Fixture::new();
    let mut handle = |name: &str| {
        let (id, expected) = fixture.who(name);
        fixture.store.user_handle(id, expected).unwrap()
    };
    let (alice, bob) = (handle("alice"), handle("bob"));
    assert_eq!(handle("alice"), alice);
    assert_ne!(alice, bob);
    fixture.enrol("alice", b"one").unwrap();
    assert_eq!(fixture.store.passkey_with(RP_ID, b"one").unwrap().unwrap().0.handle, alice);
}

#[test]
fn a_use_raises_the_count_and_is_noted() {
    let mut fixture = Fixture::new();
    let factor = fixture.enrol("alice", b"one").unwrap().factor;
    let (alice, bob) = (fixture.who("alice"), fixture.who("bob"));
    let before = fixture.store.newest_change().unwrap();
    let state = |fixture: &Fixture| {
        let (passkey, owner) = fixture.store.passkey_with(RP_ID, b"one").unwrap().unwrap();
        (passkey.sign_count, passkey.backed_up, owner.factors[0].last_used)
    };
    assert_eq!(state(&fixture), (3, false, None));
    let used = |sign_count, backed_up| PasskeyUse { sign_count, backed_up };
    assert!(fixture.store.use_passkey(alice, factor, used(9, true)).unwrap().is_some());
    assert_eq!(state(&fixture), (9, true, Some(fixture.clock.now())));
    // A copy of the authenticator lags behind; the highest count stays.
    assert!(fixture.store.use_passkey(alice, factor, used(4, false)).unwrap().is_some());
    assert_eq!(state(&fixture).0, 9);
    assert_eq!(fixture.store.newest_change().unwrap(), before, "no right has changed");

    assert!(fixture.store.use_passkey(bob, factor, used(10, true)).unwrap().is_none(), "not Bob's");
    let outdated = (alice.0, CredentialVersion(alice.1.0 + 1));
    assert!(fixture.store.use_passkey(outdated, factor, used(10, true)).unwrap().is_none());
    fixture.store.remove_factor(alice.0, alice.1, (factor, LastFactor::Optional)).unwrap();
    assert!(fixture.store.use_passkey(alice, factor, used(10, true)).unwrap().is_none(), "removed meanwhile");
    assert!(fixture.store.passkey_with(RP_ID, b"one").unwrap().is_none());
}

#[test]
fn nobody_renames_or_removes_the_passkey_of_another() {
    let mut fixture = Fixture::new();
    let factor = fixture.enrol("alice", b"one").unwrap().factor;
    fixture.enrol("bob", b"two").unwrap();
    let (id, expected) = fixture.who("bob");
    let name = FactorName::parse("Mine").unwrap();
    let renamed = fixture.store.rename_factor(id, expected, factor, &name);
    assert!(matches!(renamed, Err(UserStoreError::NoSuchFactor(_))));
    assert!(matches!(
        fixture.store.remove_factor(id, expected, (factor, LastFactor::Optional)),
        Err(UserStoreError::NoSuchFactor(_))
    ));
    assert_eq!(fixture.account("alice").factors[0].name, "Laptop");
}

#[test]
fn the_last_way_in_stays() {
    let mut fixture = Fixture::new();
    fixture.store.add(NewUser::named(UserName::parse("carol").unwrap())).unwrap();
    let first = fixture.enrol("carol", b"one").unwrap().factor;
    let (id, expected) = fixture.who("carol");
    let removed = fixture.store.remove_factor(id, expected, (first, LastFactor::Optional));
    assert!(matches!(removed, Err(UserStoreError::LastWayIn(_))));
    let second = fixture.enrol("carol", b"two").unwrap().factor;
    fixture.store.remove_factor(id, expected, (first, LastFactor::Optional)).unwrap();
    let removed = fixture.store.remove_factor(id, expected, (second, LastFactor::Optional));
    assert!(matches!(removed, Err(UserStoreError::LastWayIn(_))));
    // An operator can.
    fixture.store.remove_factors(&UserName::parse("carol").unwrap(), RemovedFactors::All).unwrap();
    assert!(fixture.account("carol").factors.is_empty());
}

#[test]
fn a_removed_user_leaves_no_passkey() {
    let mut fixture = Fixture::new();
    fixture.enrol("alice", b"one").unwrap();
    fixture.store.remove(&UserName::parse("alice").unwrap()).unwrap();
    assert!(fixture.store.passkey_with(RP_ID, b"one").unwrap().is_none());
    assert!(fixture.enrol("bob", b"one").is_ok());
}
