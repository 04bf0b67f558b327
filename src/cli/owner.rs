//! Commands that root runs continue as the owner of the state folder.
//!
//! Mallory has taken over the service's account, and waits for root to run a command. She puts links into the state
//! folder, or replaces a file that root has just made by a link: as root, the command would open, change and give away
//! the targets of her links. As the owner of the folder it can do nothing that she could not do herself.

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

/// Starts the command again as the owner of the state folder, with no group but the folder's, if root runs it and
/// another user owns the folder. The caller calls it before it opens a file of the folder, and before it reads input or
/// writes output. It returns if there is nothing to do, or if it fails.
pub(super) fn become_owner_of(folder: &Path) -> Result<(), OwnerError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let Some((user, group)) = owner(folder) else { return Ok(()) };
    // `uid` drops root's other groups.
    let source = Command::new("/proc/self/exe")
        .arg0(env::args_os().next().unwrap_or_else(|| "portcullis".into()))
        .args(env::args_os().skip(1))
        .gid(group)
        .uid(user)
        .exec();
    Err(OwnerError { folder: folder.to_owned(), user, source })
}

/// The first owner on the path who is not root: the owner of a folder chooses its contents. `None` if root owns every
/// part that exists.
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
            // Root owns the link; another user may own its target.
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
