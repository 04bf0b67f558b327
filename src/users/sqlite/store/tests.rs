//! The users database, without a directory in front of it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::identity::{GroupName, Permission};

#[test]
fn a_look_up_of_an_unknown_name_takes_the_same_statement_and_steps() {
    let (_temp, mut store) = store();
    for who in ["bob", "dave", "frida"] {
        store.add(NewUser::named(name(who))).unwrap();
    }
    let steps = |typed: &str| {
        let statement = || store.database.connection().prepare_cached(&nearest()).unwrap();
        statement().reset_status(StatementStatus::VmStep);
        let found = store.find_unproved(&name(typed)).unwrap();
        (matches!(found, Unproved::Meant(_)), statement().get_status(StatementStatus::VmStep))
    };
    let (_, reference) = steps("bob");
    assert!(reference > 50, "{reference} steps");
    for (typed, exists) in
        [("bob", true), ("dave", true), ("frida", true), ("alice", false), ("carol", false), ("zoe", false)]
    {
        let (found, taken) = steps(typed);
        assert_eq!(found, exists, "{typed}");
        // Past the last name, one of the searches ends a step earlier.
        assert!(reference.abs_diff(taken) <= u32::from(typed == "zoe"), "{typed}: {taken} of {reference}");
    }
}

fn store() -> (TempDir, UserStore) {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let store = UserStore::open(&temp.path().join("users.db"), clock).unwrap();
    (temp, store)
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::stored(text.to_owned())
}

fn alice() -> NewUser {
    NewUser {
        email: " alice@example.com ".to_owned(),
        full_name: "Alice".to_owned(),
        groups: ["staff", "ops", "staff"].map(|text| GroupName::parse(text).unwrap()).to_vec(),
        permissions: vec![Permission::parse("reports.view").unwrap()],
        attributes: BTreeMap::from([("team".to_owned(), "blue \"quoted\" 🦆".to_owned())]),
        password: Some(hash("one")),
        ..NewUser::named(name("Alice"))
    }
}

fn actions(store: &UserStore) -> Vec<Action> {
    store.changes_after(0).unwrap().into_iter().map(|change| change.action).collect()
}

#[test]
fn an_added_user_is_found_by_number_by_name_and_in_the_list() {
    let (_temp, mut store) = store();
    assert!(store.is_empty().unwrap());
    let added = store.add(alice()).unwrap();
    assert_eq!(added.user.email, "alice@example.com");
    assert_eq!(added.user.groups.iter().map(GroupName::as_str).collect::<Vec<_>>(), ["ops", "staff"]);
    assert_eq!(added.user.attributes["team"], "blue \"quoted\" 🦆");
    assert!(added.active);
    assert_eq!((added.created, added.last_sign_in), (Timestamp::from_millis(1_000), None));

    assert_eq!(store.find(added.user.id).unwrap().as_ref(), Some(&added));
    assert_eq!(store.find_by_name(&name("ALICE")).unwrap().as_ref(), Some(&added));
    assert_eq!(store.list().unwrap(), [added]);
    assert!(!store.is_empty().unwrap());
    assert_eq!(store.find_by_name(&name("bob")).unwrap(), None);
}

#[test]
fn spellings_of_one_name_collide() {
    let (_temp, mut store) = store();
    store.add(NewUser::named(name("alice"))).unwrap();
    for spelling in ["Alice", "alice ", "ＡＬＩＣＥ"] {
        let error = store.add(NewUser::named(name(spelling))).unwrap_err();
        assert!(matches!(error, UserStoreError::Exists(_)), "{spelling}: {error}");
    }
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn only_one_first_superuser_can_be_made() {
    let (temp, mut store) = store();
    let mut other = UserStore::open(&temp.path().join("users.db"), Clock::system()).unwrap();
    let first = store.add_first_superuser(NewUser::named(name("root"))).unwrap();
    assert!(first.user.superuser);
    let error = other.add_first_superuser(NewUser::named(name("mallory"))).unwrap_err();
    assert!(matches!(error, UserStoreError::UsersExist), "{error}");
    store.set_active(&name("root"), false).unwrap();
    assert!(other.add_first_superuser(NewUser::named(name("mallory"))).is_err(), "a disabled one counts");
}

#[test]
fn a_number_is_never_given_to_a_second_user() {
    let (temp, mut store) = store();
    let first = store.add(NewUser::named(name("alice"))).unwrap().user.id;
    store.remove(&name("alice")).unwrap();
    drop(store);
    let mut store = UserStore::open(&temp.path().join("users.db"), Clock::system()).unwrap();
    assert!(store.add(NewUser::named(name("alice"))).unwrap().user.id > first);
    assert_eq!(store.find(first).unwrap(), None);
}

#[test]
fn a_sign_in_to_one_database_is_worth_nothing_to_another() {
    let ((_one, mut one), (_other, mut other)) = (store(), store());
    let alice = one.add(NewUser::named(name("alice"))).unwrap();
    let bob = other.add(NewUser::named(name("bob"))).unwrap();
    assert_eq!(alice.user.id, bob.user.id);
    assert!(bob.identity(alice.credential).is_none());
}

#[test]
fn a_new_password_and_a_deactivation_end_earlier_sign_ins() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    let seen = added.credential;
    assert!(added.identity(seen).is_some());

    let changed = store.set_password(&name("alice"), &hash("two")).unwrap();
    assert!(changed.identity(seen).is_none());
    assert_eq!(changed.password, Some(hash("two")));

    let seen = changed.credential;
    let disabled = store.set_active(&name("alice"), false).unwrap();
    assert!(disabled.identity(disabled.credential).is_none(), "not active");
    let enabled = store.set_active(&name("alice"), true).unwrap();
    assert!(enabled.identity(seen).is_none(), "sessions do not come back");
    assert!(enabled.identity(enabled.credential).is_some());

    let seen = enabled.credential;
    let superuser = UserChange { superuser: Some(true), ..UserChange::default() };
    assert!(store.update(&name("alice"), &superuser).unwrap().identity(seen).is_some());
    assert_eq!(
        actions(&store),
        [Action::Added, Action::PasswordChanged, Action::Disabled, Action::Enabled, Action::Changed]
    );
}

#[test]
fn an_upgraded_hash_and_a_sign_in_are_no_changes() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    let id = added.user.id;
    assert!(store.upgrade_hash(id, added.credential, &hash("stronger")).unwrap());
    assert!(store.record_sign_in(id, Timestamp::from_millis(5)).unwrap());
    assert!(store.record_sign_in(id, Timestamp::from_millis(3)).unwrap());
    let after = store.find(id).unwrap().unwrap();
    assert_eq!(after.password, Some(hash("stronger")));
    assert_eq!(after.credential, added.credential);
    assert_eq!(after.last_sign_in, Some(Timestamp::from_millis(5)), "never backwards");
    assert_eq!(actions(&store), [Action::Added]);
    assert!(!store.record_sign_in(UserId(99), Timestamp::from_millis(5)).unwrap());
}

#[test]
fn a_hash_of_the_earlier_password_is_not_upgraded() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    store.set_password(&name("alice"), &hash("two")).unwrap();
    assert!(!store.upgrade_hash(added.user.id, added.credential, &hash("one, stronger")).unwrap());
    assert_eq!(store.find(added.user.id).unwrap().unwrap().password, Some(hash("two")));
}

#[test]
fn a_user_cannot_set_a_password_on_the_strength_of_an_ended_sign_in() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    let id = added.user.id;
    let own = store.set_own_password(id, added.credential, &hash("two")).unwrap();
    let error = store.set_own_password(id, added.credential, &hash("three")).unwrap_err();
    assert!(matches!(error, UserStoreError::CredentialChanged(_)), "{error}");
    let disabled = store.set_active(&name("alice"), false).unwrap();
    assert!(store.set_own_password(id, disabled.credential, &hash("three")).is_err());
    assert_eq!(store.find(id).unwrap().unwrap().password, own.password);
    assert_eq!(store.changes_after(1).unwrap()[0].actor, "alice");
    store.remove(&name("alice")).unwrap();
    let error = store.set_own_password(id, disabled.credential, &hash("three")).unwrap_err();
    assert!(matches!(error, UserStoreError::Gone(_)), "{error}");
}

#[test]
fn the_change_log_names_author_kind_user_and_time() {
    let (_temp, store) = store();
    let mut store = store.acting_as("operator");
    store.add(alice()).unwrap();
    store.clock.advance(Duration::from_secs(1));
    store.remove(&name("alice")).unwrap();
    let changes = store.changes_after(1).unwrap();
    let expected = Change {
        seq: 2,
        at: Timestamp::from_millis(2_000),
        user: UserId(1),
        name: name("alice"),
        action: Action::Removed,
        actor: "operator".to_owned(),
        source: None,
    };
    assert_eq!(changes, [expected]);
}

#[test]
fn a_change_to_the_same_values_leaves_no_entry() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    let same = UserChange {
        email: Some("alice@example.com".to_owned()),
        superuser: Some(false),
        groups: ListChange { add: added.user.groups.clone(), ..ListChange::default() },
        ..UserChange::default()
    };
    assert_eq!(store.update(&name("alice"), &same).unwrap(), added);
    assert_eq!(store.set_active(&name("alice"), true).unwrap(), added);
    assert_eq!(actions(&store), [Action::Added]);
}

#[test]
fn a_refused_change_changes_nothing() {
    let (_temp, mut store) = store();
    let added = store.add(alice()).unwrap();
    let bad = UserChange {
        full_name: Some("Al".to_owned()),
        email: Some("nonsense".to_owned()),
        ..UserChange::default()
    };
    assert!(matches!(store.update(&name("alice"), &bad), Err(UserStoreError::Invalid(_))));
    for outcome in [
        store.update(&name("bob"), &UserChange::default()).map(drop),
        store.set_password(&name("bob"), &hash("x")).map(drop),
        store.set_active(&name("bob"), false).map(drop),
        store.remove(&name("bob")).map(drop),
    ] {
        assert!(matches!(outcome, Err(UserStoreError::NoSuchUser(_))));
    }
    assert_eq!(store.list().unwrap(), [added]);
    assert_eq!(actions(&store), [Action::Added]);
}

#[test]
fn removing_a_user_removes_all_rows() {
    let (_temp, mut store) = store();
    store.add(alice()).unwrap();
    store.remove(&name("alice")).unwrap();
    for table in ["user", "user_group", "user_permission", "user_attribute"] {
        let rows: i64 = store
            .database
            .connection()
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[test]
fn an_address_keeps_its_verification_until_it_changes() {
    let (_temp, mut store) = store();
    let added = store.add(NewUser { email_verified: true, ..alice() }).unwrap();
    assert!(added.email_verified);
    let set = |store: &mut UserStore, email: &str, verified| {
        let change = UserChange {
            email: Some(email.to_owned()),
            email_verified: verified,
            full_name: Some(email.to_owned()),
            ..UserChange::default()
        };
        store.update(&name("alice"), &change).unwrap().email_verified
    };
    assert!(set(&mut store, "alice@example.com", None));
    assert!(!set(&mut store, "alice@example.org", None), "another address");
    assert!(set(&mut store, "alice@example.org", Some(true)));
    assert!(!set(&mut store, "", Some(true)), "no address");
}

/// A file as the release before identities left it.
#[test]
fn a_database_of_the_release_before_keeps_users_and_sign_ins() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("users.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(SCHEMA.migrations[0]).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x50727463;
         PRAGMA user_version = 1;
         INSERT INTO user VALUES (7, 'alice', 'Alice@Example.com', 'Alice', 1, 1, 41, 'hash', 5, 6);
         INSERT INTO user VALUES (8, 'bob', 'b@evil.test@example.com', '', 0, 0, 42, NULL, 5, NULL);
         INSERT INTO user VALUES (9, 'carol', 'b\u{f6}b@example.com', '', 1, 0, 43, NULL, 5, NULL);
         INSERT INTO user_group VALUES (7, 'staff');
         INSERT INTO user_permission VALUES (7, 'reports.view');
         INSERT INTO user_attribute VALUES (7, 'team', 'blue');
         INSERT INTO change (at, user_id, user_name, action, actor) VALUES (5, 7, 'alice', 'added', 'operator');",
    )
    .unwrap();
    drop(old);

    let mut store = UserStore::open(&path, Clock::system()).unwrap();
    let alice = store.find_by_name(&name("alice")).unwrap().unwrap();
    assert!(alice.identity(CredentialVersion(41)).is_some(), "a session from before goes on");
    assert_eq!(alice.password, Some(hash("hash")));
    assert_eq!(alice.user.groups, [GroupName::parse("staff").unwrap()]);
    assert_eq!(alice.local_groups, alice.user.groups);
    assert_eq!((alice.user.permissions.len(), alice.user.attributes["team"].as_str()), (1, "blue"));
    assert!(alice.user.superuser && !alice.email_verified && alice.identities.is_empty());
    assert!(!store.find_by_name(&name("bob")).unwrap().unwrap().active);
    let change = store.changes_after(0).unwrap().remove(0);
    assert_eq!((change.action, change.source), (Action::Added, None));
    let keys: Vec<Option<String>> = store
        .read("reading", |connection| {
            let mut statement = connection.prepare("SELECT email_key FROM user ORDER BY id")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
        .unwrap();
    assert_eq!(keys, [Some("alice@example.com".to_owned()), None, None]);
    // The address outside ASCII gets its normal form with the next change.
    let rename = UserChange { full_name: Some("Carol".to_owned()), ..UserChange::default() };
    store.update(&name("carol"), &rename).unwrap();
    let key: Option<String> = store
        .read("reading", |connection| {
            connection.query_row("SELECT email_key FROM user WHERE id = 9", [], |row| row.get(0))
        })
        .unwrap();
    assert_eq!(key.as_deref(), Some("b\u{f6}b@example.com"));
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("users.db");
    drop(UserStore::open(&path, Clock::system()).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = UserStore::open(&path, Clock::system()).unwrap_err().to_string();
    assert!(error.contains("newer"), "{error}");
}

#[test]
fn a_superuser_with_a_password_is_looked_for_without_touching_the_file() {
    let temp = tempfile::tempdir().unwrap();
    // A name that an address has to escape.
    let path = temp.path().join("users ?#%.db");
    let look = || UserStore::has_superuser_with_password(&path).unwrap();
    assert_eq!(look(), None);
    assert!(!path.exists());

    let open = || UserStore::open(&path, Clock::system()).unwrap();
    let root = NewUser { superuser: true, password: Some(hash("one")), ..NewUser::named(name("root")) };
    open().add(NewUser { password: None, ..root.clone() }).unwrap();
    assert_eq!(look(), Some(false), "without a password");
    open().remove(&name("root")).unwrap();
    open().add(NewUser { superuser: false, ..root.clone() }).unwrap();
    assert_eq!(look(), Some(false), "no superuser");
    open().add(NewUser { name: name("admin"), ..root }).unwrap();
    let files = || std::fs::read_dir(temp.path()).unwrap().count();
    let before = files();
    assert_eq!(look(), Some(true));
    assert_eq!(files(), before, "no companion is made");

    // While a gateway has it open.
    let mut store = open();
    store.set_active(&name("admin"), false).unwrap();
    assert_eq!(look(), Some(false), "disabled");

    // A file of the release before stays as it is.
    let older = temp.path().join("older.db");
    let connection = Connection::open(&older).unwrap();
    connection.execute_batch(SCHEMA.migrations[0]).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 0x50727463;
             PRAGMA user_version = 1;
             INSERT INTO user VALUES (1, 'root', '', '', 1, 1, 1, 'hash', 5, NULL);",
        )
        .unwrap();
    assert_eq!(UserStore::has_superuser_with_password(&older).unwrap(), Some(true));
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
}

#[test]
fn the_change_log_keeps_the_newest_changes() {
    let (_temp, mut store) = store();
    store.add(alice()).unwrap();
    // As if 20,000 changes had been made: the number counts, not the rows.
    store
        .database
        .connection()
        .execute("UPDATE sqlite_sequence SET seq = 20000 WHERE name = 'change'", [])
        .unwrap();
    store.set_active(&name("alice"), false).unwrap();
    let entries: Vec<i64> = store.changes_after(0).unwrap().iter().map(|change| change.seq).collect();
    assert_eq!(entries, [20_001]);
}

/// All of the gateway's questions stand behind the one that waits: a sign-in took five seconds while another
/// process held the database.
#[test]
fn a_gateway_waits_briefly_for_a_lock_and_goes_on_doing_so() {
    let (_temp, store) = store();
    let timeout = |store: &UserStore| -> i64 {
        store.database.connection().query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(timeout(&store), 5000, "a command has time");
    let mut store = store.waiting_briefly().unwrap();
    assert_eq!(timeout(&store), 250);
    store.database().reconnect();
    assert_eq!(timeout(&store), 250);
}

#[test]
fn an_unreadable_row_is_an_error_that_names_the_file() {
    let (_temp, mut store) = store();
    let id = store.add(alice()).unwrap().user.id;
    store
        .database
        .connection()
        .execute("UPDATE user_group SET name = 'no, group' WHERE name = 'ops'", [])
        .unwrap();
    let message = store.find(id).unwrap_err().to_string();
    assert!(message.starts_with("finding a user in users database /"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn attributes_come_back_as_they_were_stored(
        attributes in prop::collection::btree_map("[a-zA-Z0-9._-]{1,64}", "\\PC{0,40}", 0..6)
    ) {
        let (_temp, mut store) = store();
        let new = NewUser { attributes: attributes.clone(), ..NewUser::named(name("alice")) };
        prop_assert_eq!(&store.add(new).unwrap().user.attributes, &attributes);
    }
}

use crate::users::ListChange;

#[test]
fn a_temporary_password_has_to_be_changed_until_the_user_sets_another() {
    let (_temp, mut store) = store();
    let added = store.add(NewUser { password: Some(hash("one")), ..NewUser::named(name("alice")) }).unwrap();
    assert!(!added.must_change_password);
    let temporary = store.set_temporary_password(&name("alice"), &hash("two")).unwrap();
    assert!(temporary.must_change_password);
    assert_ne!(temporary.credential, added.credential, "sessions from before are over");
    assert_eq!(store.find_by_name(&name("alice")).unwrap().unwrap(), temporary);
    let own = store.set_own_password(temporary.user.id, temporary.credential, &hash("three")).unwrap();
    assert!(!own.must_change_password);
    let asked = store.set_must_change_password(&name("alice"), AtNextSignIn::ChangePassword).unwrap();
    assert!(asked.must_change_password);
    assert_eq!(asked.credential, own.credential, "the present password goes on until then");
    assert!(!store.set_password(&name("alice"), &hash("four")).unwrap().must_change_password);
    store.add(NewUser::named(name("nora"))).unwrap();
    let without = store.set_must_change_password(&name("nora"), AtNextSignIn::ChangePassword).unwrap();
    assert!(!without.must_change_password, "there is no password to change");
}
