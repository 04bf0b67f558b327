//! A change of users: one transaction, with its entry in the change log.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::rows::{load, load_by_name};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, EmailKey, GroupName, IdentityPair, Permission, UserId, UserName},
    users::{
        Account, Action, AtNextSignIn, LinkPurpose, NewUser, PasswordHash, UserChange, UserStoreError,
        change,
        profile::{self, sorted},
    },
};

/// Why a transaction is rolled back.
pub(super) enum Trouble {
    Refused(UserStoreError),
    Sqlite(rusqlite::Error),
}

impl From<UserStoreError> for Trouble {
    fn from(error: UserStoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A running transaction, with the author and the time of the change.
pub(super) struct Write<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) now: Timestamp,
    pub(super) actor: &'a str,
}

impl Write<'_> {
    pub(super) fn named(&self, name: &UserName) -> Result<Account, Trouble> {
        let found = load_by_name(self.transaction, name)?;
        Ok(found.ok_or_else(|| UserStoreError::NoSuchUser(name.clone()))?)
    }

    /// The account of an active user whose credential is still the one that was checked.
    pub(super) fn checked(&self, id: UserId, expected: CredentialVersion) -> Result<Account, Trouble> {
        let before = load(self.transaction, id)?.ok_or(UserStoreError::Gone(id))?;
        if before.credential != expected || !before.active {
            return Err(UserStoreError::CredentialChanged(before.user.name.clone()).into());
        }
        Ok(before)
    }

    pub(super) fn add(&self, new: NewUser) -> Result<Account, Trouble> {
        if load_by_name(self.transaction, &new.name)?.is_some() {
            return Err(UserStoreError::Exists(new.name).into());
        }
        if new.machine && (new.password.is_some() || !new.invited.is_empty()) {
            return Err(UserStoreError::Machine(new.name).into());
        }
        let sql =
            "INSERT INTO user (name, email, full_name, active, superuser, credential, password, created,
                               email_verified, email_key, must_change_password, machine)
                   VALUES (?1, ?2, ?3, ?10, ?4, ?5, ?6, ?7, ?8, ?9, ?11, ?12)";
        let email = new.email.trim();
        self.transaction.prepare_cached(sql)?.execute((
            new.name.as_str(),
            email,
            new.full_name.trim(),
            new.superuser,
            first_credential(),
            new.password.as_ref().map(PasswordHash::as_phc),
            self.now.as_millis(),
            new.email_verified && !email.is_empty(),
            EmailKey::of(email).as_ref().map(EmailKey::as_str),
            new.active,
            new.must_change_password && new.password.is_some(),
            new.machine,
        ))?;
        let id = UserId(self.transaction.last_insert_rowid());
        self.store_lists(id, &sorted(new.groups), &sorted(new.permissions), &new.attributes)?;
        for backend in new.invited {
            if EmailKey::of(email).is_none() {
                return Err(UserStoreError::NoAddress.into());
            }
            let sql = "INSERT OR IGNORE INTO invitation (user_id, backend) VALUES (?1, ?2)";
            self.transaction.prepare_cached(sql)?.execute((id.0, backend.as_str()))?;
        }
        change::record(self.transaction, self.now, (id, &new.name), (Action::Added, None), self.actor)?;
        self.reloaded(id)
    }

    /// The account as it is now, within the transaction.
    pub(super) fn reloaded(&self, id: UserId) -> Result<Account, Trouble> {
        Ok(load(self.transaction, id)?.ok_or(UserStoreError::Gone(id))?)
    }

    /// Changes the profile; a change to the same values leaves no entry in the log.
    pub(super) fn update(&self, before: &Account, change: &UserChange) -> Result<Account, Trouble> {
        let own = before.local_user();
        let after = change.apply(&own);
        profile::check(&after.email, &after.full_name, &after.attributes).map_err(UserStoreError::from)?;
        let kept = after.email == own.email && before.email_verified;
        let verified = change.email_verified.unwrap_or(kept) && !after.email.is_empty();
        if after == own && verified == before.email_verified {
            return self.reloaded(before.user.id);
        }
        let sql =
            "UPDATE user SET email = ?2, full_name = ?3, superuser = ?4, email_verified = ?5, email_key = ?6
                   WHERE id = ?1";
        let key = EmailKey::of(&after.email);
        let key = key.as_ref().map(EmailKey::as_str);
        let values = (after.id.0, &after.email, &after.full_name, after.superuser, verified, key);
        self.transaction.prepare_cached(sql)?.execute(values)?;
        if after.email != own.email {
            self.void_links(after.id, &[LinkPurpose::EmailChange, LinkPurpose::EmailUndo])?;
        }
        self.forget_lists(after.id)?;
        self.store_lists(after.id, &after.groups, &after.permissions, &after.attributes)?;
        self.changed(before, Action::Changed)
    }

    /// Lets the user sign in again, or ends the sessions and refuses new ones.
    pub(super) fn set_active(&self, before: &Account, active: bool) -> Result<Account, Trouble> {
        let sql = "UPDATE user SET active = ?2, credential = credential + ?3, waiting_since = NULL
                   WHERE id = ?1";
        let values = (before.user.id.0, active, i64::from(!active));
        self.transaction.prepare_cached(sql)?.execute(values)?;
        self.changed(before, if active { Action::Enabled } else { Action::Disabled })
    }

    pub(super) fn set_password(
        &self,
        before: &Account,
        hash: &PasswordHash,
        next: AtNextSignIn,
    ) -> Result<Account, Trouble> {
        if before.machine {
            return Err(UserStoreError::Machine(before.user.name.clone()).into());
        }
        let sql = "UPDATE user SET password = ?2, credential = credential + 1, must_change_password = ?3
                   WHERE id = ?1";
        let must_change = next == AtNextSignIn::ChangePassword;
        self.transaction.prepare_cached(sql)?.execute((before.user.id.0, hash.as_phc(), must_change))?;
        self.changed(before, Action::PasswordChanged)
    }

    pub(super) fn forget_lists(&self, id: UserId) -> rusqlite::Result<()> {
        for sql in [
            "DELETE FROM user_group WHERE user_id = ?1",
            "DELETE FROM user_permission WHERE user_id = ?1",
            "DELETE FROM user_attribute WHERE user_id = ?1",
        ] {
            self.transaction.prepare_cached(sql)?.execute([id.0])?;
        }
        Ok(())
    }

    pub(super) fn store_lists(
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

    /// Records a change of the account and returns the account after it.
    pub(super) fn changed(&self, before: &Account, action: Action) -> Result<Account, Trouble> {
        self.record(before, action, None)?;
        self.reloaded(before.user.id)
    }

    pub(super) fn record(
        &self,
        account: &Account,
        action: Action,
        source: Option<&IdentityPair>,
    ) -> rusqlite::Result<()> {
        let whose = (account.user.id, &account.user.name);
        change::record(self.transaction, self.now, whose, (action, source), self.actor)
    }
}

/// The first credential version of a user, a random number. A session names its user by number and credential version,
/// and numbers start at 1 in every database. A session that outlived its database, or came from a gateway with other
/// users, therefore belongs to no user here, and not to the one with the same number.
fn first_credential() -> i64 {
    let mut bytes = [0; 8];
    // Without randomness no token could be made either; the count then starts at 0 for all.
    aws_lc_rs::rand::fill(&mut bytes).ok();
    // Room to count upwards for ever.
    i64::from_be_bytes(bytes) & (i64::MAX >> 1)
}
