//! Commands that root runs, as the owner of the state folder.
//!
//! Mallory has taken the service's account over, and waits for root to look after the users. She may put links into
//! the state folder, or replace what root has just made by one: as root, the command would open, change and give
//! away what the links lead to. As the owner of the folder it can do nothing that she could not do herself.

use std::{
    env, fs, io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::geteuid;

/// Root could not become the owner of the state folder.
#[derive(Debug, thiserror::Error)]
#[error("becoming the owner of the state folder {}, user {user}: {source}; run this as that user", .folder.display())]
pub(super) struct OwnerError {
    folder: PathBuf,
    user: u32,
    source: io::Error,
}

/// Begins the command again as the owner of the state folder, without any group but the folder's, if root runs it
/// and the folder is not root's own. To be called before anything in the folder is opened and before anything is
/// read or written elsewhere. It returns if there is nothing to be done, or if that cannot be done.
pub(super) fn become_owner_of(folder: &Path) -> Result<(), OwnerError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let Some((user, group)) = owner(folder) else { return Ok(()) };
    // Taking root's other groups away is part of `uid`.
    let source = Command::new("/proc/self/exe")
        .arg0(env::args_os().next().unwrap_or_else(|| "portcullis".into()))
        .args(env::args_os().skip(1))
        .gid(group)
        .uid(user)
        .exec();
    Err(OwnerError { folder: folder.to_owned(), user, source })
}

/// The first on the way to the folder who is not root: whoever owns one folder of a path chooses what lies below it.
/// `None` if all of it, as far as it is there, is root's.
fn owner(folder: &Path) -> Option<(u32, u32)> {
    let whole = std::path::absolute(folder).ok()?;
    let mut walked = PathBuf::new();
    let mut parts = whole.components();
    while let Some(part) = parts.next() {
        walked.push(part);
        let found = fs::symlink_metadata(&walked).ok()?;
        if found.uid() != 0 {
            return Some((found.uid(), found.gid()));
        }
        if found.is_symlink() {
            // Root's own link, and what it leads to may be somebody else's.
            return owner(&fs::canonicalize(&walked).ok()?.join(parts.as_path()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn the_first_owner_on_the_way_who_is_not_root_is_the_owner() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("state/deeper");
        fs::create_dir_all(&folder).unwrap();
        let me = fs::metadata(temp.path()).unwrap();
        assert_eq!(
            me.uid(),
            0,
            "this test gives folders to another user, and may not: run the tests as root"
        );
        assert_eq!(owner(&folder), None);
        assert_eq!(owner(&temp.path().join("missing/too")), None);
        let link = temp.path().join("link");
        symlink(temp.path().join("state"), &link).unwrap();
        chown(temp.path().join("state"), Some(4321), Some(4322)).unwrap();
        assert_eq!(owner(&folder), Some((4321, 4322)), "not root's, although the folder itself is");
        assert_eq!(owner(&link.join("deeper")), Some((4321, 4322)), "through a link of root's");
    }
}
