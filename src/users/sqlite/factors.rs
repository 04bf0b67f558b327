//! The factors of accounts in the database. The details of each kind have a table of their own.
//!
//! A change of them is a change of the account: it has an entry in the change log, and no cached account outlives it.

use rusqlite::OptionalExtension;

use super::{
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    identity::{CredentialVersion, UserId, UserName},
    store::SealingKey,
    users::{Account, Action, FactorId, FactorKind, FactorName, LastFactor, RecoveryCodes, UserStoreError},
};

/// Maximum number of factors of an account.
pub(in crate::users) const MAX_FACTORS: usize = 20;

/// The factors that an operator takes off an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedFactors {
    /// One factor.
    One(FactorId),
    /// All factors, and the recovery codes.
    All,
}

impl UserStore {
    /// Gives a factor another name.
    pub fn rename_factor(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        factor: FactorId,
        name: &FactorName,
    ) -> Result<Account, UserStoreError> {
        self.write("renaming a factor", |write| {
            let before = write.checked(id, expected)?;
            let sql = "UPDATE factor SET name = ?3 WHERE id = ?1 AND user_id = ?2";
            if write.transaction.prepare_cached(sql)?.execute((factor.0, id.0, name.as_str()))? == 0 {
                return Err(UserStoreError::NoSuchFactor(before.user.name.clone()).into());
            }
            write.changed_by_user(&before, Action::FactorRenamed)
        })
    }

    /// Takes a factor off the account of a user who was checked under the credential version `expected`. With the last one
    /// go the recovery codes. [`UserStoreError::LastWayIn`] if the user could not sign in any more, and
    /// [`UserStoreError::LastRequiredFactor`] if the user needs one.
    pub fn remove_factor(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        (factor, last): (FactorId, LastFactor),
    ) -> Result<Account, UserStoreError> {
        self.write("removing a factor", |write| {
            let before = write.checked(id, expected)?;
            if last == LastFactor::Required && before.is_last_factor(factor) {
                return Err(UserStoreError::LastRequiredFactor(before.user.name.clone()).into());
            }
            if !before.can_sign_in_without(factor) {
                return Err(UserStoreError::LastWayIn(before.user.name.clone()).into());
            }
            write.remove_factor(&before, factor)?;
            write.changed_by_user(&before, Action::FactorRemoved)
        })
    }

    /// Takes factors off an account, for an operator, and ends the sessions of the user: the device that is lost may hold one.
    /// No entry in the log if there was nothing to take off.
    pub fn remove_factors(
        &mut self,
        name: &UserName,
        which: RemovedFactors,
    ) -> Result<Account, UserStoreError> {
        self.write("removing factors", |write| {
            let before = write.named(name)?;
            match which {
                RemovedFactors::One(factor) => write.remove_factor(&before, factor)?,
                RemovedFactors::All if before.factors.is_empty() && before.recovery_codes_left == 0 => {
                    return Ok(before);
                }
                RemovedFactors::All => {
                    write
                        .transaction
                        .prepare_cached("DELETE FROM factor WHERE user_id = ?1")?
                        .execute([before.user.id.0])?;
                    write.forget_recovery_codes(before.user.id)?;
                }
            }
            let sql = "UPDATE user SET credential = credential + 1 WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute([before.user.id.0])?;
            write.changed(&before, Action::FactorRemoved)
        })
    }
}

impl Write<'_> {
    /// Adds the row that every factor has, whatever its kind. `None`: the account has as many as it may have.
    pub(super) fn add_factor(
        &self,
        account: &Account,
        kind: FactorKind,
        name: &FactorName,
    ) -> Result<Option<FactorId>, Trouble> {
        if account.factors.len() >= MAX_FACTORS {
            return Ok(None);
        }
        let sql = "INSERT INTO factor (user_id, kind, name, created) VALUES (?1, ?2, ?3, ?4)";
        let values = (account.user.id.0, kind.as_str(), name.as_str(), self.now.as_millis());
        self.transaction.prepare_cached(sql)?.execute(values)?;
        Ok(Some(FactorId(self.transaction.last_insert_rowid())))
    }

    /// The recovery codes that come with the first factor of an account; `None` if `before` had one.
    pub(super) fn codes_with_first_factor(
        &self,
        before: &Account,
        key: &SealingKey,
    ) -> Result<Option<RecoveryCodes>, Trouble> {
        if before.factors.is_empty() {
            self.new_recovery_codes(before.user.id, key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Notes that a factor has proved its owner. No right changes, so the change log has no entry for it.
    pub(super) fn note_use_of_factor(&self, factor: FactorId) -> rusqlite::Result<()> {
        let sql = "UPDATE factor SET last_used = max(coalesce(last_used, ?2), ?2) WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute((factor.0, self.now.as_millis()))?;
        Ok(())
    }

    /// As [`Write::changed`], by the user.
    pub(super) fn changed_by_user(&self, before: &Account, action: Action) -> Result<Account, Trouble> {
        Write { actor: before.user.name.as_str(), ..*self }.changed(before, action)
    }

    fn remove_factor(&self, before: &Account, factor: FactorId) -> Result<(), Trouble> {
        let sql = "DELETE FROM factor WHERE id = ?1 AND user_id = ?2 RETURNING id";
        let removed: Option<i64> = self
            .transaction
            .prepare_cached(sql)?
            .query_row((factor.0, before.user.id.0), |row| row.get(0))
            .optional()?;
        if removed.is_none() {
            return Err(UserStoreError::NoSuchFactor(before.user.name.clone()).into());
        }
        if before.is_last_factor(factor) {
            self.forget_recovery_codes(before.user.id)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
