//! Accounts as rows.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, types::Type};
use serde::de::DeserializeOwned;

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, User, UserId, UserName},
    users::{Account, PasswordHash, profile::sorted},
};

/// Whether there is no user at all.
pub(super) fn no_users(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM user)")?.query_row([], |row| row.get(0))
}

pub(super) fn load(connection: &Connection, id: UserId) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    statement.query_row([id.0], account).optional()
}

pub(super) fn load_by_name(connection: &Connection, name: &UserName) -> rusqlite::Result<Option<Account>> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    statement.query_row([name.as_str()], account).optional()
}

/// The statement that finds the user with a name, or the next one by name, or the first after the last. Both searches are
/// always made.
pub(super) fn nearest() -> String {
    format!(
        "WITH near (next, first) AS MATERIALIZED (
             SELECT (SELECT id FROM user WHERE name >= ?1 ORDER BY name LIMIT 1),
                    (SELECT id FROM user ORDER BY name LIMIT 1))
         {SELECT} WHERE id = (SELECT coalesce(next, first) FROM near)"
    )
}

/// One statement, so that a user and the lists are of one point in time.
pub(super) const SELECT: &str = "
    SELECT id, name, email, full_name, active, superuser, credential, password, created, last_sign_in,
        (SELECT json_group_array(g.name) FROM user_group g WHERE g.user_id = u.id),
        (SELECT json_group_array(p.name) FROM user_permission p WHERE p.user_id = u.id),
        (SELECT json_group_object(a.key, a.value) FROM user_attribute a WHERE a.user_id = u.id)
    FROM user u";

pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let name: String = row.get(1)?;
    Ok(Account {
        user: Arc::new(User {
            id: UserId(row.get(0)?),
            name: UserName::parse(&name).map_err(|error| unreadable(1, error))?,
            email: row.get(2)?,
            full_name: row.get(3)?,
            superuser: row.get(5)?,
            groups: sorted(json(row, 10)?),
            permissions: sorted(json(row, 11)?),
            attributes: json(row, 12)?,
        }),
        active: row.get(4)?,
        credential: CredentialVersion(row.get(6)?),
        password: row.get::<_, Option<String>>(7)?.map(PasswordHash::stored),
        created: Timestamp::from_millis(row.get(8)?),
        last_sign_in: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
    })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, why: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(why))
}
