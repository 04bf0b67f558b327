//! The users database, read and changed synchronously.
//!
//! For the command line and for the thread behind [`Directory`](crate::users::Directory). Each change is one transaction
//! that also writes the change log, and is on the disk when the call returns.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::{
    rows::{SELECT, account, load, load_by_name, nearest, no_users},
    schema::SCHEMA,
    transaction::{Trouble, Write},
};
use crate::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, UserId, UserName},
    store::sqlite::{Database, DatabaseOptions, open_to_read},
    users::{
        Account, Action, AtNextSignIn, Change, NewUser, OwnProfileChange, PasswordHash, UserChange,
        UserStoreError, change,
    },
};

/// The users database, open for reading and writing.
#[derive(Debug)]
pub struct UserStore {
    database: Database,
    clock: Clock,
    actor: String,
}

impl UserStore {
    /// Opens the database at `path`; creates it, and its folder, if they are missing, readable by their owner alone.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, UserStoreError> {
        let database = Database::open(path, &SCHEMA, DatabaseOptions::default())?;
        Ok(Self { database, clock, actor: "portcullis".to_owned() })
    }

    /// Whether the database at `path` has an active superuser with a password of the gateway's own, who gets in while
    /// every other backend is down; `None` without a database. Changes nothing, whatever release has made the file.
    pub fn has_superuser_with_password(path: &Path) -> Result<Option<bool>, UserStoreError> {
        let Some(connection) = open_to_read(path, &SCHEMA)? else { return Ok(None) };
        let sql = "SELECT EXISTS (SELECT 1 FROM user WHERE active AND superuser AND password IS NOT NULL)";
        let found = connection.query_row(sql, [], |row| row.get(0));
        match found {
            Ok(found) => Ok(Some(found)),
            // The gateway has never been started with this file.
            Err(_) if connection.table_exists(None, "user").is_ok_and(|exists| !exists) => Ok(None),
            Err(reason) => Err(SCHEMA.failed("looking for superusers", path, reason).into()),
        }
    }

    /// For the running gateway: waits for a lock of another process for a quarter of a second only, because all other jobs
    /// wait behind the one that does, and creates no new file in place of a missing one.
    pub(in crate::users) fn waiting_briefly(self) -> Result<Self, UserStoreError> {
        let database =
            self.database.with_options(DatabaseOptions { busy_timeout: BRIEFLY, create: false })?;
        Ok(Self { database, ..self })
    }

    /// The database, to follow its path and to look for changes.
    pub(in crate::users) fn database(&mut self) -> &mut Database {
        &mut self.database
    }

    /// The time of the store's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sets the author of later changes, for the change log and the audit log.
    #[must_use]
    pub fn acting_as(mut self, actor: impl Into<String>) -> Self {
        self.actor = actor.into();
        self
    }

    /// The user with this number.
    pub fn find(&self, id: UserId) -> Result<Option<Account>, UserStoreError> {
        self.read("finding a user", |connection| load(connection, id))
    }

    /// The user with this name.
    pub fn find_by_name(&self, name: &UserName) -> Result<Option<Account>, UserStoreError> {
        self.read("finding a user", |connection| load_by_name(connection, name))
    }

    /// The user with this name, for a client that has proved nothing: a name that no user has costs the same, because the
    /// user who is next by name is read.
    pub(in crate::users) fn find_unproved(&self, name: &UserName) -> Result<Unproved, UserStoreError> {
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
    pub fn list(&self) -> Result<Vec<Account>, UserStoreError> {
        self.read("listing users", |connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY name"))?;
            statement.query_map([], account)?.collect()
        })
    }

    /// Whether there is no user at all, not even a disabled one.
    pub fn is_empty(&self) -> Result<bool, UserStoreError> {
        self.read("counting users", no_users)
    }

    /// How many superusers could sign in.
    pub fn active_superusers(&self) -> Result<i64, UserStoreError> {
        self.read("counting superusers", |connection| {
            connection
                .prepare_cached("SELECT count(*) FROM user WHERE active AND superuser")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Creates a user. [`UserStoreError::Exists`] if the name is taken.
    pub fn add(&mut self, new: NewUser) -> Result<Account, UserStoreError> {
        new.check()?;
        self.write("adding a user", |write| write.add(new))
    }

    /// Creates the first user of all, a superuser whatever `new` says. [`UserStoreError::UsersExist`] if there is any user,
    /// even one that was created just before.
    pub fn add_first_superuser(&mut self, new: NewUser) -> Result<Account, UserStoreError> {
        new.check()?;
        self.write("adding the first superuser", |write| {
            if no_users(write.transaction)? {
                write.add(NewUser { superuser: true, ..new })
            } else {
                Err(UserStoreError::UsersExist.into())
            }
        })
    }

    /// Changes the profile of a user; a change to the same values leaves no entry in the log.
    pub fn update(&mut self, name: &UserName, change: &UserChange) -> Result<Account, UserStoreError> {
        self.write("changing a user", |write| {
            let before = write.named(name)?;
            write.update(&before, change)
        })
    }

    /// As [`UserStore::update`], by the user: [`UserStoreError::CredentialChanged`] if the credential has changed since the
    /// user was checked.
    pub fn update_own_profile(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        change: OwnProfileChange,
    ) -> Result<Account, UserStoreError> {
        self.write("changing a user", |write| {
            let before = write.checked(id, expected)?;
            Write { actor: before.user.name.as_str(), ..*write }.update(&before, &change.into())
        })
    }

    /// Sets a user's password; ends earlier sessions.
    pub fn set_password(&mut self, name: &UserName, hash: &PasswordHash) -> Result<Account, UserStoreError> {
        self.write("setting a password", |write| {
            let before = write.named(name)?;
            write.set_password(&before, hash, AtNextSignIn::Nothing)
        })
    }

    /// As [`UserStore::set_password`], with a password that the user has to change at the next sign-in with it.
    pub fn set_temporary_password(
        &mut self,
        name: &UserName,
        hash: &PasswordHash,
    ) -> Result<Account, UserStoreError> {
        self.write("setting a temporary password", |write| {
            let before = write.named(name)?;
            write.set_password(&before, hash, AtNextSignIn::ChangePassword)
        })
    }

    /// Has the user choose another password at the next sign-in with the present one, or lifts that. No entry in the
    /// log if that is so already, or if the user has no password here.
    pub fn set_must_change_password(
        &mut self,
        name: &UserName,
        next: AtNextSignIn,
    ) -> Result<Account, UserStoreError> {
        self.write("having a password changed", |write| {
            let before = write.named(name)?;
            let must_change = next == AtNextSignIn::ChangePassword;
            if before.must_change_password == must_change || before.password.is_none() {
                return Ok(before);
            }
            let sql = "UPDATE user SET must_change_password = ?2 WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute((before.user.id.0, must_change))?;
            write.changed(&before, Action::Changed)
        })
    }

    /// As [`UserStore::set_password`], by the user: [`UserStoreError::CredentialChanged`] if the credential has changed since
    /// the user was checked.
    pub fn set_own_password(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        hash: &PasswordHash,
    ) -> Result<Account, UserStoreError> {
        self.write("setting a password", |write| {
            let before = write.checked(id, expected)?;
            let write = Write { actor: before.user.name.as_str(), ..*write };
            write.set_password(&before, hash, AtNextSignIn::Nothing)
        })
    }

    /// Lets a user sign in again, one who waited for approval included, or ends all the user's sessions and refuses new ones. No entry in the log if the user is in
    /// that state already.
    pub fn set_active(&mut self, name: &UserName, active: bool) -> Result<Account, UserStoreError> {
        let doing = if active { "enabling a user" } else { "disabling a user" };
        self.write(doing, |write| {
            let before = write.named(name)?;
            if before.active == active && before.waiting_since.is_none() {
                return Ok(before);
            }
            write.set_active(&before, active)
        })
    }

    /// Removes a user for good; the number is never used again. Returns the removed account.
    pub fn remove(&mut self, name: &UserName) -> Result<Account, UserStoreError> {
        self.write("removing a user", |write| {
            let before = write.named(name)?;
            write
                .transaction
                .prepare_cached("DELETE FROM user WHERE id = ?1")?
                .execute([before.user.id.0])?;
            let sql = "INSERT OR IGNORE INTO former_name (name) VALUES (?1)";
            write.transaction.prepare_cached(sql)?.execute([name.as_str()])?;
            write.record(&before, Action::Removed, None)?;
            Ok(before)
        })
    }

    /// Replaces the hash by another one of the same password. Not a change: sessions go on. Done only if the credential is
    /// still at `seen`; returns whether it was.
    pub fn upgrade_hash(
        &mut self,
        id: UserId,
        seen: CredentialVersion,
        hash: &PasswordHash,
    ) -> Result<bool, UserStoreError> {
        self.write("upgrading a password hash", |write| {
            let sql = "UPDATE user SET password = ?3
                       WHERE id = ?1 AND credential = ?2 AND password IS NOT NULL";
            let rows = write.transaction.prepare_cached(sql)?.execute((id.0, seen.0, hash.as_phc()))?;
            Ok(rows == 1)
        })
    }

    /// Notes when a user signed in; returns whether there still is that user.
    pub fn record_sign_in(&mut self, id: UserId, at: Timestamp) -> Result<bool, UserStoreError> {
        self.write("recording a sign-in", |write| {
            let sql = "UPDATE user SET last_sign_in = max(coalesce(last_sign_in, ?2), ?2) WHERE id = ?1";
            Ok(write.transaction.prepare_cached(sql)?.execute((id.0, at.as_millis()))? == 1)
        })
    }

    /// The number of the newest change; 0 before the first.
    pub(in crate::users) fn newest_change(&self) -> Result<i64, UserStoreError> {
        self.read("reading changes", change::newest)
    }

    /// The changes after that number, oldest first.
    pub(in crate::users) fn changes_after(&self, seq: i64) -> Result<Vec<Change>, UserStoreError> {
        self.read("reading changes", |connection| change::after(connection, seq))
    }

    pub(super) fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, UserStoreError> {
        Ok(work(self.database.connection()).map_err(|reason| self.database.failed(doing, reason))?)
    }

    /// Does `work` in one transaction, whole or not at all.
    pub(super) fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Write<'_>) -> Result<T, Trouble>,
    ) -> Result<T, UserStoreError> {
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

/// The account that is read for a typed name.
#[derive(Debug)]
pub(in crate::users) enum Unproved {
    /// The user with that name.
    Meant(Account),
    /// No user has that name; this is the user who is next by name.
    Another(Account),
    /// There are no users.
    NoUsers,
}

/// Longer than another process takes for a change, unless the process or the disk is in trouble.
const BRIEFLY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
