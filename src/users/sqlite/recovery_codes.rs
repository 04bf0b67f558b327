//! Recovery codes in the database: hashes, each deleted when its code is used.

use super::{
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    identity::{CredentialVersion, UserId},
    store::SealingKey,
    users::{Account, Action, RecoveryCode, RecoveryCodes, UserStoreError, recovery_code::RecoveryKey},
};

impl UserStore {
    /// Makes new recovery codes in place of the user's old ones.
    pub fn make_recovery_codes(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
    ) -> Result<(Account, RecoveryCodes), UserStoreError> {
        self.write_sealing("making recovery codes", |write, key| {
            let before = write.checked(id, expected)?;
            if before.factors.is_empty() {
                return Err(UserStoreError::NoSuchFactor(before.user.name.clone()).into());
            }
            let codes = write.new_recovery_codes(id, key)?;
            Ok((write.changed_by_user(&before, Action::RecoveryCodesMade)?, codes))
        })
    }

    /// Uses up a recovery code of a user; `None`: it is none of theirs, or was used before.
    pub fn use_recovery_code(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        code: &RecoveryCode,
    ) -> Result<Option<Account>, UserStoreError> {
        self.write_opening("using a recovery code", |write, key| {
            let before = write.checked(id, expected)?;
            let Some(hashing) = write.recovery_key(id, key)? else { return Ok(None) };
            let sql = "DELETE FROM recovery_code WHERE user_id = ?1 AND hash = ?2";
            let hash = hashing.hash(code);
            if write.transaction.prepare_cached(sql)?.execute((id.0, &hash[..]))? != 1 {
                return Ok(None);
            }
            write.changed_by_user(&before, Action::RecoveryCodeUsed).map(Some)
        })
    }
}

impl Write<'_> {
    pub(super) fn new_recovery_codes(
        &self,
        user: UserId,
        key: &SealingKey,
    ) -> Result<RecoveryCodes, Trouble> {
        self.forget_recovery_codes(user)?;
        let no_randomness = |_| UserStoreError::NoRandomness;
        let codes = RecoveryCodes::generate().map_err(no_randomness)?;
        let hashing = RecoveryKey::generate().map_err(no_randomness)?;
        let sealed = key.seal(aad(user).as_bytes(), hashing.as_bytes()).map_err(UserStoreError::from)?;
        let sql = "UPDATE user SET recovery_key = ?2 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute((user.0, sealed))?;
        let sql = "INSERT INTO recovery_code (user_id, hash) VALUES (?1, ?2)";
        for code in codes.iter() {
            self.transaction.prepare_cached(sql)?.execute((user.0, &hashing.hash(code)[..]))?;
        }
        Ok(codes)
    }

    pub(super) fn forget_recovery_codes(&self, user: UserId) -> rusqlite::Result<()> {
        self.transaction.prepare_cached("DELETE FROM recovery_code WHERE user_id = ?1")?.execute([user.0])?;
        let sql = "UPDATE user SET recovery_key = NULL WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute([user.0])?;
        Ok(())
    }

    fn recovery_key(&self, user: UserId, key: &SealingKey) -> rusqlite::Result<Option<RecoveryKey>> {
        let sealed: Option<Vec<u8>> = self
            .transaction
            .prepare_cached("SELECT recovery_key FROM user WHERE id = ?1")?
            .query_row([user.0], |row| row.get(0))?;
        let Some(sealed) = sealed else { return Ok(None) };
        match key.open_sealed(aad(user).as_bytes(), &sealed) {
            Ok(bytes) => Ok(RecoveryKey::from_bytes(&bytes)),
            Err(error) => {
                tracing::error!(user_id = user.0, %error, "key of recovery codes cannot be opened");
                Ok(None)
            }
        }
    }
}

/// The owner that a key of recovery codes is sealed for.
pub(super) fn aad(user: UserId) -> String {
    format!("recovery-codes\0{user}")
}
