//! The users database: every question and every change, one after the other.
//!
//! Synchronous, for the command line and for the one thread behind
//! [`Directory`](super::Directory). Each change is one transaction that also
//! writes the change log, and is on the disk when the call returns.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, types::Type};
use serde::de::DeserializeOwned;

use super::{
    Account, Action, Change, NewUser, PasswordHash, StoreError, UserChange, change,
    database::SCHEMA,
    profile::{self, sorted},
};
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, GroupName, Permission, User, UserId, UserName},
    store::sqlite::{Database, Opening},
};

/// The users database, open for reading and writing.
#[derive(Debug)]
pub struct UserStore {
    database: Database,
    clock: Clock,
    actor: String,
}

impl UserStore {
    /// Opens the database at `path`; makes it, and its folder, if they are missing, readable by their owner
    /// alone.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, StoreError> {
        let database = Database::open(path, &SCHEMA, Opening::default())?;
        Ok(Self { database, clock, actor: "portcullis".to_owned() })
    }

    /// For the running gateway: waits for a lock of another process for a quarter of a second only, because all of
    /// its questions stand behind the one that waits, and makes no new file in place of one that is missing.
    pub(super) fn waiting_briefly(self) -> Result<Self, StoreError> {
        let database = self.database.with_opening(Opening { busy_timeout: BRIEFLY, makes: false })?;
        Ok(Self { database, ..self })
    }

    /// The database, to follow its path and to look for changes.
    pub(super) fn database(&mut self) -> &mut Database {
        &mut self.database
    }

    /// Who makes the changes that follow; for the change log and the audit log.
    #[must_use]
    pub fn acting_as(mut self, actor: impl Into<String>) -> Self {
        self.actor = actor.into();
        self
    }

    /// The user with this number.
    pub fn find(&self, id: UserId) -> Result<Option<Account>, StoreError> {
        self.read("finding a user", |connection| load(connection, id))
    }

    /// The user with this name.
    pub fn find_by_name(&self, name: &UserName) -> Result<Option<Account>, StoreError> {
        self.read("finding a user", |connection| load_by_name(connection, name))
    }

    /// The user with this name, for somebody who has not proved to be anybody: a name that nobody has costs the
    /// same, because it reads the user who is next by name.
    pub(super) fn find_unproved(&self, name: &UserName) -> Result<Unproved, StoreError> {
        let nearest = self.read("finding a user", |connection| {
            connection.prepare_cached(&nearest())?.query_row([name.as_str()], account).optional()
        })?;
        Ok(match nearest {
            Some(account) if account.user.name == *name => Unproved::Meant(account),
            Some(account) => Unproved::Another(account),
            None => Unproved::NoUsers,
        })
    }

    /// All users, by name.
    pub fn list(&self) -> Result<Vec<Account>, StoreError> {
        self.read("listing users", |connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY name"))?;
            statement.query_map([], account)?.collect()
        })
    }

    /// Whether there is no user at all, not even a disabled one.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        self.read("counting users", no_users)
    }

    /// How many superusers could sign in.
    pub fn active_superusers(&self) -> Result<i64, StoreError> {
        self.read("counting superusers", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM user WHERE active AND superuser")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Makes a user. [`StoreError::Exists`] if the name is taken.
    pub fn add(&mut self, new: NewUser) -> Result<Account, StoreError> {
        new.check()?;
        self.write("adding a user", |write| write.add(new))
    }

    /// Makes the first user of all, a superuser whatever `new` says. [`StoreError::UsersExist`] if there is
    /// any user, even if that one was made a moment ago.
    pub fn add_first_superuser(&mut self, new: NewUser) -> Result<Account, StoreError> {
        new.check()?;
        self.write("adding the first superuser", |write| {
            if no_users(write.transaction)? {
                write.add(NewUser { superuser: true, ..new })
            } else {
                Err(StoreError::UsersExist.into())
            }
        })
    }

    /// Changes what is said about a user; a change to what is already so is no change and leaves no trace.
    pub fn update(&mut self, name: &UserName, change: &UserChange) -> Result<Account, StoreError> {
        self.write("changing a user", |write| {
            let before = write.named(name)?;
            let after = change.apply(&before.user);
            profile::check(&after.email, &after.full_name, &after.attributes).map_err(StoreError::from)?;
            if after == *before.user {
                return Ok(before);
            }
            let sql = "UPDATE user SET email = ?2, full_name = ?3, superuser = ?4 WHERE id = ?1";
            let values = (after.id.0, &after.email, &after.full_name, after.superuser);
            write.transaction.prepare_cached(sql)?.execute(values)?;
            write.forget_lists(after.id)?;
            write.store_lists(after.id, &after.groups, &after.permissions, &after.attributes)?;
            write.changed(&before, Action::Changed)
        })
    }

    /// Sets a user's password; ends the sessions from before.
    pub fn set_password(&mut self, name: &UserName, hash: &PasswordHash) -> Result<Account, StoreError> {
        self.write("setting a password", |write| {
            let before = write.named(name)?;
            write.set_password(&before, hash)
        })
    }

    /// As [`UserStore::set_password`], by the user: [`StoreError::CredentialChanged`] if the credential is
    /// no longer what it was when the user proved to be the one.
    pub fn set_own_password(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        hash: &PasswordHash,
    ) -> Result<Account, StoreError> {
        self.write("setting a password", |write| {
            let before = load(write.transaction, id)?.ok_or(StoreError::Gone(id))?;
            if before.credential != expected || !before.active {
                return Err(StoreError::CredentialChanged(before.user.name.clone()).into());
            }
            let write = Write { actor: before.user.name.as_str(), ..*write };
            write.set_password(&before, hash)
        })
    }

    /// Lets a user sign in again, or ends all the user's sessions and refuses new ones. No trace if it is so
    /// already.
    pub fn set_active(&mut self, name: &UserName, active: bool) -> Result<Account, StoreError> {
        let doing = if active { "enabling a user" } else { "disabling a user" };
        self.write(doing, |write| {
            let before = write.named(name)?;
            if before.active == active {
                return Ok(before);
            }
            let sql = "UPDATE user SET active = ?2, credential = credential + ?3 WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute((before.user.id.0, active, i64::from(!active)))?;
            write.changed(&before, if active { Action::Enabled } else { Action::Disabled })
        })
    }

    /// Removes a user for good; the number is never used again. Returns what is gone.
    pub fn remove(&mut self, name: &UserName) -> Result<Account, StoreError> {
        self.write("removing a user", |write| {
            let before = write.named(name)?;
            write
                .transaction
                .prepare_cached("DELETE FROM user WHERE id = ?1")?
                .execute([before.user.id.0])?;
            write.record(&before, Action::Removed)?;
            Ok(before)
        })
    }

    /// Replaces the hash by another one of the same password. Not a change: sessions go on. Done only if the
    /// credential is still at `seen`; says whether it was.
    pub fn upgrade_hash(
        &mut self,
        id: UserId,
        seen: CredentialVersion,
        hash: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write("upgrading a password hash", |write| {
            let sql = "UPDATE user SET password = ?3
                       WHERE id = ?1 AND credential = ?2 AND password IS NOT NULL";
            let rows = write.transaction.prepare_cached(sql)?.execute((id.0, seen.0, hash.as_phc()))?;
            Ok(rows == 1)
        })
    }

    /// Notes when a user signed in; says whether there still is that user.
    pub fn record_sign_in(&mut self, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
        self.write("recording a sign-in", |write| {
            let sql = "UPDATE user SET last_sign_in = max(coalesce(last_sign_in, ?2), ?2) WHERE id = ?1";
            Ok(write.transaction.prepare_cached(sql)?.execute((id.0, at.as_millis()))? == 1)
        })
    }

    /// The number of the newest change; 0 before the first.
    pub(super) fn newest_change(&self) -> Result<i64, StoreError> {
        self.read("reading changes", change::newest)
    }

    /// The changes after that number, oldest first.
    pub(super) fn changes_after(&self, seq: i64) -> Result<Vec<Change>, StoreError> {
        self.read("reading changes", |connection| change::after(connection, seq))
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        Ok(work(self.database.connection()).map_err(|reason| self.database.failed(doing, reason))?)
    }

    /// One transaction: all of `work` or nothing.
    fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Write<'_>) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let Self { database, clock, actor } = self;
        let all = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&Write { transaction: &transaction, now: clock.now(), actor })?;
            transaction.commit()?;
            Ok(result)
        };
        all(database.connection_mut()).map_err(|trouble: Trouble| match trouble {
            Trouble::Refused(error) => error,
            Trouble::Sqlite(reason) => database.failed(doing, reason).into(),
        })
    }
}

/// Whom a name that somebody typed leads to.
#[derive(Debug)]
pub(super) enum Unproved {
    /// The user with that name.
    Meant(Account),
    /// Nobody has it; this is the user who is next by name.
    Another(Account),
    /// There are no users.
    NoUsers,
}

/// Longer than another process takes for a change, unless something is wrong with it or with the disk.
const BRIEFLY: Duration = Duration::from_millis(250);

/// Why a transaction is given up.
enum Trouble {
    Refused(StoreError),
    Sqlite(rusqlite::Error),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A running transaction, with who and when.
struct Write<'a> {
    transaction: &'a Transaction<'a>,
    now: Timestamp,
    actor: &'a str,
}

impl Write<'_> {
    fn named(&self, name: &UserName) -> Result<Account, Trouble> {
        let found = load_by_name(self.transaction, name)?;
        Ok(found.ok_or_else(|| StoreError::NoSuchUser(name.clone()))?)
    }

    fn add(&self, new: NewUser) -> Result<Account, Trouble> {
        if load_by_name(self.transaction, &new.name)?.is_some() {
            return Err(StoreError::Exists(new.name).into());
        }
        let sql =
            "INSERT INTO user (name, email, full_name, active, superuser, credential, password, created)
                   VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)";
        self.transaction.prepare_cached(sql)?.execute((
            new.name.as_str(),
            new.email.trim(),
            new.full_name.trim(),
            new.superuser,
            first_credential(),
            new.password.as_ref().map(PasswordHash::as_phc),
            self.now.as_millis(),
        ))?;
        let id = UserId(self.transaction.last_insert_rowid());
        self.store_lists(id, &sorted(new.groups), &sorted(new.permissions), &new.attributes)?;
        change::record(self.transaction, self.now, (id, &new.name), Action::Added, self.actor)?;
        Ok(load(self.transaction, id)?.ok_or(StoreError::Gone(id))?)
    }

    fn set_password(&self, before: &Account, hash: &PasswordHash) -> Result<Account, Trouble> {
        let sql = "UPDATE user SET password = ?2, credential = credential + 1 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute((before.user.id.0, hash.as_phc()))?;
        self.changed(before, Action::PasswordChanged)
    }

    fn forget_lists(&self, id: UserId) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM user_group WHERE user_id = ?1",
            "DELETE FROM user_permission WHERE user_id = ?1",
            "DELETE FROM user_attribute WHERE user_id = ?1",
        ] {
            self.transaction.prepare_cached(sql)?.execute([id.0])?;
        }
        Ok(())
    }

    fn store_lists(
        &self,
        id: UserId,
        groups: &[GroupName],
        permissions: &[Permission],
        attributes: &BTreeMap<String, String>,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO user_group (user_id, name) VALUES (?1, ?2)";
        for group in groups {
            self.transaction.prepare_cached(sql)?.execute((id.0, group.as_str()))?;
        }
        let sql = "INSERT INTO user_permission (user_id, name) VALUES (?1, ?2)";
        for permission in permissions {
            self.transaction.prepare_cached(sql)?.execute((id.0, permission.as_str()))?;
        }
        let sql = "INSERT INTO user_attribute (user_id, key, value) VALUES (?1, ?2, ?3)";
        for (key, value) in attributes {
            self.transaction.prepare_cached(sql)?.execute((id.0, key, value))?;
        }
        Ok(())
    }

    /// Records what was done to the account and returns it as it is now.
    fn changed(&self, before: &Account, action: Action) -> Result<Account, Trouble> {
        self.record(before, action)?;
        Ok(load(self.transaction, before.user.id)?.ok_or(StoreError::Gone(before.user.id))?)
    }

    fn record(&self, account: &Account, action: Action) -> rusqlite::Result<()> {
        let whose = (account.user.id, &account.user.name);
        change::record(self.transaction, self.now, whose, action, self.actor)
    }
}

fn no_users(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM user)")?.query_row([], |row| row.get(0))
}

fn load(connection: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    statement.query_row([id.0], account).optional()
}

fn load_by_name(connection: &Connection, name: &UserName) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    statement.query_row([name.as_str()], account).optional()
}

/// The user with a name, or the next one, or the first after the last. Both searches are always made.
fn nearest() -> String {
    format!(
        "WITH near (next, first) AS MATERIALIZED (
             SELECT (SELECT id FROM user WHERE name >= ?1 ORDER BY name LIMIT 1),
                    (SELECT id FROM user ORDER BY name LIMIT 1))
         {SELECT} WHERE id = (SELECT coalesce(next, first) FROM near)"
    )
}

/// One statement, so that a user and the lists are always of one moment.
const SELECT: &str = "
    SELECT id, name, email, full_name, active, superuser, credential, password, created, last_sign_in,
        (SELECT json_group_array(g.name) FROM user_group g WHERE g.user_id = u.id),
        (SELECT json_group_array(p.name) FROM user_permission p WHERE p.user_id = u.id),
        (SELECT json_group_object(a.key, a.value) FROM user_attribute a WHERE a.user_id = u.id)
    FROM user u";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let name: String = row.get(1)?;
    Ok(Account {
        user: Arc::new(User {
            id: UserId(row.get(0)?),
            name: UserName::parse(&name).map_err(|error| unreadable(1, error))?,
            email: row.get(2)?,
            full_name: row.get(3)?,
            superuser: row.get(5)?,
            groups: sorted(json(row, 10)?),
            permissions: sorted(json(row, 11)?),
            attributes: json(row, 12)?,
        }),
        active: row.get(4)?,
        credential: CredentialVersion(row.get(6)?),
        password: row.get::<_, Option<String>>(7)?.map(PasswordHash::stored),
        created: Timestamp::from_millis(row.get(8)?),
        last_sign_in: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
    })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}

/// Where the count of a user's credentials begins: anywhere. A session names its user by number and
/// credential, and numbers begin at 1 in every database. So a session that outlived its database, or
/// came from a gateway with other users, is nobody's here and not the namesake's in number.
fn first_credential() -> i64 {
    let mut bytes = [0; 8];
    // Without randomness no token could be made either; the count then begins at 0 for all.
    aws_lc_rs::rand::fill(&mut bytes).ok();
    // Room to count upwards for ever.
    i64::from_be_bytes(bytes) & (i64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::StatementStatus;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn looking_up_a_name_that_nobody_has_is_the_same_statement_and_the_same_steps() {
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
        for (typed, exists) in [
            ("bob", true),
            ("dave", true),
            ("frida", true),
            ("alice", false),
            ("carol", false),
            ("zoe", false),
        ] {
            let (found, taken) = steps(typed);
            assert_eq!(found, exists, "{typed}");
            // Past the last name, one of the searches ends a step earlier.
            assert!(
                reference.abs_diff(taken) <= u32::from(typed == "zoe"),
                "{typed}: {taken} of {reference}"
            );
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
    fn what_was_added_is_found_by_number_by_name_and_in_the_list() {
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
            assert!(matches!(error, StoreError::Exists(_)), "{spelling}: {error}");
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
        assert!(matches!(error, StoreError::UsersExist), "{error}");
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
    fn a_new_password_and_a_deactivation_end_what_was_signed_in_before() {
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
    fn a_hash_of_the_password_before_is_not_upgraded() {
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
        assert!(matches!(error, StoreError::CredentialChanged(_)), "{error}");
        let disabled = store.set_active(&name("alice"), false).unwrap();
        assert!(store.set_own_password(id, disabled.credential, &hash("three")).is_err());
        assert_eq!(store.find(id).unwrap().unwrap().password, own.password);
        assert_eq!(store.changes_after(1).unwrap()[0].actor, "alice");
        store.remove(&name("alice")).unwrap();
        let error = store.set_own_password(id, disabled.credential, &hash("three")).unwrap_err();
        assert!(matches!(error, StoreError::Gone(_)), "{error}");
    }

    #[test]
    fn the_log_says_who_did_what_to_whom_and_when() {
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
        };
        assert_eq!(changes, [expected]);
    }

    #[test]
    fn what_is_so_already_is_no_change() {
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
        assert!(matches!(store.update(&name("alice"), &bad), Err(StoreError::Invalid(_))));
        for outcome in [
            store.update(&name("bob"), &UserChange::default()).map(drop),
            store.set_password(&name("bob"), &hash("x")).map(drop),
            store.set_active(&name("bob"), false).map(drop),
            store.remove(&name("bob")).map(drop),
        ] {
            assert!(matches!(outcome, Err(StoreError::NoSuchUser(_))));
        }
        assert_eq!(store.list().unwrap(), [added]);
        assert_eq!(actions(&store), [Action::Added]);
    }

    #[test]
    fn removal_leaves_nothing_of_the_user_behind() {
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
    fn only_the_newest_changes_are_kept() {
        let (_temp, mut store) = store();
        store.add(alice()).unwrap();
        // As if 20,000 changes had been made: the number counts, not the rows.
        store
            .database
            .connection()
            .execute("UPDATE sqlite_sequence SET seq = 20000 WHERE name = 'change'", [])
            .unwrap();
        store.set_active(&name("alice"), false).unwrap();
        let kept: Vec<i64> = store.changes_after(0).unwrap().iter().map(|change| change.seq).collect();
        assert_eq!(kept, [20_001]);
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
}
