//! The log of changes that the database carries.
//!
//! Every change of an account writes a row here in the same transaction. This
//! is how the running gateway learns what the command line did: it reads the
//! rows after the last one it has seen. Sign-ins and upgraded hashes change
//! nobody's rights and are not in it.

use std::fmt;

use rusqlite::{Connection, Row, types::Type};

use crate::{
    clock::Timestamp,
    identity::{UserId, UserName},
};

/// One change of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number; each is one more than the one before.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose account.
    pub user: UserId,
    /// The name of that account.
    pub name: UserName,
    /// What happened to it.
    pub action: Action,
    /// Who did it: a user of the operating system, a user of the directory, or `gateway`.
    pub actor: String,
}

/// What can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was made.
    Added,
    /// Groups, permissions, attributes, names or superuser.
    Changed,
    /// A new password; sessions from before are over.
    PasswordChanged,
    /// It may sign in again.
    Enabled,
    /// It may not sign in any more; its sessions are over.
    Disabled,
    /// It is gone, and its number with it.
    Removed,
}

impl Action {
    /// The word for it, in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::PasswordChanged => "password-changed",
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }

    /// Whether sessions that were opened before are over.
    pub fn ends_sessions(self) -> bool {
        matches!(self, Self::PasswordChanged | Self::Disabled | Self::Removed)
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Added, Self::Changed, Self::PasswordChanged, Self::Enabled, Self::Disabled, Self::Removed]
            .into_iter()
            .find(|action| action.as_str() == word)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Writes a change, within the transaction that makes it, and forgets the oldest beyond [`KEPT`].
pub(super) fn record(
    connection: &Connection,
    at: Timestamp,
    (user, name): (UserId, &UserName),
    action: Action,
    actor: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO change (at, user_id, user_name, action, actor) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((at.as_millis(), user.0, name.as_str(), action.as_str(), actor))?;
    let oldest = connection.last_insert_rowid() - KEPT;
    connection.prepare_cached("DELETE FROM change WHERE seq <= ?1")?.execute([oldest])?;
    Ok(())
}

/// The number of the newest change; 0 before the first.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM change")?.query_row([], |row| row.get(0))
}

/// The changes after `seq`, oldest first; some may be missing at the start if there were very many.
pub(super) fn after(connection: &Connection, seq: i64) -> rusqlite::Result<Vec<Change>> {
    connection
        .prepare_cached(
            "SELECT seq, at, user_id, user_name, action, actor FROM change WHERE seq > ?1 ORDER BY seq",
        )?
        .query_map([seq], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Change> {
    let unreadable = |column: usize, what: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what)
    };
    let name = UserName::parse(&row.get::<_, String>(3)?).map_err(|error| unreadable(3, error.into()))?;
    let action = row.get::<_, String>(4)?;
    Ok(Change {
        seq: row.get(0)?,
        at: Timestamp::from_millis(row.get(1)?),
        user: UserId(row.get(2)?),
        name,
        action: Action::parse(&action)
            .ok_or_else(|| unreadable(4, format!("unknown action {action:?}").into()))?,
        actor: row.get(5)?,
    })
}

/// How many changes are remembered; more at once than this make a gateway forget all it has in memory.
const KEPT: i64 = 10_000;
