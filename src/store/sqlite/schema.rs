//! The schema of a database: which program a file belongs to, and how far its tables are up to date.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::DatabaseError;

/// The tables of a database, and the steps that make them.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The name of the database in messages: `users database`.
    pub what: &'static str,
    /// Marks a file as ours.
    pub application_id: i64,
    /// The steps of the schema, oldest first; the number of steps done is the file's `user_version`. A step
    /// that was ever released is never edited: a change is a further step.
    pub migrations: &'static [&'static str],
}

impl Schema {
    /// An error of SQLite, with the file that it happened in.
    pub fn failed(&self, doing: &'static str, path: &Path, reason: rusqlite::Error) -> DatabaseError {
        let (what, path) = (self.what, path.to_owned());
        match reason.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DatabaseError::Damaged { what, path, reason }
            }
            _ => DatabaseError::Database { what, doing, path, reason },
        }
    }

    /// The schema version of the file. Refuses a file of another program or of a newer release; reads only.
    pub(super) fn recognise(&self, connection: &Connection, path: &Path) -> Result<i64, DatabaseError> {
        // One statement, and so one point in time: another process may be making the tables right now.
        let sql = "SELECT (SELECT user_version FROM pragma_user_version),
                          (SELECT application_id FROM pragma_application_id),
                          (SELECT count(*) FROM sqlite_schema)";
        let (found, owner, tables): (i64, i64, i64) = connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .map_err(|reason| self.failed("reading the schema version", path, reason))?;
        let is_empty = (found, owner, tables) == (0, 0, 0);
        if !is_empty && owner != self.application_id {
            return Err(DatabaseError::Foreign { what: self.what, path: path.to_owned() });
        }
        let known = self.newest_version();
        if found > known {
            return Err(DatabaseError::Newer { what: self.what, path: path.to_owned(), found, known });
        }
        Ok(found)
    }

    /// Brings the tables up to date, in one transaction.
    pub(super) fn migrate(&self, connection: &mut Connection, path: &Path) -> Result<(), DatabaseError> {
        if self.recognise(connection, path)? == self.newest_version() {
            return Ok(());
        }
        let failed = |reason| self.failed("bringing the schema up to date", path, reason);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been faster.
        let mut version = self.recognise(&transaction, path)?;
        for step in self.migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
            transaction.execute_batch(step).map_err(failed)?;
            version += 1;
        }
        transaction.pragma_update(None, "application_id", self.application_id).map_err(failed)?;
        transaction.pragma_update(None, "user_version", version).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn newest_version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}
