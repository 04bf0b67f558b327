//! Which file stands at a path: the same name may come to mean another one.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// A file, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    device: u64,
    inode: u64,
}

impl Place {
    /// The file at a path; `None` if there is none, or nobody can say.
    pub(super) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|found| Self { device: found.dev(), inode: found.ino() })
    }
}
