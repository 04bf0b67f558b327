//! A database file that is replaced, removed, truncated or locked while the gateway runs, and a command that changes it
//! then. A command that succeeds has changed the data that the gateway uses; one that could not fails and says so.

use std::{fs, path::PathBuf, process::Output};

use http::Method;
use rusqlite::Connection;

use crate::support::{
    process::{Process, Workplace, text, until},
    visitor::Visitor,
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PASSWORD: &str = "quiet otters fold umbrellas";

/// A change of a database file behind the back of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// A copy of it as it is takes its place.
    Replaced,
    /// The same, and its companions stay: whoever copies files knows of none.
    MovedOver,
    /// A copy from before takes its place.
    RestoredOlder,
    Removed,
    Truncated,
    /// Another process has a lock on it.
    Held,
}

const HAPPENINGS: [Happening; 6] = [
    Happening::Replaced,
    Happening::MovedOver,
    Happening::RestoredOlder,
    Happening::Removed,
    Happening::Truncated,
    Happening::Held,
];

/// A running gateway with alice, and one of its databases.
struct Scene {
    place: Workplace,
    gateway: Process,
    database: PathBuf,
    holder: Option<Connection>,
}

impl Scene {
    /// `older` is when the copy from before is made.
    fn set(database: &str, happening: Happening) -> Self {
        let place = Workplace::new("", WHOAMI);
        place.run_well(&["user", "add", "alice"], PASSWORD);
        let gateway = place.start();
        let database = place.path(&format!("state/{database}"));
        let this = Self { place, gateway, database, holder: None };
        if happening == Happening::RestoredOlder {
            this.copy_to("older.db");
        }
        this
    }

    fn alice(&self) -> Visitor {
        let mut alice = self.gateway.visitor();
        alice.sign_in("alice", PASSWORD);
        assert_eq!(alice.get("/").status, 200);
        alice
    }

    /// As the installation guide has it.
    fn copy_to(&self, name: &str) {
        let copy = format!("VACUUM INTO '{}'", self.place.path(name).display());
        Connection::open(&self.database).unwrap().execute_batch(&copy).unwrap();
    }

    fn put_in_place(&self, name: &str) {
        self.remove_companions();
        fs::rename(self.place.path(name), &self.database).unwrap();
    }

    fn remove_companions(&self) {
        for suffix in ["-wal", "-shm"] {
            let mut name = self.database.clone().into_os_string();
            name.push(suffix);
            fs::remove_file(name).ok();
        }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Replaced => {
                self.copy_to("copy.db");
                self.put_in_place("copy.db");
            }
            Happening::MovedOver => {
                self.copy_to("copy.db");
                fs::rename(self.place.path("copy.db"), &self.database).unwrap();
            }
            Happening::RestoredOlder => self.put_in_place("older.db"),
            Happening::Removed => {
                fs::remove_file(&self.database).unwrap();
                self.remove_companions();
            }
            Happening::Truncated => {
                let file = fs::OpenOptions::new().write(true).open(&self.database).unwrap();
                file.set_len(0).unwrap();
            }
            Happening::Held => {
                let holder = Connection::open(&self.database).unwrap();
                holder.execute_batch("BEGIN IMMEDIATE").unwrap();
                self.holder = Some(holder);
            }
        }
    }

    /// Runs a command; whether it says that it was done.
    fn command(&self, arguments: &[&str], happening: Happening) -> bool {
        let output: Output = self.place.run(arguments, "");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        match happening {
            // The file is whole: the command has no reason to fail.
            Happening::Replaced | Happening::MovedOver | Happening::RestoredOlder => {
                assert!(output.status.success(), "{happening:?}: {out}{err}");
            }
            Happening::Held => {
                assert!(err.contains("another process holds it"), "{happening:?}: {out}{err}");
                assert!(!output.status.success(), "{happening:?}: {out}{err}");
            }
            Happening::Removed | Happening::Truncated => {}
        }
        let is_done = output.status.success();
        assert_eq!(is_done, !err.contains("error:"), "{happening:?}: {out}{err}");
        assert!(is_done || out.is_empty(), "{happening:?} says that something was done: {out}{err}");
        is_done
    }
}

fn is_let_in(visitor: &mut Visitor) -> bool {
    visitor.fetch(&Method::GET, "/").status == 200
}

#[test]
fn a_disabled_user_is_out_whatever_happened_to_the_users_database() {
    for happening in HAPPENINGS {
        let mut scene = Scene::set("users.db", happening);
        let mut alice = scene.alice();
        scene.happens(happening);
        if scene.command(&["user", "disable", "alice"], happening) || happening == Happening::Removed {
            until("alice is out", || !is_let_in(&mut alice));
            let status = scene.gateway.visitor().sign_in_to("/", "alice", PASSWORD).status;
            assert!(status == 401 || status == 503, "{happening:?}: {status}");
        }
        if happening == Happening::Held {
            assert!(is_let_in(&mut alice), "who is signed in goes on");
            scene.gateway.visitor().sign_in("alice", PASSWORD);
        }
    }
}

#[test]
fn a_revoked_session_is_over_whatever_happened_to_the_session_store() {
    for happening in HAPPENINGS {
        let mut scene = Scene::set("sessions.db", happening);
        let mut alice = scene.alice();
        scene.happens(happening);
        if scene.command(&["session", "revoke", "--all"], happening) || happening == Happening::Removed {
            until("the session is over", || !is_let_in(&mut alice));
        }
        if happening == Happening::Held {
            assert!(is_let_in(&mut alice), "who is signed in goes on");
        }
    }
}

#[test]
fn cleared_failed_sign_ins_count_no_more_whatever_happened_to_the_throttle_database() {
    for happening in HAPPENINGS {
        let mut scene = Scene::set("throttle.db", happening);
        for _ in 0..5 {
            let status = scene.gateway.visitor().sign_in_to("/", "alice", "a wrong guess").status;
            assert_eq!(status, 401, "{happening:?}");
        }
        let tried =
            |scene: &Scene| scene.gateway.visitor().sign_in_to("/", "alice", PASSWORD).status.as_u16();
        assert_eq!(tried(&scene), 429, "{happening:?}");
        scene.happens(happening);
        assert_eq!(tried(&scene), 429, "{happening:?} frees the budget");
        if scene.command(&["throttle", "clear", "--all"], happening) {
            until("alice may try again", || tried(&scene) == 303);
        } else {
            assert_eq!(tried(&scene), 429, "{happening:?}");
        }
    }
}

/// A file in the place of the one that is read is noticed without any command.
#[test]
fn the_gateway_notices_a_replaced_users_database() {
    let mut scene = Scene::set("users.db", Happening::RestoredOlder);
    scene.place.run_well(&["user", "add", "bob"], PASSWORD);
    let mut bob = scene.gateway.visitor();
    until("bob is known", || bob.sign_in_to("/", "bob", PASSWORD).status == 303);
    let mut alice = scene.alice();
    scene.happens(Happening::RestoredOlder);
    until("bob is not in the older copy", || !is_let_in(&mut bob));
    assert!(is_let_in(&mut alice), "alice is");
    scene.gateway.stderr.wait_for_text("the users database was removed or replaced");
    // The gateway writes to the file at the path.
    let changed = scene.place.run_well(&["user", "set", "alice", "--full-name", "Alice"], "");
    assert!(changed.contains("changed user alice"), "{changed}");
    let (status, _, err) = scene.gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
}

/// SQLite would read the write-ahead log of the newer file as a part of the older one.
#[test]
fn an_older_copy_moved_over_a_database_is_read_without_the_write_ahead_log_of_the_newer() {
    let scene = Scene::set("users.db", Happening::RestoredOlder);
    for number in 0..10 {
        let name = format!("later{number}");
        scene.place.run_well(&["user", "add", &name, "--no-password", "--group", "staff"], "");
    }
    fs::rename(scene.place.path("older.db"), &scene.database).unwrap();
    scene.gateway.stderr.wait_for_text("the users database was removed or replaced");
    scene.place.run_well(&["user", "set", "alice", "--full-name", "Alice"], "");
    let listed = scene.place.run_well(&["user", "list"], "");
    assert!(listed.contains("alice") && !listed.contains("later"), "{listed}");
    let connection = Connection::open(&scene.database).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    scene.gateway.visitor().sign_in("alice", PASSWORD);
}

/// Without a file there is no user, and above all no first one to be made by whoever comes.
#[test]
fn a_missing_users_database_lets_nobody_in() {
    let mut scene = Scene::set("users.db", Happening::Removed);
    let mut alice = scene.alice();
    scene.copy_to("copy.db");
    scene.happens(Happening::Removed);
    until("nobody is let in", || alice.fetch(&Method::GET, "/").status == 503);
    scene.gateway.stderr.wait_for_text("nobody is let in until this is mended");
    assert!(!scene.database.exists(), "the gateway makes no empty one");
    scene.put_in_place("copy.db");
    until("alice is let in again", || is_let_in(&mut alice));
}

#[test]
fn gateway_and_commands_refuse_a_database_that_is_a_link() {
    for database in ["users.db", "sessions.db", "throttle.db"] {
        let place = Workplace::new("", WHOAMI);
        place.run_well(&["user", "add", "alice"], PASSWORD);
        place.start().stop();
        let (path, elsewhere) = (place.path(&format!("state/{database}")), place.path("elsewhere.db"));
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let before = fs::read(&elsewhere).unwrap();
        let command: &[&str] = match database {
            "users.db" => &["user", "list"],
            "sessions.db" => &["session", "list"],
            _ => &["throttle", "list"],
        };
        for arguments in [&[][..], command] {
            let output = place.run(arguments, "");
            let err = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{database} {arguments:?}: {err}");
            assert!(err.contains(database) && err.contains("link"), "{database} {arguments:?}: {err}");
        }
        assert_eq!(fs::read(&elsewhere).unwrap(), before, "{database} was changed");
    }
}
