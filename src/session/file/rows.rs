//! Sessions as rows.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    session::{
        ListedRecord, Owner, Record, SessionData, SessionKey, SessionSource, Which, stored::StoredProofs,
    },
};

/// A session; a branch with what comes from its parent. To be called inside a transaction.
pub(super) fn find(connection: &Connection, key: SessionKey) -> rusqlite::Result<Option<Record>> {
    let Some(record) = row_of(connection, key)? else { return Ok(None) };
    let Some(parent) = record.parent else { return Ok(Some(record)) };
    Ok(row_of(connection, parent)?.and_then(|parent| record.under(&parent)))
}

fn row_of(connection: &Connection, key: SessionKey) -> rusqlite::Result<Option<Record>> {
    let mut statement = connection.prepare_cached(concat!("SELECT * FROM session", " WHERE key = ?1"))?;
    statement.query_row([key.as_bytes()], record).optional()
}

pub(super) fn list(
    connection: &Connection,
    of: Option<UserId>,
    after: Option<SessionKey>,
    most: usize,
) -> rusqlite::Result<Vec<ListedRecord>> {
    let after = after.map_or(Vec::new(), |key| key.as_bytes().to_vec());
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let records: rusqlite::Result<Vec<Record>> = match of {
        Some(user) => connection
            .prepare_cached(
                "SELECT * FROM session WHERE user_id = ?1 AND parent IS NULL AND key > ?2 ORDER BY key LIMIT ?3",
            )?
            .query_map(params![user.0, after, most], record)?
            .collect(),
        None => connection
            .prepare_cached("SELECT * FROM session WHERE parent IS NULL AND key > ?1 ORDER BY key LIMIT ?2")?
            .query_map(params![after, most], record)?
            .collect(),
    };
    let mut hosts = connection.prepare_cached("SELECT host FROM session WHERE parent = ?1")?;
    records?
        .into_iter()
        .map(|record| {
            let hosts: rusqlite::Result<Vec<String>> =
                hosts.query_map([record.key.as_bytes()], |row| row.get(0))?.collect();
            Ok(ListedRecord::new(record, hosts?.into_iter().map(Into::into)))
        })
        .collect()
}

pub(super) fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let (user, credential) = match record.owner {
        Owner::User { id, credential } => (Some(id.0), Some(credential.0)),
        Owner::Visitor => (None, None),
    };
    let StoredProofs { confirmed, proofs } = StoredProofs::of(record);
    connection
        .prepare_cached(
            "INSERT INTO session (key, user_id, credential, signed_in, confirmed, proofs, backend, provider_session, parent, expires,
                                  last_seen, remembered, client_addr, user_agent, host, data)
             VALUES (:key, :user, :credential, :signed_in, :confirmed, :proofs, :backend, :provider_session, :parent, :expires,
                     :last_seen, :remembered, :client_addr, :user_agent, :host, :data)",
        )?
        .execute(named_params! {
            ":key": record.key.as_bytes(),
            ":user": user,
            ":credential": credential,
            ":signed_in": record.signed_in.as_millis(),
            ":confirmed": confirmed.as_millis(),
            ":proofs": proofs,
            ":backend": record.source.as_ref().map(|source| &source.backend),
            ":provider_session": record.source.as_ref().and_then(|source| source.provider_session.as_ref()),
            ":parent": record.parent.as_ref().map(SessionKey::as_bytes),
            ":expires": record.expires.as_millis(),
            ":last_seen": record.last_seen.as_millis(),
            ":remembered": record.remembered,
            ":client_addr": record.client_addr.to_string(),
            ":user_agent": record.user_agent,
            ":host": record.host,
            ":data": data_text(record)?,
        })?;
    Ok(())
}

/// The keys of the sign-ins that are meant and exist, the oldest first.
pub(super) fn keys(connection: &Connection, which: Which) -> rusqlite::Result<Vec<SessionKey>> {
    let key = |row: &Row<'_>| key(row, 0);
    match which {
        Which::One(one) => Ok(sign_in_of(connection, one)?.into_iter().collect()),
        Which::OfUser { user, except } => {
            let except = except.map(|key| sign_in_of(connection, key)).transpose()?.flatten();
            let keys: rusqlite::Result<Vec<SessionKey>> = connection
                .prepare_cached(
                    "SELECT key FROM session WHERE user_id = ?1 AND parent IS NULL ORDER BY signed_in, key",
                )?
                .query_map([user.0], key)?
                .collect();
            Ok(keys?.into_iter().filter(|key| Some(*key) != except).collect())
        }
        Which::All => connection.prepare_cached("SELECT key FROM session")?.query_map([], key)?.collect(),
    }
}

/// The sign-in that a session is a branch of, or the session itself, if it exists.
fn sign_in_of(connection: &Connection, key: SessionKey) -> rusqlite::Result<Option<SessionKey>> {
    connection
        .prepare_cached("SELECT coalesce(parent, key) FROM session WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| self::key(row, 0))
        .optional()
}

/// Gives the branches of `old` to `new`; returns their keys.
pub(super) fn move_branches(
    connection: &Connection,
    old: SessionKey,
    new: SessionKey,
) -> rusqlite::Result<Vec<SessionKey>> {
    connection
        .prepare_cached("UPDATE session SET parent = ?2 WHERE parent = ?1 RETURNING key")?
        .query_map([old.as_bytes(), new.as_bytes()], |row| key(row, 0))?
        .collect()
}

/// The branches of a sign-in beyond the `most` that were opened last; all have been stored with the time of that as
/// their last use.
pub(super) fn branches_past(
    connection: &Connection,
    parent: SessionKey,
    most: usize,
) -> rusqlite::Result<Vec<SessionKey>> {
    connection
        .prepare_cached(
            "SELECT key FROM session WHERE parent = ?1 ORDER BY last_seen DESC, key LIMIT -1 OFFSET ?2",
        )?
        .query_map(params![parent.as_bytes(), i64::try_from(most).unwrap_or(i64::MAX)], |row| key(row, 0))?
        .collect()
}

/// The visitors' sessions beyond the `most` that were used last.
pub(super) fn visitors_past(connection: &Connection, most: usize) -> rusqlite::Result<Vec<SessionKey>> {
    connection
        .prepare_cached(
            "SELECT key FROM session WHERE user_id IS NULL ORDER BY last_seen DESC LIMIT -1 OFFSET ?1",
        )?
        .query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| key(row, 0))?
        .collect()
}

/// Ends a session and its branches, and records each end for other processes; returns the keys that ended.
pub(super) fn end(
    connection: &Connection,
    ending: SessionKey,
    at: Timestamp,
) -> rusqlite::Result<Vec<SessionKey>> {
    let ended: rusqlite::Result<Vec<SessionKey>> = connection
        .prepare_cached("DELETE FROM session WHERE key = ?1 OR parent = ?1 RETURNING key")?
        .query_map([ending.as_bytes()], |row| key(row, 0))?
        .collect();
    let ended = ended?;
    for key in &ended {
        connection
            .prepare_cached("INSERT INTO ended (key, at) VALUES (?1, ?2)")?
            .execute(params![key.as_bytes(), at.as_millis()])?;
    }
    Ok(ended)
}

pub(super) fn set_data(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE session SET data = ?2 WHERE key = ?1")?
        .execute(params![record.key.as_bytes(), data_text(record)?])?;
    Ok(())
}

pub(super) fn note_use(connection: &Connection, key: SessionKey, at: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE session SET last_seen = max(last_seen, ?2) WHERE key = ?1")?
        .execute(params![key.as_bytes(), at.as_millis()])?;
    Ok(())
}

/// Removes at most `most` expired sessions and as many unused ones; returns how many.
///
/// Their ends need no record: a process that has one of them in memory sees by its clock that it is over.
pub(super) fn prune(
    connection: &Connection,
    now: Timestamp,
    idle_since: Timestamp,
    most: u32,
) -> rusqlite::Result<usize> {
    let expired = connection
        .prepare_cached(
            "DELETE FROM session WHERE key IN (SELECT key FROM session WHERE expires <= ?1 LIMIT ?2)",
        )?
        .execute(params![now.as_millis(), most])?;
    // A branch is used when its parent is, and goes with it.
    let idle: rusqlite::Result<Vec<SessionKey>> = connection
        .prepare_cached(
            "DELETE FROM session WHERE key IN
                 (SELECT key FROM session WHERE remembered = 0 AND parent IS NULL AND last_seen < ?1 LIMIT ?2)
             RETURNING key",
        )?
        .query_map(params![idle_since.as_millis(), most], |row| key(row, 0))?
        .collect();
    let mut idle_count = 0;
    for parent in idle? {
        idle_count += 1;
        idle_count += connection
            .prepare_cached("DELETE FROM session WHERE parent = ?1")?
            .execute([parent.as_bytes()])?;
    }
    connection
        .prepare_cached("DELETE FROM ended WHERE seq <= (SELECT max(seq) FROM ended) - ?1")?
        .execute([MAX_ENDS])?;
    Ok(expired + idle_count)
}

/// Ends all sessions. Instead of a record for each, it leaves a gap in the numbers of ends, on which every process reads
/// each session again.
pub(super) fn end_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM session", [])?;
    let newest = newest_end(connection)?;
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'ended'", [])?;
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('ended', ?1)", [newest + 2])?;
    Ok(())
}

pub(super) fn check(connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO checked (one, at) VALUES (1, ?1) ON CONFLICT DO UPDATE SET at = excluded.at",
        )?
        .execute([now.as_millis()])?;
    Ok(())
}

/// The number of the newest end; 0 if there was none.
pub(super) fn newest_end(connection: &Connection) -> rusqlite::Result<i64> {
    // From SQLite's own table of sequences, which does not go back when rows are removed.
    let newest = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'ended'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or(0))
}

/// The ends after `seen`, in order.
pub(super) fn ends_after(connection: &Connection, seen: i64) -> rusqlite::Result<Vec<(i64, SessionKey)>> {
    connection
        .prepare_cached("SELECT seq, key FROM ended WHERE seq > ?1 ORDER BY seq")?
        .query_map([seen], |row| Ok((row.get(0)?, key(row, 1)?)))?
        .collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let time = |column| row.get(column).map(Timestamp::from_millis);
    let owner = match row.get::<_, Option<i64>>("user_id")? {
        Some(id) => Owner::User { id: UserId(id), credential: CredentialVersion(row.get("credential")?) },
        None => Owner::Visitor,
    };
    let client_addr: String = row.get("client_addr")?;
    let data: String = row.get("data")?;
    Ok(Record {
        key: key(row, "key")?,
        owner,
        signed_in: time("signed_in")?,
        proofs: StoredProofs { confirmed: time("confirmed")?, proofs: row.get("proofs")? }.read(owner),
        source: source(row)?,
        parent: row.get::<_, Option<[u8; 32]>>("parent")?.map(SessionKey::from_bytes),
        expires: time("expires")?,
        last_seen: time("last_seen")?,
        remembered: row.get("remembered")?,
        client_addr: client_addr.parse::<IpAddr>().map_err(|error| unreadable("client_addr", error))?,
        user_agent: row.get::<_, String>("user_agent")?.into(),
        host: row.get::<_, String>("host")?.into(),
        data: if data.is_empty() {
            SessionData::new()
        } else {
            serde_json::from_str(&data).map_err(|error| unreadable("data", error))?
        },
    })
}

fn source(row: &Row<'_>) -> rusqlite::Result<Option<SessionSource>> {
    let Some(backend) = row.get::<_, Option<String>>("backend")? else { return Ok(None) };
    let provider_session = row.get::<_, Option<String>>("provider_session")?.map(Into::into);
    Ok(Some(SessionSource { backend: backend.into(), provider_session }))
}

fn key(row: &Row<'_>, column: impl rusqlite::RowIndex) -> rusqlite::Result<SessionKey> {
    row.get(column).map(SessionKey::from_bytes)
}

fn data_text(record: &Record) -> rusqlite::Result<String> {
    if record.data.is_empty() {
        return Ok(String::new());
    }
    serde_json::to_string(&record.data).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn unreadable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    tracing::error!(column, %error, "session in the store cannot be read");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// Ends that stay recorded; a process that has missed more reads every session again.
const MAX_ENDS: i64 = 100_000;
