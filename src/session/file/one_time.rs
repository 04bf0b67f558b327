//! One-time entries as rows.

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    clock::Timestamp,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose},
};

/// Stores an entry, unless there is one of its key. If there are too many of its purpose, those that expire first are
/// removed.
pub(super) fn put(connection: &Connection, entry: &OneTimeEntry) -> rusqlite::Result<bool> {
    let purpose = entry.purpose.as_str();
    let most = i64::try_from(entry.purpose.max_entries()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM one_time WHERE (purpose, key) IN
                 (SELECT purpose, key FROM one_time WHERE purpose = ?1 ORDER BY expires DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![purpose, most - 1])?;
    let stored = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO one_time (purpose, key, value, expires) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![purpose, entry.key.as_bytes(), entry.value, entry.expires.as_millis()])?;
    Ok(stored == 1)
}

/// Removes an entry and returns its value, if it has not expired.
pub(super) fn take(
    connection: &Connection,
    key: OneTimeKey,
    purpose: OneTimePurpose,
    now: Timestamp,
) -> rusqlite::Result<Option<Box<str>>> {
    let taken: Option<(String, i64)> = connection
        .prepare_cached("DELETE FROM one_time WHERE purpose = ?1 AND key = ?2 RETURNING value, expires")?
        .query_row(params![purpose.as_str(), key.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(taken.filter(|(_, expires)| now.as_millis() < *expires).map(|(value, _)| value.into()))
}

/// The value of an entry, if it has not expired.
pub(super) fn read(
    connection: &Connection,
    key: OneTimeKey,
    purpose: OneTimePurpose,
    now: Timestamp,
) -> rusqlite::Result<Option<Box<str>>> {
    let found: Option<String> = connection
        .prepare_cached("SELECT value FROM one_time WHERE purpose = ?1 AND key = ?2 AND expires > ?3")?
        .query_row(params![purpose.as_str(), key.as_bytes(), now.as_millis()], |row| row.get(0))
        .optional()?;
    Ok(found.map(Into::into))
}

/// Removes the entries that have expired.
pub(super) fn prune(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM one_time WHERE expires <= ?1")?.execute([now.as_millis()])?;
    Ok(())
}
