//! The key that seals the secrets in the users database, and its replacement by a new one.
//!
//! The key file is read within the transaction that opens or seals a value. [`UserStore::renew_seals`] changes the file
//! within such transactions as well, and a database has one at a time. Of the gateways on the state folder, none therefore
//! seals a value with a key that is about to be forgotten, or looks at a new value with the old key alone.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{
    recovery_codes,
    store::UserStore,
    totp,
    transaction::{Trouble, Write},
};
use crate::{
    identity::UserId,
    store::{SealingKey, SealingKeyError, private_file},
    users::{FactorId, UserStoreError},
};

/// The result of a new sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewedSeals {
    /// How many secrets are sealed with the new key.
    pub sealed: usize,
    /// How many cannot be opened with any key of the file, and stay as they are. Such a secret proves nobody.
    pub unopened: usize,
}

impl UserStore {
    /// Seals all secrets anew with a new key, and removes the old key from the key file.
    ///
    /// There are three transactions. The first one finishes a renewal that was broken off; the second one adds the new key to
    /// the file and seals each secret with it; the third one takes the older keys out of the file, after it has made sure that
    /// no secret needs them. A crash in between, or in one of them, leaves every secret readable, and the next call does the
    /// rest.
    pub fn renew_seals(&mut self) -> Result<RenewedSeals, UserStoreError> {
        let folder = self.state_folder();
        // Freed pages of the file are overwritten: their content was sealed with the key that is taken out of use.
        self.read("renewing the seals", |connection| connection.pragma_update(None, "secure_delete", true))?;
        let renewed = self.seal_with_new_key(&folder)?;
        self.forget_older_keys(&folder)?;
        // The log of the database has the old values until it is written back. Readers may delay that; nothing depends on it.
        let truncate =
            |connection: &Connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.read("renewing the seals", truncate)?;
        Ok(renewed)
    }

    pub(super) fn seal_with_new_key(&mut self, folder: &Path) -> Result<RenewedSeals, UserStoreError> {
        // After a renewal that was broken off. What needs one of the older keys no longer does. In a transaction of its own,
        // because the next one may be broken off, too, each time with one more key in the file, which holds a limited number.
        self.write("renewing the seals", |write| match SealingKey::open(folder) {
            Ok(key) if key.has_older() => write.seal_anew(&key).map(drop),
            Ok(_) => Ok(()),
            Err(SealingKeyError::Missing(_)) if !has_sealed(write.transaction)? => Ok(()),
            Err(error) => Err(UserStoreError::from(error).into()),
        })?;
        self.write("renewing the seals", |write| {
            let key = SealingKey::add_newer(folder).map_err(UserStoreError::from)?;
            write.seal_anew(&key)
        })
    }

    pub(super) fn forget_older_keys(&mut self, folder: &Path) -> Result<(), UserStoreError> {
        self.write("renewing the seals", |write| {
            let key = SealingKey::open(folder).map_err(UserStoreError::from)?;
            // Another renewal may have begun meanwhile, and added a key without sealing anything.
            if write.sealed_values()?.iter().any(|value| value.needs_older(&key)) {
                return Ok(());
            }
            key.forget_older(folder).map_err(UserStoreError::from)?;
            Ok(())
        })
    }

    /// Does `work` in one transaction, with the key that seals the secrets of this database; it is made at the first need.
    pub(super) fn write_sealing<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Write<'_>, &SealingKey) -> Result<T, Trouble>,
    ) -> Result<T, UserStoreError> {
        let folder = self.state_folder();
        self.write(doing, |write| {
            let key = SealingKey::open_or_create(&folder).map_err(UserStoreError::from)?;
            work(write, &key)
        })
    }

    /// Does `work` in one transaction, with the key that has sealed the secrets of this database; `None` if nothing was ever
    /// sealed.
    pub(super) fn write_opening<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Write<'_>, &SealingKey) -> Result<Option<T>, Trouble>,
    ) -> Result<Option<T>, UserStoreError> {
        let folder = self.state_folder();
        self.write(doing, |write| match SealingKey::open(&folder) {
            Ok(key) => work(write, &key),
            Err(SealingKeyError::Missing(_)) if !has_sealed(write.transaction)? => Ok(None),
            Err(error) => Err(UserStoreError::from(error).into()),
        })
    }

    /// The key that seals values which are not in the database; made at the first need.
    pub(super) fn sealing_key(&mut self) -> Result<SealingKey, UserStoreError> {
        Ok(SealingKey::open_or_create(&self.state_folder())?)
    }

    pub(super) fn state_folder(&mut self) -> PathBuf {
        private_file::folder_of(self.database().path()).to_owned()
    }
}

impl Write<'_> {
    /// Seals each value that can be opened with the first key.
    fn seal_anew(&self, key: &SealingKey) -> Result<RenewedSeals, Trouble> {
        let mut renewed = RenewedSeals { sealed: 0, unopened: 0 };
        for value in self.sealed_values()? {
            let aad = value.owner.aad();
            let Ok(opened) = key.open_sealed(aad.as_bytes(), &value.sealed) else {
                renewed.unopened += 1;
                continue;
            };
            let sealed = key.seal(aad.as_bytes(), &opened).map_err(UserStoreError::from)?;
            let (sql, id) = match value.owner {
                Owner::Totp { factor, .. } => ("UPDATE totp SET secret = ?2 WHERE factor_id = ?1", factor.0),
                Owner::RecoveryCodes { user } => ("UPDATE user SET recovery_key = ?2 WHERE id = ?1", user.0),
            };
            self.transaction.prepare_cached(sql)?.execute((id, sealed))?;
            renewed.sealed += 1;
        }
        Ok(renewed)
    }

    fn sealed_values(&self) -> rusqlite::Result<Vec<SealedValue>> {
        let sql = "SELECT f.user_id, f.id, t.secret FROM totp t JOIN factor f ON f.id = t.factor_id
                   UNION ALL
                   SELECT id, NULL, recovery_key FROM user WHERE recovery_key IS NOT NULL";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let values = statement.query_map([], |row| {
            let user = UserId(row.get(0)?);
            let owner = match row.get::<_, Option<i64>>(1)? {
                Some(factor) => Owner::Totp { user, factor: FactorId(factor) },
                None => Owner::RecoveryCodes { user },
            };
            Ok(SealedValue { owner, sealed: row.get(2)? })
        })?;
        values.collect()
    }
}

/// A sealed value, as it is stored.
struct SealedValue {
    owner: Owner,
    sealed: Vec<u8>,
}

/// The purpose that a value is sealed for.
#[derive(Clone, Copy)]
enum Owner {
    Totp { user: UserId, factor: FactorId },
    RecoveryCodes { user: UserId },
}

impl Owner {
    fn aad(self) -> String {
        match self {
            Self::Totp { user, factor } => totp::row_aad(user, factor),
            Self::RecoveryCodes { user } => recovery_codes::aad(user),
        }
    }
}

impl SealedValue {
    /// Whether the value can be opened, but not with the first key.
    fn needs_older(&self, key: &SealingKey) -> bool {
        !key.is_newest_of(&self.sealed) && key.open_sealed(self.owner.aad().as_bytes(), &self.sealed).is_ok()
    }
}

fn has_sealed(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM totp)
                   OR EXISTS (SELECT 1 FROM user WHERE recovery_key IS NOT NULL)";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests;
