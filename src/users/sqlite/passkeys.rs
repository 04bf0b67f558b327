//! Passkeys in the database. An id of a credential belongs to one user, whatever two authenticators claim.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::{
    rows,
    schema::SCHEMA,
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    identity::{CredentialVersion, UserId},
    store::sqlite::open_to_read,
    users::{
        Account, Action, Enrolled, FactorId, FactorKind, FactorsBefore, NewPasskey, NotEnrolled, Passkey,
        PasskeyUse, Transport, UserHandle, UserStoreError,
    },
};

impl UserStore {
    /// The handle of a user; made at the first need.
    pub fn user_handle(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
    ) -> Result<UserHandle, UserStoreError> {
        self.write("making a user handle", |write| {
            write.checked(id, expected)?;
            write.user_handle(id)
        })
    }

    /// The passkeys of a user at a relying party, the first added one first.
    pub fn passkeys_of(&self, id: UserId, rp_id: &str) -> Result<Vec<Passkey>, UserStoreError> {
        self.read("reading passkeys", |connection| {
            let sql = format!("{SELECT} WHERE f.user_id = ?1 AND p.rp_id = ?2 ORDER BY f.id");
            connection.prepare_cached(&sql)?.query_map((id.0, rp_id), passkey)?.collect()
        })
    }

    /// The passkey with this id at a relying party, and its owner.
    pub fn passkey_with(
        &self,
        rp_id: &str,
        credential: &[u8],
    ) -> Result<Option<(Passkey, Account)>, UserStoreError> {
        self.read("looking up a passkey", |connection| {
            let Some(passkey) = find(connection, rp_id, credential)? else { return Ok(None) };
            Ok(rows::load(connection, passkey.user)?.map(|account| (passkey, account)))
        })
    }

    /// Makes a passkey a factor of a user who was checked under the credential version `expected`.
    pub fn enrol_passkey(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        (new, factors_before): (&NewPasskey, FactorsBefore),
    ) -> Result<Result<Enrolled, NotEnrolled>, UserStoreError> {
        self.write_sealing("adding a passkey", |write, key| {
            let before = write.checked(id, expected)?;
            if factors_before == FactorsBefore::None && !before.factors.is_empty() {
                return Ok(Err(NotEnrolled::NotFirst));
            }
            // A passkey of whichever user and relying party: an id names one.
            let sql = "SELECT EXISTS (SELECT 1 FROM passkey WHERE credential = ?1)";
            if write.transaction.prepare_cached(sql)?.query_row([&*new.credential], |row| row.get(0))? {
                return Ok(Err(NotEnrolled::AlreadyAdded));
            }
            write.user_handle(id)?;
            let Some(factor) = write.add_factor(&before, FactorKind::Passkey, &new.name)? else {
                return Ok(Err(NotEnrolled::TooMany));
            };
            let sql =
                "INSERT INTO passkey (factor_id, rp_id, credential, public_key, sign_count, backup_eligible,
                                            backed_up, aaguid, transports)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            write.transaction.prepare_cached(sql)?.execute((
                factor.0,
                &*new.rp_id,
                &*new.credential,
                &*new.public_key,
                new.sign_count,
                new.backup_eligible,
                new.backed_up,
                &new.aaguid[..],
                Transport::to_list(&new.transports),
            ))?;
            let codes = write.codes_with_first_factor(&before, key)?;
            let account = write.changed_by_user(&before, Action::FactorAdded)?;
            Ok(Ok(Enrolled { account, factor, codes }))
        })
    }

    /// Notes a verified use of a passkey; `None` if it is no passkey of this user any more, or if the credential of the
    /// account has changed.
    pub fn use_passkey(
        &mut self,
        (id, expected): (UserId, CredentialVersion),
        factor: FactorId,
        used: PasskeyUse,
    ) -> Result<Option<Account>, UserStoreError> {
        let noted = self.write("using a passkey", |write| {
            write.checked(id, expected)?;
            let sql = "UPDATE passkey SET sign_count = max(sign_count, ?3), backed_up = ?4
                       WHERE factor_id = (SELECT id FROM factor WHERE id = ?1 AND user_id = ?2)";
            let values = (factor.0, id.0, used.sign_count, used.backed_up);
            if write.transaction.prepare_cached(sql)?.execute(values)? != 1 {
                return Ok(None);
            }
            write.note_use_of_factor(factor)?;
            write.reloaded(id).map(Some)
        });
        match noted {
            Err(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_)) => Ok(None),
            other => other,
        }
    }

    /// The relying parties that passkeys are stored for in the database at `path`, each with their number. Changes nothing,
    /// whatever release has made the file.
    pub fn relying_parties(path: &Path) -> Result<Vec<(String, u32)>, UserStoreError> {
        let Some(connection) = open_to_read(path, &SCHEMA)? else { return Ok(Vec::new()) };
        let failed = |reason| SCHEMA.failed("counting passkeys", path, reason);
        // An older release has made the file.
        if !connection.table_exists(None, "passkey").map_err(failed)? {
            return Ok(Vec::new());
        }
        let count = || -> rusqlite::Result<Vec<(String, u32)>> {
            let sql = "SELECT rp_id, count(*) FROM passkey GROUP BY rp_id ORDER BY rp_id";
            connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        Ok(count().map_err(failed)?)
    }
}

impl Write<'_> {
    fn user_handle(&self, id: UserId) -> Result<UserHandle, Trouble> {
        let sql = "SELECT handle FROM user_handle WHERE user_id = ?1";
        let found: Option<Vec<u8>> =
            self.transaction.prepare_cached(sql)?.query_row([id.0], |row| row.get(0)).optional()?;
        if let Some(handle) = found.and_then(|bytes| UserHandle::stored(&bytes)) {
            return Ok(handle);
        }
        let handle = UserHandle::generate().ok_or(UserStoreError::NoRandomness)?;
        let sql = "INSERT OR REPLACE INTO user_handle (user_id, handle) VALUES (?1, ?2)";
        self.transaction.prepare_cached(sql)?.execute((id.0, &handle.as_bytes()[..]))?;
        Ok(handle)
    }
}

fn find(connection: &Connection, rp_id: &str, credential: &[u8]) -> rusqlite::Result<Option<Passkey>> {
    let sql = format!("{SELECT} WHERE p.credential = ?1 AND p.rp_id = ?2");
    connection.prepare_cached(&sql)?.query_row((credential, rp_id), passkey).optional()
}

fn passkey(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    let no_handle = || rusqlite::Error::FromSqlConversionFailure(2, Type::Blob, "no user handle".into());
    Ok(Passkey {
        factor: FactorId(row.get(0)?),
        user: UserId(row.get(1)?),
        handle: UserHandle::stored(&row.get::<_, Vec<u8>>(2)?).ok_or_else(no_handle)?,
        credential: row.get::<_, Vec<u8>>(3)?.into(),
        public_key: row.get::<_, Vec<u8>>(4)?.into(),
        sign_count: row.get(5)?,
        backup_eligible: row.get(6)?,
        backed_up: row.get(7)?,
        transports: Transport::in_list(&row.get::<_, String>(8)?),
    })
}

const SELECT: &str = "
    SELECT f.id, f.user_id, h.handle, p.credential, p.public_key, p.sign_count, p.backup_eligible, p.backed_up, p.transports
    FROM passkey p JOIN factor f ON f.id = p.factor_id JOIN user_handle h ON h.user_id = f.user_id";

#[cfg(test)]
mod tests;
