//! Reading a database without leaving a trace: no file is made, changed or migrated.
//!
//! `portcullis check` looks into the users database with this, also as root, and also with a newer release than that
//! of the running gateway.

use std::{fs, path::Path, time::Duration};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::{DatabaseError, Schema, open_file::companion};
use crate::store::private_file::folder_of;

/// Opens an existing database, of this release or of an older one; `None` if there is none.
///
/// Where no process has the database open, its companions are not made either: as root they would be root's, and in the
/// gateway's way.
pub fn open_to_read(path: &Path, schema: &Schema) -> Result<Option<Connection>, DatabaseError> {
    let failed = |reason| DatabaseError::File { doing: "opening", path: path.to_owned(), reason };
    if !path.try_exists().map_err(failed)? {
        return Ok(None);
    }
    let folder = fs::canonicalize(folder_of(path)).map_err(failed)?;
    let real = path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name));
    let Some(name) = real.to_str() else {
        return Err(failed(std::io::Error::other("the path is not UTF-8 text")));
    };
    let is_open = companion(&real, "-shm").try_exists().map_err(failed)?;
    let how = if is_open { "mode=ro" } else { "mode=ro&immutable=1" };
    let address = format!("file:{}?{how}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let opened = Connection::open_with_flags(address, flags).and_then(|connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    });
    let connection = opened.map_err(|reason| schema.failed("opening", path, reason))?;
    schema.recognise(&connection, path)?;
    Ok(Some(connection))
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
