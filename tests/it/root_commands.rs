//! Commands that root runs in a state folder of another user, who has prepared it.
//!
//! The folder is given to another user, which needs root; without it the tests fail and say so.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use crate::support::process::{Workplace, text};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PASSWORD: &str = "quiet otters fold umbrellas";

/// The files that commands open in the state folder.
const FILES: [&str; 10] = [
    "users.db",
    "users.db-wal",
    "users.db-shm",
    "sessions.db",
    "sessions.db-wal",
    "sessions.db-shm",
    "throttle.db",
    "throttle.db-wal",
    "throttle.db-shm",
    "device.key",
];

const COMMANDS: [&[&str]; 8] = [
    &["user", "list"],
    &["user", "disable", "alice"],
    &["session", "list"],
    &["session", "revoke", "--all"],
    &["throttle", "list", "--user", "nobody.knows"],
    &["throttle", "clear", "--all"],
    &["explain", "GET", "/", "--user", "alice"],
    &["reload"],
];

/// A gateway's folder whose state is the other user's.
fn workplace() -> Workplace {
    let place = Workplace::new("", WHOAMI);
    let is_root = fs::metadata(place.path("gateway.toml")).unwrap().uid() == 0;
    assert!(is_root, "this test gives a folder to another user, and may not: run the tests as root");
    // The other user has to get to the folder.
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("state")).unwrap();
    fs::set_permissions(place.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    chown(place.path("state"), Some(OTHER), Some(OTHER)).unwrap();
    place
}

fn owner(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.uid(), found.gid())
}

#[test]
fn files_that_root_makes_in_the_state_folder_belong_to_its_owner() {
    let place = workplace();
    place.run_well(&["user", "add", "alice"], PASSWORD);
    for command in COMMANDS {
        // Some have nothing to do yet.
        place.run(command, "");
    }
    let made: Vec<PathBuf> =
        fs::read_dir(place.path("state")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(made.contains(&place.path("state/users.db")), "{made:?}");
    for path in made {
        assert_eq!(owner(&path), (OTHER, OTHER), "{}", path.display());
    }
    let listed = place.run_well(&["user", "list"], "");
    assert!(listed.contains("alice"), "{listed}");
}

/// The other user puts links in the place of files, to files that only root may open.
#[test]
fn a_link_in_the_state_folder_leads_root_nowhere() {
    for name in FILES {
        let place = workplace();
        place.run_well(&["user", "add", "alice"], PASSWORD);
        let roots = tempfile::tempdir().unwrap();
        for (kind, content) in [("empty", &b""[..]), ("full", b"only root may read this\n")] {
            let target = roots.path().join(kind);
            fs::write(&target, content).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
            let link = place.path(&format!("state/{name}"));
            fs::remove_file(&link).ok();
            symlink(&target, &link).unwrap();
            for command in COMMANDS {
                let output = place.run(command, "");
                let shown = [text(&output.stdout), text(&output.stderr)].concat();
                let found = fs::symlink_metadata(&target).unwrap();
                let is_untouched = fs::read(&target).unwrap() == content
                    && (found.uid(), found.gid(), found.permissions().mode() & 0o777) == (0, 0, 0o640);
                assert!(is_untouched, "{name}, {command:?}: {found:?}\n{shown}");
                assert!(!shown.contains("only root may read"), "{name}, {command:?}: {shown}");
            }
            let there: Vec<_> = fs::read_dir(roots.path()).unwrap().map(|it| it.unwrap().path()).collect();
            assert!(there.len() <= 2, "{name}: {there:?}");
        }
    }
}

/// The state folder itself lies in a folder of the other user, who replaces it by a link to one of root's.
#[test]
fn a_link_in_place_of_the_state_folder_leads_root_nowhere() {
    let place = workplace();
    let roots = tempfile::tempdir().unwrap();
    symlink(roots.path(), place.path("state/deeper")).unwrap();
    let rest = Workplace::configuration("", WHOAMI);
    place.write(&format!("state = \"state/deeper\"\n{rest}"));
    let output = place.run(&["user", "add", "mallory"], PASSWORD);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert_eq!(fs::read_dir(roots.path()).unwrap().count(), 0, "it made files in root's folder");
}

/// The user `nobody`, as most systems have it; any that isn't root will do.
const OTHER: u32 = 65534;
