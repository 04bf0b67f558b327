//! Users of backends in the database: take-overs, provisioning, links.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{
    clock::Clock,
    identity::{GroupName, Permission},
    users::{
        Change, FactorName, LinkPurpose, ListChange, NewToken, PasswordHash, ProgramCredential, ShownTo,
        SourceEmail, TokenLimits, TokenRules, TotpCode, UserChange,
    },
};

const AT: Timestamp = Timestamp::from_millis(5_000);
use Adoption::{Never, VerifiedEmail};
use Provisioning::{Approval, Automatic, Existing, Invited};

fn store() -> (TempDir, UserStore) {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let store = UserStore::open(&temp.path().join("users.db"), clock).unwrap();
    (temp, store)
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn group(text: &str) -> GroupName {
    GroupName::parse(text).unwrap()
}

fn backend(text: &str) -> BackendName {
    BackendName::parse(text).unwrap()
}

fn pair(at: &str, subject: &str) -> IdentityPair {
    let authority = format!("https://{at}.example.com").into();
    IdentityPair { backend: backend(at), authority, subject: subject.into() }
}

/// A user of a backend, with a verified address and the group `staff`.
fn profile(at: &str, subject: &str, who: &str) -> SourceProfile {
    SourceProfile {
        pair: pair(at, subject),
        name: name(who),
        email: Some(SourceEmail { address: format!("{who}@example.com"), verified: true }),
        full_name: format!("{who} of {at}"),
        groups: vec![group("staff")],
        attributes: BTreeMap::from([("team".to_owned(), at.to_owned())]),
    }
}

fn with_password(who: &str) -> NewUser {
    let password = Some(PasswordHash::stored("one".to_owned()));
    let email = format!("{who}@example.com");
    NewUser { password, email, email_verified: true, ..NewUser::named(name(who)) }
}

fn sign_in(
    store: &mut UserStore,
    profile: SourceProfile,
    provisioning: Provisioning,
    adoption: Adoption,
) -> Result<Account, NotProvisioned> {
    store.sign_in_from(profile, provisioning, adoption, AT).unwrap()
}

fn actions(store: &UserStore) -> Vec<Action> {
    store.changes_after(0).unwrap().into_iter().map(|change| change.action).collect()
}

#[test]
fn the_first_sign_in_of_a_backend_user_makes_an_account_and_the_second_finds_it() {
    let (_temp, mut store) = store();
    let alice = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    assert_eq!((alice.user.email.as_str(), alice.email_verified), ("alice@example.com", true));
    assert_eq!(alice.user.full_name, "alice of idp");
    assert_eq!(
        (alice.user.groups.as_slice(), alice.local_groups.as_slice()),
        (&[group("staff")][..], &[][..])
    );
    assert_eq!(alice.user.attributes["team"], "idp");
    assert_eq!((alice.password.as_ref(), alice.last_sign_in), (None, Some(AT)));
    let [identity] = alice.identities.as_slice() else { panic!("{:?}", alice.identities) };
    assert_eq!((identity.last_seen, identity.email.as_str()), (Some(AT), "alice@example.com"));
    assert_eq!(store.account_of(&pair("idp", "1")).unwrap().as_ref(), Some(&alice));

    let changes = actions(&store);
    let again = sign_in(&mut store, profile("idp", "1", "alice"), Existing, Never).unwrap();
    assert_eq!(again, alice);
    assert_eq!(actions(&store), changes, "nothing has changed, so nothing is logged");
}

#[test]
fn one_address_at_two_backends_is_two_accounts() {
    let (_temp, mut store) = store();
    let first = sign_in(&mut store, profile("one", "1", "alice"), Automatic, Never).unwrap();
    let mut other = profile("two", "1", "mallory");
    other.email = profile("one", "1", "alice").email;
    let second = sign_in(&mut store, other, Automatic, Never).unwrap();
    assert_eq!(first.user.email, second.user.email);
    assert_ne!(first.user.id, second.user.id);
}

#[test]
fn a_name_that_is_pointed_at_another_server_inherits_no_user() {
    let (_temp, mut store) = store();
    let alice = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let mut elsewhere = profile("idp", "1", "alice");
    elsewhere.pair.authority = "https://evil.test".into();
    assert_eq!(
        sign_in(&mut store, elsewhere.clone(), Automatic, Never).unwrap_err(),
        NotProvisioned::NameTaken
    );
    assert_eq!(sign_in(&mut store, elsewhere, Existing, Never).unwrap_err(), NotProvisioned::NoAccount);
    assert_eq!(store.list().unwrap(), [alice]);
}

#[test]
fn a_backend_user_cannot_take_the_name_of_a_local_one_and_the_reverse() {
    let (_temp, mut store) = store();
    let admin = store.add(NewUser { superuser: true, ..with_password("admin") }).unwrap();
    for provisioning in [Automatic, Approval] {
        let refused = sign_in(&mut store, profile("idp", "1", "admin"), provisioning, Never).unwrap_err();
        assert_eq!(refused, NotProvisioned::NameTaken);
    }
    assert_eq!(store.list().unwrap(), [admin]);

    sign_in(&mut store, profile("idp", "2", "alice"), Automatic, Never).unwrap();
    let error = store.add(with_password("Alice")).unwrap_err();
    assert!(matches!(error, UserStoreError::Exists(_)), "{error}");
}

#[test]
fn a_user_who_is_renamed_at_the_backend_keeps_account_name_grants_and_sessions() {
    let (_temp, mut store) = store();
    let before = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let grants = UserChange {
        groups: ListChange { add: vec![group("ops")], ..ListChange::default() },
        permissions: ListChange { add: vec![Permission::parse("x.y").unwrap()], ..ListChange::default() },
        ..UserChange::default()
    };
    store.update(&name("alice"), &grants).unwrap();
    let after = sign_in(&mut store, profile("idp", "1", "alice.smith"), Automatic, Never).unwrap();
    assert_eq!((after.user.id, &after.user.name), (before.user.id, &name("alice")));
    assert_eq!(after.user.groups, [group("ops"), group("staff")]);
    assert_eq!(after.user.permissions.len(), 1);
    assert!(after.identity(before.credential).is_some(), "sessions go on");
    assert_eq!(after.identities[0].name, "alice.smith");

    // Another person gets the old name at the backend.
    let refused = sign_in(&mut store, profile("idp", "2", "alice"), Automatic, VerifiedEmail).unwrap_err();
    assert_eq!(refused, NotProvisioned::NameTaken);
}

#[test]
fn a_user_who_is_created_again_under_the_same_name_gets_nothing() {
    let (_temp, mut store) = store();
    let first = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    store.source_ended(&pair("idp", "1"), "gone").unwrap();
    // The same name, the same verified address, another id.
    for adoption in [Never, VerifiedEmail] {
        let refused = sign_in(&mut store, profile("idp", "2", "alice"), Automatic, adoption).unwrap_err();
        assert_eq!(refused, NotProvisioned::NameTaken, "{adoption:?}");
    }
    assert_eq!(store.account_of(&pair("idp", "2")).unwrap(), None);
    assert_eq!(store.account_of(&pair("idp", "1")).unwrap().unwrap().user.id, first.user.id);
}

#[test]
fn a_disabled_account_stays_out_whatever_the_backend_says() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let disabled = store.set_active(&name("alice"), false).unwrap();
    let mut promoted = profile("idp", "1", "alice");
    promoted.groups = vec![group("admins")];
    let refused = sign_in(&mut store, promoted.clone(), Automatic, VerifiedEmail).unwrap_err();
    assert_eq!(refused, NotProvisioned::Disabled);
    assert_eq!(store.find(disabled.user.id).unwrap().unwrap(), disabled, "and nothing has changed");
    let refreshed = store.refresh_from(promoted).unwrap().unwrap();
    assert!(!refreshed.active && refreshed.identity(refreshed.credential).is_none());
    store.source_ended(&pair("idp", "1"), "gone").unwrap();
    assert!(!store.find(disabled.user.id).unwrap().unwrap().active);
}

#[test]
fn a_backend_gives_neither_superuser_nor_permissions_and_overwrites_no_local_attribute() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let change = UserChange {
        attributes: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        ..UserChange::default()
    };
    let account = store.update(&name("alice"), &change).unwrap();
    assert_eq!(account.user.attributes["team"], "blue");
    let account = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    assert_eq!(account.user.attributes["team"], "blue");
    assert!(!account.user.superuser && account.user.permissions.is_empty());
    let change = UserChange { removed_attributes: vec!["team".to_owned()], ..UserChange::default() };
    let account = store.update(&name("alice"), &change).unwrap();
    assert_eq!(account.user.attributes["team"], "idp", "the backend's shows again");
}

#[test]
fn groups_of_a_backend_are_replaced_and_local_groups_stay() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let change = UserChange {
        groups: ListChange { replace: Some(vec![group("ops")]), ..ListChange::default() },
        ..UserChange::default()
    };
    let account = store.update(&name("alice"), &change).unwrap();
    assert_eq!(account.user.groups, [group("ops"), group("staff")], "only local groups were replaced");
    let mut moved = profile("idp", "1", "alice");
    moved.groups = vec![group("sales"), group("ops")];
    let account = store.refresh_from(moved.clone()).unwrap().unwrap();
    assert_eq!(account.user.groups, [group("ops"), group("sales")]);
    moved.groups = Vec::new();
    let account = store.refresh_from(moved).unwrap().unwrap();
    assert_eq!(account.user.groups, [group("ops")], "given here, so it stays");
    let change = store.changes_after(0).unwrap().pop().unwrap();
    assert_eq!((change.action, change.source), (Action::Changed, Some((backend("idp"), "1".to_owned()))));
}

#[test]
fn the_end_of_a_source_ends_sessions_and_its_groups_and_a_sign_in_brings_them_back() {
    let (_temp, mut store) = store();
    let before = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let since = |store: &UserStore, millis| {
        let since = Refreshed::SignedInSince(Timestamp::from_millis(millis));
        store.pairs_of_backend(&backend("idp"), "https://idp.example.com", since).unwrap().len()
    };
    assert_eq!((since(&store, 5_000), since(&store, 5_001)), (1, 0));

    let ended = store.source_ended(&pair("idp", "1"), "gone").unwrap().unwrap();
    assert!(ended.identity(before.credential).is_none() && ended.active);
    assert_eq!((ended.user.groups.len(), ended.user.attributes.len()), (0, 0));
    assert_eq!(since(&store, 0), 0);
    let again = store.source_ended(&pair("idp", "1"), "gone").unwrap().unwrap();
    assert_eq!(again.credential, ended.credential, "a repetition ends no session");
    assert_eq!(actions(&store).last(), Some(&Action::SourceEnded));
    assert!(Action::SourceEnded.ends_sessions());

    let back = sign_in(&mut store, profile("idp", "1", "alice"), Existing, Never).unwrap();
    assert_eq!(back.user.groups, [group("staff")]);
    assert!(back.identity(before.credential).is_none(), "old sessions do not come back");
    assert_eq!(store.source_ended(&pair("idp", "9"), "gone").unwrap(), None);
}

#[test]
fn owners_of_tokens_are_looked_up_even_after_their_end_and_everybody_where_certificates_are_taken() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    sign_in(&mut store, profile("idp", "2", "bob"), Automatic, Never).unwrap();
    let token = |expires| NewToken {
        name: "backup".to_owned(),
        expires: Timestamp::from_millis(expires),
        limits: TokenLimits::default(),
    };
    let found = |store: &UserStore, refreshed| {
        let found = store.pairs_of_backend(&backend("idp"), "https://idp.example.com", refreshed).unwrap();
        found.into_iter().map(|found| (found.pair.subject.to_string(), found.has_ended)).collect::<Vec<_>>()
    };
    let late = Refreshed::SignedInSince(Timestamp::from_millis(9_000));
    // The clock of the store shows 1000.
    store.add_token(&name("bob"), &token(1_000)).unwrap();
    assert!(found(&store, late).is_empty(), "the token has ended");
    store.add_token(&name("bob"), &token(1_001)).unwrap();
    assert_eq!(found(&store, late), [("2".to_owned(), false)]);
    for subject in ["1", "2"] {
        store.source_ended(&pair("idp", subject), "gone").unwrap();
    }
    assert_eq!(found(&store, late), [("2".to_owned(), true)]);
    assert_eq!(found(&store, Refreshed::Everybody), [("1".to_owned(), true), ("2".to_owned(), true)]);
    store.set_active(&name("bob"), false).unwrap();
    assert!(found(&store, late).is_empty());
}

#[test]
fn a_user_who_signs_in_otherwise_is_looked_up_at_each_backend_that_brings_groups() {
    let (_temp, mut store) = store();
    let alice = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let count = |store: &UserStore| {
        let since = Refreshed::SignedInSince(Timestamp::from_millis(9_000));
        store.pairs_of_backend(&backend("idp"), "https://idp.example.com", since).unwrap().len()
    };
    assert_eq!(count(&store), 0);
    store.record_sign_in(alice.user.id, Timestamp::from_millis(9_000)).unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn tokens_and_certificates_open_nothing_once_no_backend_lets_their_user_in() {
    let (_temp, mut store) = store();
    let alice = sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let new = NewToken { name: "backup".to_owned(), expires: AT, limits: TokenLimits::default() };
    let (alice, _) = store.add_token(&alice.user.name, &new).unwrap();
    let opens = |account: &Account| {
        let token = ProgramCredential::Token(account.tokens[0].id);
        let now = Timestamp::from_millis(1_000);
        let by_token = account.program(&token, TokenRules::default(), now).is_some();
        assert_eq!(by_token, account.identity_by_certificate().is_some());
        by_token
    };
    assert!(opens(&alice));
    let ended = store.source_ended(&pair("idp", "1"), "gone").unwrap().unwrap();
    assert!(!opens(&ended));
    let back = store.refresh_from(profile("idp", "1", "alice")).unwrap().unwrap();
    assert!(opens(&back) && back.identity(alice.credential).is_none());

    // Another way in.
    store.link_pair(&name("alice"), &pair("two", "1")).unwrap();
    let ended = store.source_ended(&pair("idp", "1"), "gone").unwrap().unwrap();
    assert!(opens(&ended));
    let ended = store.source_ended(&pair("two", "1"), "gone").unwrap().unwrap();
    assert!(!opens(&ended));
    let hash = PasswordHash::stored("one".to_owned());
    assert!(opens(&store.set_password(&name("alice"), &hash).unwrap()));
}

#[test]
fn a_backend_that_is_not_configured_any_more_lets_nobody_in_and_gives_no_group() {
    let (_temp, mut store) = store();
    let kept = sign_in(&mut store, profile("one", "1", "alice"), Automatic, Never).unwrap();
    let removed = sign_in(&mut store, profile("two", "1", "bob"), Automatic, Never).unwrap();
    let configured = [(backend("one"), "https://one.example.com".to_owned())];
    assert_eq!(store.end_sources_except(&configured, "not-configured").unwrap(), 1);
    assert_eq!(store.end_sources_except(&configured, "not-configured").unwrap(), 0);
    assert_eq!(store.find(kept.user.id).unwrap().unwrap(), kept);
    let removed_now = store.find(removed.user.id).unwrap().unwrap();
    assert!(removed_now.identity(removed.credential).is_none() && removed_now.user.groups.is_empty());
    // The same name, at another server.
    let moved = [(backend("one"), "https://evil.test".to_owned())];
    assert_eq!(store.end_sources_except(&moved, "not-configured").unwrap(), 1);
}

#[test]
fn an_account_that_waits_for_approval_is_let_in_by_enabling_it() {
    let (_temp, mut store) = store();
    let alice = || profile("idp", "1", "alice");
    for _ in 0..2 {
        assert_eq!(
            sign_in(&mut store, alice(), Approval, Never).unwrap_err(),
            NotProvisioned::WaitingForApproval
        );
    }
    let waiting = store.find_by_name(&name("alice")).unwrap().unwrap();
    assert_eq!((waiting.active, waiting.waiting_since), (false, Some(Timestamp::from_millis(1_000))));
    assert_eq!((waiting.last_sign_in, waiting.user.full_name.as_str()), (None, "alice of idp"));
    assert!(waiting.identity(waiting.credential).is_none());
    assert!(actions(&store).contains(&Action::Waiting));

    let enabled = store.set_active(&name("alice"), true).unwrap();
    assert_eq!((enabled.active, enabled.waiting_since), (true, None));
    sign_in(&mut store, alice(), Approval, Never).unwrap();

    // Declined: disabled like any other account.
    sign_in(&mut store, profile("idp", "2", "bob"), Approval, Never).unwrap_err();
    store.set_active(&name("bob"), false).unwrap();
    assert_eq!(
        sign_in(&mut store, profile("idp", "2", "bob"), Approval, Never).unwrap_err(),
        NotProvisioned::Disabled
    );
}

#[test]
fn accounts_that_wait_for_approval_are_bounded() {
    let (_temp, mut store) = store();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
               INSERT INTO user (name, email, full_name, active, superuser, credential, created, waiting_since)
               SELECT 'w' || i, '', '', 0, 0, 1, 0, 1 FROM n";
    store.write("filling", |write| Ok(write.transaction.execute(sql, [MAX_WAITING])?)).unwrap();
    assert_eq!(
        sign_in(&mut store, profile("idp", "1", "alice"), Approval, Never).unwrap_err(),
        NotProvisioned::TooManyWaiting
    );
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
}

#[test]
fn an_invited_user_is_linked_once_at_the_invited_backend_with_the_same_verified_address() {
    let (_temp, mut store) = store();
    let invited = |who: &str| NewUser {
        email: format!("{who}@example.com"),
        invited: vec![backend("idp")],
        ..NewUser::named(name(who))
    };
    let account = store.add(invited("alice")).unwrap();
    assert_eq!(account.invited, [backend("idp")]);

    let mut unverified = profile("idp", "1", "alice");
    unverified.email = Some(SourceEmail { address: "alice@example.com".to_owned(), verified: false });
    let mut look_alike = profile("idp", "2", "alice");
    look_alike.email = Some(SourceEmail { address: "alice＠example.com".to_owned(), verified: true });
    for stranger in [unverified, look_alike, profile("other", "1", "alice"), profile("idp", "3", "bob")] {
        assert_eq!(sign_in(&mut store, stranger, Invited, Never).unwrap_err(), NotProvisioned::NoAccount);
    }
    let mut right = profile("idp", "4", "alice.from.idp");
    right.email = Some(SourceEmail { address: "Alice@Example.com".to_owned(), verified: true });
    let linked = sign_in(&mut store, right.clone(), Invited, Never).unwrap();
    assert_eq!((linked.user.id, linked.invited.len()), (account.user.id, 0));
    assert_eq!(linked.user.full_name, "alice.from.idp of idp", "the profile is the backend's");
    // Used up: another id with the same address comes too late.
    right.pair = pair("idp", "5");
    assert_eq!(sign_in(&mut store, right, Invited, Never).unwrap_err(), NotProvisioned::NoAccount);

    let error = store.add(NewUser { email: String::new(), ..invited("bob") }).unwrap_err();
    assert!(matches!(error, UserStoreError::NoAddress), "{error}");
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn a_disabled_invited_user_stays_out_and_stays_invited() {
    let (_temp, mut store) = store();
    let email = "alice@example.com".to_owned();
    let new = NewUser { email, invited: vec![backend("idp")], ..NewUser::named(name("alice")) };
    store.add(new).unwrap();
    store.set_active(&name("alice"), false).unwrap();
    assert_eq!(
        sign_in(&mut store, profile("idp", "1", "alice"), Invited, Never).unwrap_err(),
        NotProvisioned::Disabled
    );
    store.set_active(&name("alice"), true).unwrap();
    sign_in(&mut store, profile("idp", "1", "alice"), Invited, Never).unwrap();
}

#[test]
fn two_accounts_with_the_invited_address_are_ambiguous_and_neither_is_linked() {
    let (_temp, mut store) = store();
    for who in ["alice", "alice2"] {
        let email = "alice@example.com".to_owned();
        store.add(NewUser { email, invited: vec![backend("idp")], ..NewUser::named(name(who)) }).unwrap();
    }
    let refused = sign_in(&mut store, profile("idp", "1", "alice"), Invited, VerifiedEmail).unwrap_err();
    assert_eq!(refused, NotProvisioned::NoAccount);
}

#[test]
fn an_account_is_adopted_only_by_a_verified_address_and_never_a_superusers() {
    let (_temp, mut store) = store();
    let alice = store.add(with_password("alice")).unwrap();
    let root = store.add(NewUser { superuser: true, ..with_password("root") }).unwrap();
    let mut unverified = profile("idp", "1", "x");
    unverified.email = Some(SourceEmail { address: "alice@example.com".to_owned(), verified: false });
    let mut of_root = profile("idp", "2", "x");
    of_root.email = Some(SourceEmail { address: "root@example.com".to_owned(), verified: true });
    for stranger in [unverified, of_root] {
        assert_eq!(
            sign_in(&mut store, stranger, Existing, VerifiedEmail).unwrap_err(),
            NotProvisioned::NoAccount
        );
    }
    assert_eq!(
        sign_in(&mut store, profile("idp", "3", "alice"), Existing, Never).unwrap_err(),
        NotProvisioned::NoAccount
    );
    assert_eq!(store.list().unwrap(), [alice.clone(), root]);

    let adopted = sign_in(&mut store, profile("idp", "3", "alice"), Existing, VerifiedEmail).unwrap();
    assert_eq!(adopted.user.id, alice.user.id);
    assert_eq!(adopted.password, alice.password, "both sides are verified");
    assert!(adopted.identity(alice.credential).is_some());
    assert_eq!(adopted.user.full_name, "", "the profile stays the user's own");
}

#[test]
fn an_adopted_account_whose_address_was_not_verified_loses_password_other_identities_and_sessions() {
    let (_temp, mut store) = store();
    // Mallory has made the account with Alice's address, and linked an identity of her own.
    let planted = store.add(NewUser { email_verified: false, ..with_password("alice") }).unwrap();
    store.link_pair(&name("alice"), &pair("other", "mallory")).unwrap();
    let shown_to = ShownTo { id: planted.user.id, credential: planted.credential, session: "mallory's" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(store.now()).unwrap());
    let phone = FactorName::parse("Mallory's phone").unwrap();
    store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    let (id, credential) = (planted.user.id, planted.credential);
    let change = store.request_email_change(id, credential, "mallory@evil.test").unwrap().unwrap();

    let adopted = sign_in(&mut store, profile("idp", "1", "alice"), Existing, VerifiedEmail).unwrap();
    assert!(adopted.factors.is_empty() && adopted.recovery_codes_left == 0, "{adopted:?}");
    assert!(store.link_at(change.key(), LinkPurpose::EmailChange).unwrap().is_none());
    assert_eq!((adopted.user.id, adopted.password.as_ref()), (planted.user.id, None));
    assert!(adopted.identity(planted.credential).is_none(), "her sessions are over");
    assert!(adopted.email_verified);
    assert_eq!(store.account_of(&pair("other", "mallory")).unwrap(), None);
    let refused = sign_in(&mut store, profile("other", "mallory", "m"), Existing, Never).unwrap_err();
    assert_eq!(refused, NotProvisioned::NoAccount);
}

#[test]
fn a_pair_of_one_user_is_never_linked_to_another() {
    let (_temp, mut store) = store();
    let alice = store.add(with_password("alice")).unwrap();
    let bob = store.add(with_password("bob")).unwrap();
    let linked = store.link(alice.user.id, alice.credential, profile("idp", "1", "x")).unwrap();
    assert_eq!(linked.user.groups, [group("staff")]);
    assert_eq!(linked.user.email, "alice@example.com", "a linked identity changes no profile");
    for error in [
        store.link(bob.user.id, bob.credential, profile("idp", "1", "x")).unwrap_err(),
        store.link_pair(&name("bob"), &pair("idp", "1")).unwrap_err(),
    ] {
        assert!(matches!(error, UserStoreError::PairTaken { .. }), "{error}");
    }
    // Once more, and nothing changes.
    let again = store.link(alice.user.id, alice.credential, profile("idp", "1", "x")).unwrap();
    assert_eq!(again, linked);

    let changed = store.set_password(&name("alice"), &PasswordHash::stored("two".to_owned())).unwrap();
    let error = store.link(alice.user.id, alice.credential, profile("idp", "2", "x")).unwrap_err();
    assert!(matches!(error, UserStoreError::CredentialChanged(_)), "{error}");
    let error = store.link_pair(&name("bob"), &pair("idp", "a\nb")).unwrap_err();
    assert!(matches!(error, UserStoreError::UnusablePair), "{error}");
    assert_eq!(changed.identities.len(), 1);
}

#[test]
fn unlinking_ends_sessions_and_never_takes_the_last_way_in() {
    let (_temp, mut store) = store();
    let alice = sign_in(&mut store, profile("one", "1", "alice"), Automatic, Never).unwrap();
    let (id, first, second) = (alice.user.id, pair("one", "1"), pair("two", "1"));
    let error = store.unlink(id, alice.credential, &first).unwrap_err();
    assert!(matches!(error, UserStoreError::LastWayIn(_)), "{error}");
    let error = store.unlink(id, alice.credential, &second).unwrap_err();
    assert!(matches!(error, UserStoreError::NotLinked { .. }), "{error}");

    let linked = store.link(id, alice.credential, profile("two", "1", "alice")).unwrap();
    store.source_ended(&second, "gone").unwrap();
    let account = store.find(id).unwrap().unwrap();
    let error = store.unlink(id, account.credential, &first).unwrap_err();
    assert!(matches!(error, UserStoreError::LastWayIn(_)), "an ended identity is no way in: {error}");
    assert!(store.unlink(id, linked.credential, &second).is_err(), "the credential has changed");

    let account = sign_in(&mut store, profile("two", "1", "alice"), Existing, Never).unwrap();
    let unlinked = store.unlink(id, account.credential, &first).unwrap();
    assert!(unlinked.identity(account.credential).is_none());
    assert_eq!(unlinked.identities.len(), 1);
    let Change { action, source, actor, .. } = store.changes_after(0).unwrap().pop().unwrap();
    assert_eq!((action, actor.as_str()), (Action::Unlinked, "alice"));
    assert_eq!(source, Some((backend("one"), "1".to_owned())));
    let error = store.unlink_pair(&name("alice"), &second).unwrap_err();
    assert!(matches!(error, UserStoreError::LastWayIn(_)), "an operator is told, too: {error}");
}

#[test]
fn an_identity_that_cannot_be_stored_is_refused() {
    let (_temp, mut store) = store();
    for subject in ["", "a\0b", &"x".repeat(513)] {
        let refused = sign_in(&mut store, profile("idp", subject, "alice"), Automatic, Never).unwrap_err();
        assert_eq!(refused, NotProvisioned::UnusableIdentity);
    }
    assert!(store.is_empty().unwrap());
}

#[test]
fn removing_a_user_removes_identities_and_invitations() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    let email = "bob@example.com".to_owned();
    store.add(NewUser { email, invited: vec![backend("idp")], ..NewUser::named(name("bob")) }).unwrap();
    for who in ["alice", "bob"] {
        store.remove(&name(who)).unwrap();
    }
    for table in ["identity", "invitation"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows: i64 =
            store.read("counting", |connection| connection.query_row(&count, [], |row| row.get(0))).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn the_name_of_a_removed_user_is_given_by_an_operator_alone() {
    let (_temp, mut store) = store();
    sign_in(&mut store, profile("idp", "1", "alice"), Automatic, Never).unwrap();
    store.remove(&name("alice")).unwrap();
    // Applications know alice by her name: somebody new would get what was hers there.
    for subject in ["1", "2"] {
        for provisioning in [Automatic, Approval] {
            let refused = sign_in(&mut store, profile("idp", subject, "alice"), provisioning, VerifiedEmail);
            assert_eq!(refused.unwrap_err(), NotProvisioned::NameTaken, "{subject} {provisioning:?}");
        }
    }
    assert!(store.list().unwrap().is_empty());
    store.add(NewUser::named(name("alice"))).unwrap();
    store.link_pair(&name("alice"), &pair("idp", "2")).unwrap();
    let again = sign_in(&mut store, profile("idp", "2", "alice"), Automatic, Never).unwrap();
    assert_eq!(again.user.name, name("alice"));
    // Removed again, taken again.
    store.remove(&name("alice")).unwrap();
    let refused = sign_in(&mut store, profile("idp", "2", "alice"), Automatic, Never).unwrap_err();
    assert_eq!(refused, NotProvisioned::NameTaken);
}

/// An action on the store, with users and pairs of a small world.
#[derive(Clone, Debug)]
enum Act {
    SignIn { pair: usize, email: usize, verified: bool, provisioning: Provisioning, adoption: Adoption },
    Link { user: usize, pair: usize },
    Unlink { user: usize, pair: usize },
    Ended { pair: usize },
    Refresh { pair: usize },
    SetActive { user: usize, active: bool },
    Add { user: usize },
    Remove { user: usize },
}

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
const PAIRS: [(&str, &str); 4] = [("one", "1"), ("one", "2"), ("two", "1"), ("two", "2")];

fn act() -> impl Strategy<Value = Act> {
    let provisioning = prop_oneof![Just(Automatic), Just(Invited), Just(Approval), Just(Existing)];
    let adoption = prop_oneof![Just(Never), Just(VerifiedEmail)];
    let index = 0..4_usize;
    prop_oneof![
        4 => (index.clone(), index.clone(), any::<bool>(), provisioning, adoption).prop_map(
            |(pair, email, verified, provisioning, adoption)| {
                Act::SignIn { pair, email, verified, provisioning, adoption }
            }
        ),
        2 => (index.clone(), index.clone()).prop_map(|(user, pair)| Act::Link { user, pair }),
        2 => (index.clone(), index.clone()).prop_map(|(user, pair)| Act::Unlink { user, pair }),
        1 => index.clone().prop_map(|pair| Act::Ended { pair }),
        1 => index.clone().prop_map(|pair| Act::Refresh { pair }),
        1 => (index.clone(), any::<bool>()).prop_map(|(user, active)| Act::SetActive { user, active }),
        2 => index.clone().prop_map(|user| Act::Add { user }),
        1 => index.prop_map(|user| Act::Remove { user }),
    ]
}

/// Does it; a refusal is fine.
fn perform(store: &mut UserStore, act: &Act) {
    let named = |user: usize| name(NAMES[user]);
    let described = |at: usize, who: usize| {
        let (backend, subject) = PAIRS[at];
        profile(backend, subject, NAMES[who])
    };
    match *act {
        Act::SignIn { pair, email, verified, provisioning, adoption } => {
            let mut profile = described(pair, email);
            profile.email.as_mut().unwrap().verified = verified;
            store.sign_in_from(profile, provisioning, adoption, AT).unwrap().ok();
        }
        Act::Link { user, pair } => {
            if let Some(account) = store.find_by_name(&named(user)).unwrap() {
                store.link(account.user.id, account.credential, described(pair, user)).ok();
            }
        }
        Act::Unlink { user, pair } => {
            store.unlink_pair(&named(user), &described(pair, user).pair).ok();
        }
        Act::Ended { pair } => drop(store.source_ended(&described(pair, 0).pair, "gone").unwrap()),
        Act::Refresh { pair } => drop(store.refresh_from(described(pair, pair)).unwrap()),
        Act::SetActive { user, active } => drop(store.set_active(&named(user), active)),
        Act::Add { user } => {
            let verified = user % 2 == 0;
            let invited = if user == 3 { vec![backend("two")] } else { Vec::new() };
            let new = NewUser { email_verified: verified, invited, ..with_password(NAMES[user]) };
            store.add(new).ok();
        }
        Act::Remove { user } => drop(store.remove(&named(user))),
    }
}

fn owners(store: &UserStore) -> BTreeMap<IdentityPair, UserId> {
    let mut owners = BTreeMap::new();
    for account in store.list().unwrap() {
        for identity in account.identities {
            let other = owners.insert(identity.pair, account.user.id);
            assert_eq!(other, None, "one pair belongs to two users");
        }
    }
    owners
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_pair_belongs_to_two_users_or_moves_from_one_to_another(acts in prop::collection::vec(act(), 1..40)) {
        let (_temp, mut store) = store();
        let mut before = owners(&store);
        for act in &acts {
            perform(&mut store, act);
            let after = owners(&store);
            for (pair, owner) in &after {
                let kept = before.get(pair).is_none_or(|earlier| earlier == owner);
                prop_assert!(kept, "{pair} was moved by {act:?}");
                prop_assert_eq!(store.account_of(pair).unwrap().map(|account| account.user.id), Some(*owner));
            }
            before = after;
        }
    }
}
