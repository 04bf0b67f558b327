//! The file that the people are kept in: its schema, and what can go wrong with it.

use std::io;

use super::profile::InvalidProfile;
use crate::{
    identity::{UserId, UserName},
    store::sqlite::{DatabaseError, Schema},
};

/// Why the directory could not do what it was asked; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened, or SQLite could not do its work.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A thread for the database could not be started.
    #[error("starting the thread of the users database: {0}")]
    Thread(io::Error),
    /// The name is taken.
    #[error("there is already a user {0}")]
    Exists(UserName),
    /// Nobody has this name.
    #[error("there is no user {0}")]
    NoSuchUser(UserName),
    /// Nobody has this number, any more.
    #[error("there is no user number {0} any more")]
    Gone(UserId),
    /// The first user has been made already.
    #[error("there are users already, so the first one cannot be made again")]
    UsersExist,
    /// The password was changed, or the account disabled, since the caller looked.
    #[error("the credential of user {0} has changed in the meantime")]
    CredentialChanged(UserName),
    /// Something that cannot be said about a user.
    #[error(transparent)]
    Invalid(#[from] InvalidProfile),
}

/// Marked `Prtc`.
pub(super) const SCHEMA: Schema =
    Schema { what: "users database", application_id: 0x5072_7463, migrations: MIGRATIONS };

const MIGRATIONS: &[&str] = &["
    CREATE TABLE user (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        name         TEXT    NOT NULL UNIQUE,
        email        TEXT    NOT NULL,
        full_name    TEXT    NOT NULL,
        active       INTEGER NOT NULL CHECK (active IN (0, 1)),
        superuser    INTEGER NOT NULL CHECK (superuser IN (0, 1)),
        credential   INTEGER NOT NULL,
        password     TEXT,
        created      INTEGER NOT NULL,
        last_sign_in INTEGER
    ) STRICT;

    CREATE TABLE user_group (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name    TEXT    NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE user_permission (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name    TEXT    NOT NULL,
        PRIMARY KEY (user_id, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE user_attribute (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        key     TEXT    NOT NULL,
        value   TEXT    NOT NULL,
        PRIMARY KEY (user_id, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE change (
        seq       INTEGER PRIMARY KEY AUTOINCREMENT,
        at        INTEGER NOT NULL,
        user_id   INTEGER NOT NULL,
        user_name TEXT    NOT NULL,
        action    TEXT    NOT NULL,
        actor     TEXT    NOT NULL
    ) STRICT;
"];
