//! The gateway on a disk that is full or read-only, and with a database that is locked, damaged or replaced.
//!
//! A small file system is mounted for it, which needs root, or sudo without a password. There is no honest
//! substitute (a limit on the size of files gives another error than a full disk), so without either the
//! tests fail and say so.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use http::Method;
use rusqlite::Connection;

use crate::support::process::{Workplace, text, until};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PASSWORD: &str = "quiet otters fold umbrellas";

#[test]
fn a_full_disk_stops_sign_ins_and_serves_sessions_until_there_is_room_again() {
    let disk = SmallDisk::mount("4m");
    let place = disk.workplace();
    let mut gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    let mut signed_in = vec![alice.cookies.clone()];

    let ballast = disk.fill();
    let refused = loop {
        let mut visitor = gateway.visitor();
        let response = visitor.sign_in_to("/", "alice", PASSWORD);
        match response.status.as_u16() {
            // There is always some room left in files that have been made larger before.
            303 => signed_in.push(visitor.cookies.clone()),
            _ => break response,
        }
        assert!(signed_in.len() < 2000, "the disk is never full");
    };
    assert_eq!(refused.status, 503, "{refused:?}");
    gateway.stderr.wait_for_text("nobody can sign in or out until this is mended");
    gateway.stderr.wait_for_text("make room on the disk");
    until("it says that it is not ready", || gateway.status("/readyz").starts_with("HTTP/1.1 503 "));
    assert!(gateway.status("/healthz").starts_with("HTTP/1.1 200 "), "it would be restarted for nothing");
    assert_eq!(alice.get("/").status, 200, "who is signed in goes on");
    assert_eq!(alice.sign_out().status, 503, "an end that cannot be kept is not acknowledged");
    assert_eq!(alice.get("/").status, 200, "and has not happened");

    fs::remove_file(ballast).unwrap();
    until("it heals by itself", || {
        gateway.visitor().sign_in_to("/", "alice", PASSWORD).status.as_u16() == 303
    });
    gateway.stderr.wait_for_text("can be written to again");
    until("it says that it is ready", || gateway.status("/readyz").starts_with("HTTP/1.1 200 "));

    gateway.signal("KILL");
    gateway.wait();
    let gateway = place.start();
    for cookies in signed_in {
        let mut visitor = gateway.visitor();
        visitor.cookies = cookies;
        assert_eq!(visitor.get("/").status, 200, "a sign-in that was acknowledged is lost");
    }
}

#[test]
fn a_disk_that_is_full_at_the_start_is_an_error_that_says_so() {
    let disk = SmallDisk::mount("1m");
    let place = disk.workplace();
    fs::remove_file(disk.path("sessions.db")).ok();
    disk.fill();
    let output = place.run(&[], "");
    refuses_to_start(&output, &["state", "make room on the disk"]);
}

#[test]
fn a_read_only_disk_is_an_error_that_says_so() {
    let disk = SmallDisk::mount("4m");
    let place = disk.workplace();
    let (status, _, err) = place.start().stop();
    assert_eq!(status.code(), Some(0), "{err}");
    disk.remount_read_only();
    refuses_to_start(&place.run(&[], ""), &["state", "can be written to"]);
}

#[test]
fn a_locked_session_database_stops_sign_ins_until_it_is_unlocked() {
    let place = workplace();
    let gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    let holder = Connection::open(place.path("state/sessions.db")).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refused = gateway.visitor().sign_in_to("/", "alice", PASSWORD);
    assert_eq!(refused.status, 503, "{refused:?}");
    gateway.stderr.wait_for_text("another process holds it");
    assert_eq!(alice.get("/").status, 200, "who is signed in goes on");
    holder.execute_batch("ROLLBACK").unwrap();
    gateway.visitor().sign_in("alice", PASSWORD);
    gateway.stderr.wait_for_text("can be written to again");
}

#[test]
fn an_exclusively_locked_session_database_is_an_error_at_the_start() {
    let place = workplace();
    let (status, _, err) = place.start().stop();
    assert_eq!(status.code(), Some(0), "{err}");
    let holder = Connection::open(place.path("state/sessions.db")).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE mine (x)").unwrap();
    refuses_to_start(&place.run(&[], ""), &["sessions.db", "another process holds it"]);
}

#[test]
fn a_damaged_session_database_is_an_error_that_says_what_to_do() {
    let place = workplace();
    place.start().stop();
    let file = place.path("state/sessions.db");
    Connection::open(&file).unwrap().execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let whole = fs::read(&file).unwrap();
    let noise: Vec<u8> = (1..=251).cycle().take(whole.len()).collect();
    let head_lost = [&noise[..100], &whole[100..]].concat();
    let schema_lost = [&whole[..100], &noise[100..]].concat();
    for (what, bytes) in [
        ("noise", noise.as_slice()),
        ("a lost head", &head_lost),
        ("a lost schema", &schema_lost),
        ("a stump", &whole[..3000]),
    ] {
        fs::write(&file, bytes).unwrap();
        let output = place.run(&[], "");
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {err}");
        for part in ["sessions.db", "damaged", "put back a copy or move the file away"] {
            assert!(err.contains(part), "{what}: no {part:?} in: {err}");
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "{what}: it was touched");
    }
    fs::rename(&file, place.path("state/broken.db")).unwrap();
    place.start().visitor().sign_in("alice", PASSWORD);
}

#[test]
fn a_database_of_another_program_or_a_newer_release_is_left_alone() {
    let place = workplace();
    place.start().stop();
    let file = place.path("state/sessions.db");
    for (change, hint) in
        [("user_version = 99", "use the release that wrote it"), ("application_id = 7", "another program")]
    {
        Connection::open(&file).unwrap().execute_batch(&format!("PRAGMA {change}")).unwrap();
        refuses_to_start(&place.run(&[], ""), &["sessions.db", hint]);
    }
}

#[test]
fn removing_the_session_database_signs_everybody_out_and_loses_no_later_session() {
    let place = workplace();
    let mut gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    remove_database(&place);
    let mut later = gateway.visitor();
    later.sign_in("alice", PASSWORD);
    // No session is in the new file, so none is alive.
    until("the old session is over", || alice.fetch(&Method::GET, "/").status == 401);
    gateway.signal("KILL");
    gateway.wait();
    let gateway = place.start();
    let mut visitor = gateway.visitor();
    visitor.cookies = later.cookies;
    assert_eq!(visitor.get("/").status, 200, "it was written to a file that nobody can find");
}

#[test]
fn the_gateway_reads_the_copy_that_replaces_its_session_database() {
    let place = workplace();
    let gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    let (file, copy) = (place.path("state/sessions.db"), place.path("copy.db"));
    let backup = format!("VACUUM INTO '{}'", copy.display());
    Connection::open(&file).unwrap().execute_batch(&backup).unwrap();
    let mut later = gateway.visitor();
    later.sign_in("alice", PASSWORD);
    remove_database(&place);
    fs::rename(copy, file).unwrap();
    until("what is not in the copy is over", || later.fetch(&Method::GET, "/").status == 401);
    assert_eq!(alice.get("/").status, 200, "what is in the copy is alive");
    later.sign_in("alice", PASSWORD);
}

/// A gateway's folder, with alice.
fn workplace() -> Workplace {
    let place = Workplace::new("", WHOAMI);
    place.run_well(&["user", "add", "alice"], PASSWORD);
    place
}

#[test]
fn removing_the_session_database_signs_everybody_out_without_any_write() {
    let place = workplace();
    let gateway = place.start();
    let mut alice = gateway.visitor();
    alice.sign_in("alice", PASSWORD);
    assert_eq!(alice.fetch(&Method::GET, "/").status, 200);
    remove_database(&place);
    until("the session is over", || alice.fetch(&Method::GET, "/").status == 401);
}

fn remove_database(place: &Workplace) {
    for suffix in ["", "-wal", "-shm"] {
        let removed = fs::remove_file(place.path(&format!("state/sessions.db{suffix}")));
        assert!(removed.is_ok() || !suffix.is_empty());
    }
}

fn refuses_to_start(output: &Output, parts: &[&str]) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    for part in parts {
        assert!(err.contains(part), "no {part:?} in: {err}");
    }
}

/// A file system in memory; unmounted when this is dropped.
struct SmallDisk {
    mounted: PathBuf,
    // After `mounted` has been unmounted.
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = folder.path().join("state");
        fs::create_dir(&mounted).unwrap();
        let options = format!("size={size},mode=0777");
        as_root("mount", &["-t", "tmpfs", "-o", &options, "portcullis-test"], &mounted);
        Self { mounted, _folder: folder }
    }

    /// A gateway's folder, with alice, whose state is on this disk.
    fn workplace(&self) -> Workplace {
        let place = Workplace::empty();
        let rest = Workplace::configuration("", WHOAMI);
        place.write(&format!("state = \"{}\"\n{rest}", self.mounted.display()));
        place.run_well(&["user", "add", "alice"], PASSWORD);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.mounted.join(name)
    }

    /// To the last byte; the file that fills it.
    fn fill(&self) -> PathBuf {
        let path = self.path("ballast");
        let mut file: File = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        for size in [64 * 1024, 4096, 1] {
            let piece = vec![1; size];
            let error = loop {
                if let Err(error) = file.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        }
        path
    }

    fn remount_read_only(&self) {
        as_root("mount", &["-o", "remount,ro"], &self.mounted);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root("umount", &["--lazy"], &self.mounted);
    }
}

fn as_root(program: &str, arguments: &[&str], path: &Path) {
    let run = |command: &mut Command| command.args(arguments).arg(path).output();
    let direct = run(&mut Command::new(program));
    if direct.as_ref().is_ok_and(|output| output.status.success()) {
        return;
    }
    let through_sudo = run(Command::new("sudo").args(["-n", program]));
    let worked = through_sudo.is_ok_and(|output| output.status.success());
    assert!(
        worked || std::thread::panicking(),
        "this test mounts a small file system, and may not: run the tests as root, or where sudo asks for no \
         password, and in a container with the capability SYS_ADMIN. {program} {arguments:?} said: {}",
        direct.map_or_else(|error| error.to_string(), |output| text(&output.stderr))
    );
}
