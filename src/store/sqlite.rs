//! An embedded database: a SQLite file that is opened privately, recognised, and brought up to date.
//!
//! SQLite with a write-ahead log, so that readers and the writer of several
//! processes do not wait for each other, and every commit is on the disk
//! before it is acknowledged (`synchronous = FULL`). Nobody but the owner can
//! read the file or its companions, and none of them is a symbolic link.
//!
//! SQLite goes on with the file that it opened, whatever becomes of its name.
//! [`OpenFile`] says whether the path still leads there, so that users of a
//! database follow a file that was replaced, and [`ReadFile`] tells commands
//! which file a running gateway reads.
//!
//! No file descriptor of a database is ever opened and closed here beside
//! SQLite's own: closing one drops the locks that the process has on the file
//! (fcntl(2), POSIX advisory locks). Descriptors that only name a file
//! (`O_PATH`) have no part in that.

use std::{
    fs,
    io::{self, ErrorKind},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

/// What a database holds, and how it came to hold it.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// What it is called in messages: `users database`.
    pub what: &'static str,
    /// Marks a file as ours.
    pub application_id: i64,
    /// The steps of the schema, oldest first; the number of steps done is the file's `user_version`. A step
    /// that was ever released is never edited: what changes is a further step.
    pub migrations: &'static [&'static str],
}

/// Why a database could not be opened or did not do its work; the text is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file or its folder cannot be made or protected.
    #[error("{doing} {}: {reason}{}", .path.display(), io_hint(.reason))]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// SQLite could not do its work.
    #[error("{doing} in {what} {}: {reason}{}", .path.display(), sqlite_hint(.reason))]
    Database {
        /// Which database.
        what: &'static str,
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
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
        /// What SQLite said.
        reason: rusqlite::Error,
    },
    /// Somebody else's database.
    #[error(
        "{} is a database of another program, not a {what}; move it away", .path.display()
    )]
    Foreign {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer release.
    #[error(
        "{what} {} has schema version {found}, this release knows up to {known}; \
         use the release that wrote it, or a newer one", .path.display()
    )]
    Newer {
        /// Which database.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that can be read here.
        known: i64,
    },
}

impl Schema {
    /// What SQLite said, as an error that names the file.
    pub fn failed(&self, doing: &'static str, path: &Path, reason: rusqlite::Error) -> DatabaseError {
        let (what, path) = (self.what, path.to_owned());
        match reason.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                DatabaseError::Damaged { what, path, reason }
            }
            _ => DatabaseError::Database { what, doing, path, reason },
        }
    }

    fn newest_version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    /// The connection to it.
    pub connection: Connection,
    /// The file that the connection has open.
    pub file: OpenFile,
}

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// How long a lock of another process is waited for, now and later.
    pub busy_timeout: Duration,
    /// Whether folder and file are made if they are missing.
    pub makes: bool,
}

impl Default for Opening {
    /// Waits for 5 seconds, and makes what is missing.
    fn default() -> Self {
        Self { busy_timeout: BUSY_TIMEOUT, makes: true }
    }
}

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that a path leads to; `None` if there is none.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(Self::of(&found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(found: &fs::Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }
}

/// The file that a connection has open.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    id: FileId,
    /// The largest that it was seen to be.
    size: u64,
    /// Its write-ahead log and its shared memory.
    companions: Vec<(PathBuf, FileId)>,
}

/// What the path of an open database leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The file that is open.
    Same,
    /// Another file, or the same one cut short: what was read of it says nothing any more.
    Other,
    /// Nothing.
    Missing,
}

impl OpenFile {
    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// What its path leads to now.
    pub fn look(&mut self) -> Found {
        match fs::metadata(&self.path) {
            // SQLite shortens a file when it is vacuumed; to be taken for another one costs little then.
            Ok(found) if FileId::of(&found) == self.id && found.len() >= self.size => {
                self.size = found.len();
                Found::Same
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
            _ => Found::Other,
        }
    }

    /// Removes the companions of this file that lie beside another one by now, which took its place: SQLite would take
    /// what is in them for a part of that one.
    fn remove_left_companions(&self) -> io::Result<()> {
        if FileId::at(&self.path)?.is_none_or(|there| there == self.id) {
            return Ok(());
        }
        for (path, id) in &self.companions {
            if FileId::at(path)? == Some(*id) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Whether this is what `before` was, opened once more.
    pub fn continues(&self, before: &Self) -> bool {
        self.id == before.id && self.size >= before.size
    }
}

/// Which file a running gateway reads at the moment, for commands that change it. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct ReadFile(Arc<Mutex<Option<FileId>>>);

impl ReadFile {
    /// Of a database that has just been opened.
    pub fn of(file: &OpenFile) -> Self {
        let read = Self::default();
        read.set(Some(file.id));
        read
    }

    /// It is this one from now on; `None`: there is none that could be read.
    pub fn set(&self, id: Option<FileId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// The file.
    pub fn id(&self) -> Option<FileId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the database, and makes folder and file if they are missing.
pub fn open(path: &Path, schema: &Schema) -> Result<Database, DatabaseError> {
    open_with(path, schema, Opening::default())
}

/// The same, in this way.
pub fn open_with(path: &Path, schema: &Schema, opening: Opening) -> Result<Database, DatabaseError> {
    let failed = |reason| DatabaseError::File { doing: "opening", path: path.to_owned(), reason };
    for _ in 0..OPENING_TRIES {
        if opening.makes {
            prepare_files(path)?;
        }
        refuse_cut_short(path, opening).map_err(failed)?;
        // The same before and after it was opened, so it is what was opened.
        let before = FileId::at(path).map_err(failed)?;
        let connection = open_connection(path, schema, opening.busy_timeout)?;
        let after = fs::metadata(path).map_err(failed)?;
        if before == Some(FileId::of(&after)) {
            let companions = COMPANIONS.map(|suffix| companion(path, suffix));
            let companions = companions.into_iter().map(|path| FileId::at(&path).map(|id| Some((path, id?))));
            let companions = companions.filter_map(Result::transpose).collect::<io::Result<_>>();
            let companions = companions.map_err(failed)?;
            let file =
                OpenFile { path: path.to_owned(), id: FileId::of(&after), size: after.len(), companions };
            return Ok(Database { connection, file });
        }
    }
    Err(failed(io::Error::other("it is replaced again and again")))
}

/// Opens what the path of an open database leads to now.
pub fn reopen(before: &OpenFile, schema: &Schema, opening: Opening) -> Result<Database, DatabaseError> {
    before.remove_left_companions().map_err(|reason| DatabaseError::File {
        doing: "removing what a replaced file left beside",
        path: before.path.clone(),
        reason,
    })?;
    open_with(&before.path, schema, opening)
}

fn open_connection(
    path: &Path,
    schema: &Schema,
    busy_timeout: Duration,
) -> Result<Connection, DatabaseError> {
    let failed = |doing| move |reason| schema.failed(doing, path, reason);
    protect_files(path)?;
    // Without a symbolic link in it, so that SQLite can be told to follow none.
    let folder = fs::canonicalize(folder_of(path));
    let folder =
        folder.map_err(|reason| DatabaseError::File { doing: "opening", path: path.to_owned(), reason })?;
    let real = path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut connection = Connection::open_with_flags(&real, flags).map_err(failed("opening"))?;
    connection.busy_timeout(busy_timeout).map_err(failed("opening"))?;
    // Before anything is written: a file that is not ours stays as it is.
    recognise(&connection, path, schema)?;
    protect_files(path)?;
    use_write_ahead_log(&connection, busy_timeout).map_err(failed("switching to a write-ahead log"))?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(failed("setting up"))?;
    migrate(&mut connection, path, schema)?;
    Ok(connection)
}

/// How far the schema of the file is; refuses what this release must not touch.
fn recognise(connection: &Connection, path: &Path, schema: &Schema) -> Result<i64, DatabaseError> {
    let failed = |reason| schema.failed("reading the schema version", path, reason);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed);
    let found = number("SELECT user_version FROM pragma_user_version")?;
    let owner = number("SELECT application_id FROM pragma_application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_empty = (found, owner, tables) == (0, 0, 0);
    if !is_empty && owner != schema.application_id {
        return Err(DatabaseError::Foreign { what: schema.what, path: path.to_owned() });
    }
    let known = schema.newest_version();
    if found > known {
        return Err(DatabaseError::Newer { what: schema.what, path: path.to_owned(), found, known });
    }
    Ok(found)
}

/// SQLite does not wait, as it does otherwise, when two processes switch a new file over at the same time.
fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                thread::sleep(WAL_RETRY);
            }
            other => return other.map(drop),
        }
    }
}

fn migrate(connection: &mut Connection, path: &Path, schema: &Schema) -> Result<(), DatabaseError> {
    if recognise(connection, path, schema)? == schema.newest_version() {
        return Ok(());
    }
    let failed = |reason| schema.failed("bringing the schema up to date", path, reason);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    let mut version = recognise(&transaction, path, schema)?;
    for step in schema.migrations.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(failed)?;
        version += 1;
    }
    transaction.pragma_update(None, "application_id", schema.application_id).map_err(failed)?;
    transaction.pragma_update(None, "user_version", version).map_err(failed)?;
    transaction.commit().map_err(failed)
}

fn prepare_files(path: &Path) -> Result<(), DatabaseError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |reason| DatabaseError::File { doing, path, reason }
    };
    let folder = folder_of(path);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("creating folder", folder))?;
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_file(folder, path).map_err(failed("creating", path))
        }
        Err(error) => Err(failed("creating", path)(error)),
    }
}

/// An empty file. It gets its name when its descriptor is closed: another thread may have it open, and locked, from
/// then on.
fn make_file(folder: &Path, path: &Path) -> io::Result<()> {
    let mut making = path.as_os_str().to_owned();
    // Several threads may be at it.
    making.push(format!(".{}.{:?}", std::process::id(), thread::current().id()));
    let making = PathBuf::from(making);
    fs::remove_file(&making).ok();
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&making)
        .and_then(|file| give_to_owner_of(folder, &file))
        .and_then(|()| fs::hard_link(&making, path));
    fs::remove_file(&making).ok();
    // Somebody else may have been faster.
    made.or_else(|error| if fs::symlink_metadata(path).is_ok() { Ok(()) } else { Err(error) })
}

/// SQLite takes an empty file for a new database, and removes the write-ahead log beside it, which may be all that is
/// left of what was acknowledged. An empty file that has companions was cut short while it was used, for they are
/// made when the file is not empty any more.
fn refuse_cut_short(path: &Path, opening: Opening) -> io::Result<()> {
    // The companions first: another process may just be making the database.
    let is_used = COMPANIONS.iter().any(|suffix| companion(path, suffix).exists());
    if (is_used || !opening.makes) && fs::metadata(path)?.len() == 0 {
        return Err(io::Error::other(
            "it is empty and was not before: stop the gateway, then put back a copy, or remove the file and its \
             companions to start with an empty one",
        ));
    }
    Ok(())
}

fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// SQLite gives its two companions the mode of the file; this is for what was there before.
fn protect_files(path: &Path) -> Result<(), DatabaseError> {
    for suffix in ["", "-wal", "-shm"] {
        let file = companion(path, suffix);
        keep_private(&file).map_err(|reason| DatabaseError::File {
            doing: "protecting",
            path: file,
            reason,
        })?;
    }
    Ok(())
}

/// A gateway that root runs must not lock out the user whose folder it is.
fn give_to_owner_of(folder: &Path, file: &fs::File) -> io::Result<()> {
    let (folder, made) = (fs::metadata(folder)?, file.metadata()?);
    if made.uid() == 0 && folder.uid() != 0 {
        fchown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

/// No file, no reader: another process may just be closing the last connection, which removes the companions.
///
/// Mallory, who may write in the folder, could put a link there, for the gateway or for root to change what the
/// link leads to. So the file is named by a descriptor, and a link is none of ours.
fn keep_private(file: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let named = fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(file);
    let named = match named {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let found = named.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is a link or no file at all, and none is followed here"));
    }
    let is_open_to_others = found.permissions().mode() & 0o077 != 0;
    if !is_open_to_others {
        return Ok(());
    }
    // fchmod(2) takes no descriptor that only names a file.
    fs::set_permissions(format!("/proc/self/fd/{}", named.as_raw_fd()), fs::Permissions::from_mode(0o600))
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
        // Among others what SQLite says when there is no room for the file that its readers share.
        Some(ErrorCode::SystemIoFailure) => {
            "; make room on the disk if it is full, see the system's log if it is not"
        }
        _ => "",
    }
}

const RUN_AS_OWNER: &str =
    "; run this as the user that the gateway runs as, and let that user own the state folder";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const WAL_RETRY: Duration = Duration::from_millis(20);
/// What stands behind the name of a database in those of the files beside it: the write-ahead log, and the memory that
/// its readers share.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];
/// More would be no accident.
const OPENING_TRIES: usize = 5;
