//! The schema of the users database.

use crate::store::sqlite::Schema;

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
