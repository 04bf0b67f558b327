//! Errors of databases; their texts are for the operator.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use rusqlite::ErrorCode;

/// Why a database could not be opened or did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file or its folder cannot be made or protected.
    #[error("{doing} {}: {reason}{}", .path.display(), io_hint(.reason))]
    File {
        /// The operation.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        reason: io::Error,
    },
    /// SQLite could not do its work.
    #[error("{doing} in {what} {}: {reason}{}", .path.display(), sqlite_hint(.reason))]
    Database {
        /// Which database.
        what: &'static str,
        /// The operation.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// The error of SQLite.
        reason: rusqlite::Error,
    },
    /// The file is no database, or a broken one.
    #[error(
        "{what} {} is damaged or no SQLite database ({reason}); \
         stop the gateway, then put back a copy or move the file away to start with an empty one", .path.display()
    )]
    Damaged {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The error of SQLite.
        reason: rusqlite::Error,
    },
    /// A database of another program.
    #[error(
        "{} is a database of another program, not a {what}; move it away", .path.display()
    )]
    Foreign {
        /// Which database was expected.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// A database of a newer release.
    #[error(
        "{what} {} has schema version {found}, this release knows up to {known}; \
         use the release that wrote it, or a newer one", .path.display()
    )]
    Newer {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// The version of the file.
        found: i64,
        /// The newest version that this release can read.
        known: i64,
    },
    /// The path of an open database leads to a file that cannot be opened, or to none.
    #[error(
        "the {what} {} was removed or replaced, and what is there now cannot be read: {why}", .path.display()
    )]
    Lost {
        /// Which database.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it cannot be read.
        why: String,
    },
}

fn io_hint(reason: &io::Error) -> &'static str {
    match reason.kind() {
        ErrorKind::PermissionDenied => RUN_AS_OWNER,
        ErrorKind::ReadOnlyFilesystem => "; the state folder must be on a file system that can be written to",
        _ => "",
    }
}

fn sqlite_hint(reason: &rusqlite::Error) -> &'static str {
    match reason.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => RUN_AS_OWNER,
        Some(ErrorCode::ReadOnly) => {
            "; the state folder must be on a file system that can be written to, and belong to the user that \
             the gateway runs as"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "; another process holds it, try again",
        Some(ErrorCode::DiskFull) => "; make room on the disk",
        // SQLite also says this when there is no room for the memory that readers share.
        Some(ErrorCode::SystemIoFailure) => {
            "; make room on the disk if it is full, see the system's log if it is not"
        }
        _ => "",
    }
}

const RUN_AS_OWNER: &str =
    "; run this as the user that the gateway runs as, and let that user own the state folder";
