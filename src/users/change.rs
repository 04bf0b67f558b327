//! The change log of the users database.
//!
//! Every change of an account writes an entry in the same transaction. The running gateway reads the entries after the
//! last one it has seen, and so notices the changes of the command line. Sign-ins and upgraded hashes change no rights and
//! have no entries.

use std::fmt;

use rusqlite::{Connection, Row, types::Type};

use crate::{
    clock::Timestamp,
    identity::{BackendName, IdentityPair, UserId, UserName},
};

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of the change; each is one more than the one before.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Whose account.
    pub user: UserId,
    /// The name of that account.
    pub name: UserName,
    /// The kind of change.
    pub action: Action,
    /// The author: a user of the operating system, a user of the directory, or `gateway`.
    pub actor: String,
    /// The backend and its id of the user, if the change concerns one identity of the account or comes from it.
    pub source: Option<(BackendName, String)>,
}

/// The kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The account was created.
    Added,
    /// Groups, permissions, attributes, names or superuser changed.
    Changed,
    /// A new password was set; earlier sessions have ended.
    PasswordChanged,
    /// The user may sign in again.
    Enabled,
    /// The user may not sign in any more; the sessions have ended.
    Disabled,
    /// The account was removed; its number is never used again.
    Removed,
    /// An identity of a backend was linked to the account.
    Linked,
    /// An identity of a backend was taken off the account; earlier sessions have ended.
    Unlinked,
    /// A backend no longer lets the user in: its groups are gone, and the sessions have ended.
    SourceEnded,
    /// The account was made, and waits for an operator's approval.
    Waiting,
    /// A second factor was added.
    FactorAdded,
    /// Second factors were taken off the account.
    FactorRemoved,
    /// A second factor got another name.
    FactorRenamed,
    /// New recovery codes were made, and the old ones are dead.
    RecoveryCodesMade,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// An API token was made.
    TokenMade,
    /// An API token was ended.
    TokenRevoked,
    /// The user has undone a change of the address; earlier sessions have ended.
    EmailRestored,
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
            Self::Linked => "linked",
            Self::Unlinked => "unlinked",
            Self::SourceEnded => "source-ended",
            Self::Waiting => "waiting-for-approval",
            Self::FactorAdded => "factor-added",
            Self::FactorRemoved => "factor-removed",
            Self::FactorRenamed => "factor-renamed",
            Self::RecoveryCodesMade => "recovery-codes-made",
            Self::RecoveryCodeUsed => "recovery-code-used",
            Self::TokenMade => "token-made",
            Self::TokenRevoked => "token-revoked",
            Self::EmailRestored => "email-restored",
        }
    }

    /// Whether the change ends earlier sessions.
    pub fn ends_sessions(self) -> bool {
        matches!(
            self,
            Self::PasswordChanged
                | Self::Disabled
                | Self::Removed
                | Self::Unlinked
                | Self::SourceEnded
                | Self::EmailRestored
        )
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    const ALL: [Self; 18] = [
        Self::Added,
        Self::Changed,
        Self::PasswordChanged,
        Self::Enabled,
        Self::Disabled,
        Self::Removed,
        Self::Linked,
        Self::Unlinked,
        Self::SourceEnded,
        Self::Waiting,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::FactorRenamed,
        Self::RecoveryCodesMade,
        Self::RecoveryCodeUsed,
        Self::TokenMade,
        Self::TokenRevoked,
        Self::EmailRestored,
    ];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Writes an entry, within the transaction of its change, and removes the oldest beyond [`MAX_ENTRIES`].
pub(super) fn record(
    connection: &Connection,
    at: Timestamp,
    (user, name): (UserId, &UserName),
    (action, source): (Action, Option<&IdentityPair>),
    actor: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO change (at, user_id, user_name, action, actor, backend, subject)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            at.as_millis(),
            user.0,
            name.as_str(),
            action.as_str(),
            actor,
            source.map(|pair| pair.backend.as_str()),
            source.map(|pair| &*pair.subject),
        ))?;
    let oldest = connection.last_insert_rowid() - MAX_ENTRIES;
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
            "SELECT seq, at, user_id, user_name, action, actor, backend, subject
             FROM change WHERE seq > ?1 ORDER BY seq",
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
    let source = match (row.get::<_, Option<String>>(6)?, row.get(7)?) {
        (Some(backend), Some(subject)) => {
            Some((BackendName::parse(&backend).map_err(|error| unreadable(6, error.into()))?, subject))
        }
        _ => None,
    };
    Ok(Change {
        seq: row.get(0)?,
        at: Timestamp::from_millis(row.get(1)?),
        user: UserId(row.get(2)?),
        name,
        action: Action::parse(&action)
            .ok_or_else(|| unreadable(4, format!("unknown action {action:?}").into()))?,
        actor: row.get(5)?,
        source,
    })
}

/// Entries that stay in the log; a gateway that has missed more clears its cache.
const MAX_ENTRIES: i64 = 10_000;
