//! The schema of the users database.

use crate::store::sqlite::Schema;

/// Marked `Prtc`.
pub(super) const SCHEMA: Schema =
    Schema { what: "users database", application_id: 0x5072_7463, migrations: MIGRATIONS };

const MIGRATIONS: &[&str] = &[ACCOUNTS, IDENTITIES, PROFILES, FACTORS, TOKENS, LINKS, PASSKEYS, FORMER_NAMES];

const ACCOUNTS: &str = "
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
";

/// Identities of backends, linked to accounts. An address outside ASCII gets its normal form at its next change.
const IDENTITIES: &str = "
    ALTER TABLE user ADD COLUMN email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1));
    ALTER TABLE user ADD COLUMN email_key TEXT;
    ALTER TABLE user ADD COLUMN waiting_since INTEGER;
    UPDATE user SET email_key = lower(email)
        WHERE email NOT GLOB '*[^!-~]*' AND email GLOB '?*@?*' AND email NOT GLOB '*@*@*'
            AND substr(email, instr(email, '@') + 1) NOT GLOB '*[^a-zA-Z0-9.-]*';
    CREATE INDEX user_email_key ON user (email_key);

    CREATE TABLE identity (
        backend    TEXT    NOT NULL,
        authority  TEXT    NOT NULL,
        subject    TEXT    NOT NULL,
        user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name       TEXT    NOT NULL,
        email      TEXT    NOT NULL,
        linked     INTEGER NOT NULL,
        last_seen  INTEGER,
        ended      TEXT,
        home       INTEGER NOT NULL CHECK (home IN (0, 1)),
        groups     TEXT    NOT NULL,
        attributes TEXT    NOT NULL,
        PRIMARY KEY (backend, authority, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identity_user ON identity (user_id);
    CREATE UNIQUE INDEX identity_home ON identity (user_id) WHERE home;

    CREATE TABLE invitation (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        backend TEXT    NOT NULL,
        PRIMARY KEY (user_id, backend)
    ) STRICT, WITHOUT ROWID;

    ALTER TABLE change ADD COLUMN backend TEXT;
    ALTER TABLE change ADD COLUMN subject TEXT;
";

/// A password that has to be changed at the next sign-in, and the newest activity of each account.
const PROFILES: &str = "
    ALTER TABLE user ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0
        CHECK (must_change_password IN (0, 1));

    CREATE TABLE activity (
        seq     INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        at      INTEGER NOT NULL,
        kind    TEXT    NOT NULL,
        address TEXT    NOT NULL,
        device  TEXT    NOT NULL,
        host    TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX activity_user ON activity (user_id, seq);
";

/// Second factors. `factor` has a row for each of them; each kind keeps its details in a table of its own. `recovery_key`
/// and `totp.secret` are sealed.
const FACTORS: &str = "
    CREATE TABLE factor (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id   INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        kind      TEXT    NOT NULL,
        name      TEXT    NOT NULL,
        created   INTEGER NOT NULL,
        last_used INTEGER
    ) STRICT;
    CREATE INDEX factor_user ON factor (user_id);

    CREATE TABLE totp (
        factor_id INTEGER PRIMARY KEY REFERENCES factor (id) ON DELETE CASCADE,
        secret    BLOB    NOT NULL,
        last_step INTEGER NOT NULL
    ) STRICT;

    ALTER TABLE user ADD COLUMN recovery_key BLOB;
    CREATE TABLE recovery_code (
        user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        hash    BLOB    NOT NULL,
        PRIMARY KEY (user_id, hash)
    ) STRICT, WITHOUT ROWID;
";

/// API tokens, and accounts of machines.
const TOKENS: &str = "
    ALTER TABLE user ADD COLUMN machine INTEGER NOT NULL DEFAULT 0 CHECK (machine IN (0, 1));

    CREATE TABLE api_token (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id    INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
        name       TEXT    NOT NULL,
        hash       TEXT    NOT NULL,
        created    INTEGER NOT NULL,
        expires    INTEGER NOT NULL,
        last_used  INTEGER,
        credential INTEGER NOT NULL,
        limits     TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX api_token_user ON api_token (user_id);
";

/// One-time links, and how many were asked for lately.
const LINKS: &str = "
    CREATE TABLE link (
        hash       BLOB    NOT NULL PRIMARY KEY,
        purpose    TEXT    NOT NULL,
        user_id    INTEGER REFERENCES user (id) ON DELETE CASCADE,
        credential INTEGER,
        email      TEXT    NOT NULL,
        other      TEXT    NOT NULL,
        by_mail    INTEGER NOT NULL CHECK (by_mail IN (0, 1)),
        created    INTEGER NOT NULL,
        expires    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_user ON link (user_id);
    CREATE INDEX link_expires ON link (expires);

    CREATE TABLE link_request (
        subject TEXT    NOT NULL,
        at      INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX link_request_subject ON link_request (subject);
    CREATE INDEX link_request_at ON link_request (at);
";

/// Passkeys, and the handles by which authenticators know their users.
const PASSKEYS: &str = "
    CREATE TABLE user_handle (
        user_id INTEGER PRIMARY KEY REFERENCES user (id) ON DELETE CASCADE,
        handle  BLOB    NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE passkey (
        factor_id       INTEGER PRIMARY KEY REFERENCES factor (id) ON DELETE CASCADE,
        rp_id           TEXT    NOT NULL,
        credential      BLOB    NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023),
        public_key      BLOB    NOT NULL,
        sign_count      INTEGER NOT NULL,
        backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
        backed_up       INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
        aaguid          BLOB    NOT NULL,
        transports      TEXT    NOT NULL
    ) STRICT;
";

/// The names of users who were removed. The change log, in which they stand as well, forgets its oldest entries.
const FORMER_NAMES: &str = "
    CREATE TABLE former_name (
        name TEXT NOT NULL PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    INSERT OR IGNORE INTO former_name (name) SELECT user_name FROM change WHERE action = 'removed';
";
