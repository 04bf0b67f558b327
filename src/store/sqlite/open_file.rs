//! Which file a connection has open, and whether its path still leads there.
//!
//! SQLite goes on with the file that it opened, whatever becomes of its name. [`OpenFile`] compares device and inode,
//! and [`ReadFile`] tells commands which file a running gateway reads.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that a path leads to; `None` if there is none.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The file that a connection has open.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    id: FileId,
    /// The largest size that was seen.
    size: u64,
    /// The write-ahead log and the shared memory.
    companions: Vec<(PathBuf, FileId)>,
}

/// The file that the path of an open database leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The file that is open.
    Same,
    /// Another file, or the same one cut short: what was read from it holds no more.
    Other,
    /// Nothing.
    Missing,
}

impl OpenFile {
    /// The file at a path that has just been opened, with its companions.
    pub(super) fn opened(path: &Path, metadata: &fs::Metadata) -> io::Result<Self> {
        let companions = COMPANIONS.into_iter().map(|suffix| companion(path, suffix));
        let companions = companions.map(|path| FileId::at(&path).map(|id| Some((path, id?))));
        let companions = companions.filter_map(Result::transpose).collect::<io::Result<_>>()?;
        Ok(Self { path: path.to_owned(), id: FileId::of(metadata), size: metadata.len(), companions })
    }

    /// The path under which it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// Looks at what the path leads to now.
    pub(super) fn look(&mut self) -> Found {
        match fs::metadata(&self.path) {
            // VACUUM shortens a file. It is then taken for another one, which costs little.
            Ok(metadata) if FileId::of(&metadata) == self.id && metadata.len() >= self.size => {
                self.size = metadata.len();
                Found::Same
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
            _ => Found::Other,
        }
    }

    /// Removes the companions of this file if another file has taken its place: SQLite would take their contents
    /// for a part of the new file.
    pub(super) fn remove_left_companions(&self) -> io::Result<()> {
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

    /// Whether this is `before`, opened once more.
    pub(super) fn continues(&self, before: &Self) -> bool {
        self.id == before.id && self.size >= before.size
    }
}

/// Which file a running gateway reads, for commands that change it. All clones show the same.
#[derive(Clone, Debug, Default)]
pub struct ReadFile(Arc<Mutex<Option<FileId>>>);

impl ReadFile {
    /// The reading of a database that has just been opened.
    pub(super) fn of(file: &OpenFile) -> Self {
        let read = Self::default();
        read.set(Some(file.id));
        read
    }

    /// Shows this file from now on; `None`: no file that could be read.
    pub(super) fn set(&self, id: Option<FileId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    /// The file.
    pub fn id(&self) -> Option<FileId> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path of a file beside a database.
pub(super) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The suffixes of the files beside a database: the write-ahead log, and the memory that its readers share.
pub(super) const COMPANIONS: [&str; 2] = ["-wal", "-shm"];
