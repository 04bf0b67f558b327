//! Files that nobody but their owner can read.
//!
//! Databases and the key of the throttle are made here. A file appears under its name complete, with mode 0600, and
//! belongs to the owner of its folder, so that a command of root does not lock the gateway out.
//!
//! Symbolic links are not followed. Mallory, who may write in the folder, could put one there for root to read or
//! change the file that it names.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    },
    path::{Path, PathBuf},
    thread,
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The rule for a file that exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// The file stays, and nothing is written. Of several processes, the first one wins.
    Stays,
    /// The new file replaces it.
    Replaced,
}

/// Makes a folder, and those above it, with mode 0700. An existing folder stays as it is.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            io::Error::new(error.kind(), "a part of this path is a file and no folder")
        }
        _ => error,
    })
}

/// Makes a file with these contents, durable when this returns.
///
/// The file gets its name after its descriptor is closed: another thread may have the file open, and locked, from
/// then on, and closing a descriptor drops the locks of the whole process.
pub(crate) fn create(path: &Path, contents: &[u8], existing: Existing) -> io::Result<()> {
    let temporary = temporary_name(path);
    fs::remove_file(&temporary).ok();
    let written = write_temporary(&temporary, folder_of(path), contents);
    let created = written.and_then(|()| match existing {
        Existing::Replaced => fs::rename(&temporary, path),
        Existing::Stays => fs::hard_link(&temporary, path),
    });
    fs::remove_file(&temporary).ok();
    match existing {
        Existing::Stays if fs::symlink_metadata(path).is_ok() => Ok(()),
        _ => created,
    }
}

/// Reads a text of at most `max_bytes`; what is beyond is left out.
pub(crate) fn read_text(path: &Path, max_bytes: usize) -> io::Result<Zeroizing<String>> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut text = Zeroizing::new(String::with_capacity(max_bytes));
    file.take(max_bytes as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Takes the permissions of everybody but the owner from an existing file. A missing file is none to protect.
///
/// The file is named by a descriptor that has no part in locks (`O_PATH`), so that a link is refused and a lock of
/// this process on the file stays.
pub(crate) fn protect(path: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let named = fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let named = match named {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let metadata = named.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is a link or no file at all, and none is followed here"));
    }
    let is_open_to_others = metadata.permissions().mode() & 0o077 != 0;
    if !is_open_to_others {
        return Ok(());
    }
    // fchmod(2) takes no descriptor that only names a file.
    fs::set_permissions(format!("/proc/self/fd/{}", named.as_raw_fd()), fs::Permissions::from_mode(0o600))
}

/// The folder of a file; the working directory for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Different for each process and thread: several may create the same file at the same time.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{:?}", std::process::id(), thread::current().id()));
    PathBuf::from(name)
}

fn write_temporary(temporary: &Path, folder: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    give_to_owner_of(folder, &file)
}

/// A file that root makes in a user's folder belongs to that user.
fn give_to_owner_of(folder: &Path, file: &fs::File) -> io::Result<()> {
    let (folder, created) = (fs::metadata(folder)?, file.metadata()?);
    if created.uid() == 0 && folder.uid() != 0 {
        fchown(file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_created_file_is_private_and_an_existing_one_stays_or_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create(&path, b"one", Existing::Stays).unwrap();
        assert_eq!(mode(&path), 0o600);
        create(&path, b"two", Existing::Stays).unwrap();
        assert_eq!(*read_text(&path, 10).unwrap(), "one");
        create(&path, b"two", Existing::Replaced).unwrap();
        assert_eq!(*read_text(&path, 2).unwrap(), "tw");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "temporary files are removed");
    }

    #[test]
    fn a_symbolic_link_is_neither_read_nor_protected() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        fs::write(&target, "text").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&target, &link).unwrap();
        assert!(read_text(&link, 10).is_err());
        assert!(protect(&link).is_err());
        assert_eq!(mode(&target), 0o644);
        protect(&target).unwrap();
        assert_eq!(mode(&target), 0o600);
        protect(&folder.path().join("missing")).unwrap();
    }
}
