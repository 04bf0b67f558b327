//! Tokens in a database file.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{
    clock::Clock,
    identity::{Scope, ScopePath},
    users::{NewUser, PresentedToken, ProgramCredential, TokenLimits, TokenRules},
};

struct Fixture {
    store: UserStore,
    clock: Clock,
    temp: TempDir,
}

impl Fixture {
    fn open() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        let mut store = UserStore::open(&temp.path().join("users.db"), clock.clone()).unwrap();
        for who in ["alice", "bob"] {
            store.add(NewUser::named(name(who))).unwrap();
        }
        Self { store, clock, temp }
    }

    fn token(&self, name: &str) -> NewToken {
        NewToken {
            name: name.to_owned(),
            expires: self.clock.now() + Duration::from_hours(1),
            limits: TokenLimits::default(),
        }
    }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn presented(token: &ApiToken) -> PresentedToken {
    PresentedToken::parse(token.expose().as_bytes()).unwrap()
}

#[test]
fn a_token_is_stored_as_a_hash_and_read_with_its_account() {
    let mut it = Fixture::open();
    let limits = TokenLimits {
        scope: Scope {
            apps: vec!["wiki".into()],
            paths: vec![ScopePath::parse("/api/**").unwrap()],
            methods: vec!["GET".into()],
        },
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        multi_factor: true,
    };
    let new = NewToken { limits: limits.clone(), ..it.token("backup") };
    let (account, token) = it.store.add_token(&name("alice"), &new).unwrap();
    let read = it.store.find_by_name(&name("alice")).unwrap().unwrap();
    assert_eq!(read, account);
    let [stored] = read.tokens.as_slice() else { panic!("{:?}", read.tokens) };
    assert_eq!((stored.name.as_str(), &stored.limits), ("backup", &limits));
    assert_eq!((stored.expires, stored.last_used.at()), (new.expires, None));
    let presented = presented(&token);
    assert_eq!((presented.owner, presented.id), (account.user.id, stored.id));
    assert!(presented.has(&stored.hash));
    let secret = token.expose().split('_').nth(2).unwrap().to_owned();
    for entry in std::fs::read_dir(it.temp.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let holds = bytes.windows(20).any(|window| window == &secret.as_bytes()[..20]);
        assert!(!holds, "the secret is in the database");
    }
}

#[test]
fn a_token_gives_an_identity_as_long_as_its_owner_and_its_entry_allow() {
    let mut it = Fixture::open();
    let (account, token) = it.store.add_token(&name("alice"), &it.token("one")).unwrap();
    let credential = ProgramCredential::Token(presented(&token).id);
    let (now, keep) = (it.clock.now(), TokenRules::default());
    assert!(account.program(&credential, keep, now).is_some());
    assert!(account.program(&credential, keep, now + Duration::from_hours(1)).is_none(), "expired");
    let bob = it.store.find_by_name(&name("bob")).unwrap().unwrap();
    assert!(bob.program(&credential, keep, now).is_none(), "another user's");

    let hash = crate::users::Passwords::hash_now(
        crate::users::HashSettings { memory: 64, iterations: 1, parallelism: 1 },
        &crate::users::Password::new("velvet turbine oyster".to_owned()),
    );
    let after = it.store.set_password(&name("alice"), &hash).unwrap();
    assert!(after.program(&credential, keep, now).is_some());
    assert!(after.program(&credential, TokenRules { end_with_password: true, ..keep }, now).is_none());

    let disabled = it.store.set_active(&name("alice"), false).unwrap();
    assert!(disabled.program(&credential, keep, now).is_none());
    it.store.set_active(&name("alice"), true).unwrap();
    let revoked = it.store.revoke_token(&name("alice"), presented(&token).id).unwrap();
    assert!(revoked.program(&credential, keep, now).is_none());
}

#[test]
fn a_user_can_end_no_token_of_another() {
    let mut it = Fixture::open();
    let (alice, token) = it.store.add_token(&name("alice"), &it.token("one")).unwrap();
    let bob = it.store.find_by_name(&name("bob")).unwrap().unwrap();
    let id = presented(&token).id;
    let refused = it.store.revoke_own_token(bob.user.id, bob.credential, id).unwrap_err();
    assert!(matches!(refused, UserStoreError::NoSuchToken { .. }), "{refused}");
    assert_eq!(it.store.find(alice.user.id).unwrap().unwrap().tokens.len(), 1);
    it.store.revoke_own_token(alice.user.id, alice.credential, id).unwrap();
    assert_eq!(it.store.find(alice.user.id).unwrap().unwrap().tokens.len(), 0);
}

#[test]
fn the_number_of_tokens_is_bounded_and_expired_ones_make_room() {
    let mut it = Fixture::open();
    for number in 0..MAX_TOKENS {
        it.store.add_token(&name("alice"), &it.token(&number.to_string())).unwrap();
    }
    let refused = it.store.add_token(&name("alice"), &it.token("one more")).unwrap_err();
    assert!(matches!(refused, UserStoreError::TooManyTokens(_)), "{refused}");
    it.clock.advance(Duration::from_hours(2));
    let (account, _) = it.store.add_token(&name("alice"), &it.token("later")).unwrap();
    assert_eq!(account.tokens.len(), 1);
}

#[test]
fn making_and_ending_a_token_are_changes_and_its_use_is_none() {
    let mut it = Fixture::open();
    let seen = it.store.newest_change().unwrap();
    let (_, token) = it.store.add_token(&name("alice"), &it.token("one")).unwrap();
    let id = presented(&token).id;
    it.store.record_token_use(id, it.clock.now()).unwrap();
    it.store.revoke_token(&name("alice"), id).unwrap();
    let changes = it.store.changes_after(seen).unwrap();
    let actions: Vec<_> = changes.iter().map(|change| change.action).collect();
    assert_eq!(actions, [Action::TokenMade, Action::TokenRevoked]);
}

#[test]
fn a_removed_user_takes_the_tokens_along() {
    let mut it = Fixture::open();
    it.store.add_token(&name("alice"), &it.token("one")).unwrap();
    it.store.remove(&name("alice")).unwrap();
    let left: i64 = it
        .store
        .read("counting", |connection| {
            connection.query_row("SELECT count(*) FROM api_token", [], |row| row.get(0))
        })
        .unwrap();
    assert_eq!(left, 0);
}
