//! Programs that speak to applications behind the gateway with an API token: rclone and cadaver (`WebDAV`), vdirsyncer
//! (`CalDAV`). skopeo is in `registry`.
//!
//! Each is the program that people use, with its own settings, in front of the real server. It knows the gateway's
//! certificate and checks it, but for cadaver, which is told to accept it.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use super::{
    document::Recipe,
    python::{start_radicale, start_wsgidav},
    running::{Application, Folder, gateway},
};
use crate::support::gateway::TestGateway;

#[test]
fn rclone_lists_moves_and_deletes_files_with_a_token() {
    let folder = Folder::new();
    let wsgidav = start_wsgidav(&folder);
    let gateway = in_front_of_wsgidav(&wsgidav);
    folder.write("here.txt", "hello");
    let rclone = |password: &str, arguments: &[&str]| {
        let hidden = run(folder.command("rclone obscure -"), password);
        let mut command = folder.command("rclone \"$@\"");
        // The arguments come after the name of the script.
        command.args(["rclone", "--config", "rclone.conf", "--retries", "1", "--low-level-retries", "1"]);
        command.args(["--ca-cert", &gateway.certificate().display().to_string()]);
        command.args(["--webdav-url", &gateway.origin, "--webdav-user", "alice"]);
        command.args(["--webdav-pass", text(&hidden.stdout).trim()]).args(arguments);
        run(command, "")
    };
    let token = gateway.token_of("alice");
    for (arguments, expected) in [
        (&["mkdir", ":webdav:folder"][..], ""),
        (&["copyto", "here.txt", ":webdav:a.txt"], ""),
        (&["lsf", ":webdav:"], "a.txt\nfolder/\n"),
        (&["cat", ":webdav:a.txt"], "hello"),
        (&["moveto", ":webdav:a.txt", ":webdav:folder/b.txt"], ""),
        (&["lsf", "-R", ":webdav:"], "folder/\nfolder/b.txt\n"),
        (&["deletefile", ":webdav:folder/b.txt"], ""),
        (&["lsf", "-R", ":webdav:"], "folder/\n"),
    ] {
        let output = rclone(&token, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), expected, "{arguments:?}");
    }
    let output = rclone("wrong", &["lsf", ":webdav:"]);
    assert!(!output.status.success() && text(&output.stderr).contains("401"), "{}", text(&output.stderr));
}

/// The gateway with the recipe of `WsgiDAV`.
fn in_front_of_wsgidav(wsgidav: &Application) -> TestGateway {
    let configuration = Recipe::of("WsgiDAV").block("toml").with("files.example.com", "localhost");
    gateway(configuration, "127.0.0.1:8080", wsgidav)
}

#[test]
fn cadaver_locks_copies_and_moves_files_with_a_token() {
    let folder = Folder::new();
    let wsgidav = start_wsgidav(&folder);
    let gateway = in_front_of_wsgidav(&wsgidav);
    folder.write("here.txt", "hello");
    folder.write(
        ".netrc",
        &format!("machine localhost\nlogin alice\npassword {}\n", gateway.token_of("alice")),
    );
    // cadaver asks about an unknown certificate at a terminal only; `script` is one.
    let commands = "y\nput here.txt a.txt\nlock a.txt\nget a.txt there.txt\ncopy a.txt b.txt\nmove b.txt c.txt\n\
                    unlock a.txt\ndelete a.txt\nls\nquit\n";
    let output =
        run(folder.command(&format!("script -qec 'cadaver {}/' /dev/null", gateway.origin)), commands);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    for line in [
        "Locking `a.txt': succeeded.",
        "Copying `/a.txt' to `/b.txt':  succeeded.",
        "Moving `/b.txt' to `/c.txt':  succeeded.",
        "Unlocking `a.txt': succeeded.",
        "Deleting `a.txt': succeeded.",
    ] {
        assert!(shown.contains(line), "no {line:?} in\n{shown}");
    }
    assert_eq!(fs::read_to_string(folder.path("there.txt")).expect("the downloaded file"), "hello");
    let left: Vec<_> = fs::read_dir(folder.path("files")).expect("the folder").flatten().collect();
    assert!(left.len() == 1 && left[0].file_name() == "c.txt", "{left:?}");
}

#[test]
fn vdirsyncer_synchronises_a_calendar_with_a_token() {
    let folder = Folder::new();
    let radicale = start_radicale(&folder);
    let gateway = gateway(
        Recipe::of("Radicale").block("toml").with("calendar.example.com", "localhost"),
        "127.0.0.1:5232",
        &radicale,
    );
    folder.write("local/work/1.ics", EVENT);
    let configuration = |local: &str, password: &str| {
        format!(
            "[general]\nstatus_path = \"{local}-status/\"\n[pair calendar]\na = \"local\"\nb = \"remote\"\n\
             collections = [\"work\"]\n[storage local]\ntype = \"filesystem\"\npath = \"{local}/\"\nfileext = \".ics\"\n\
             [storage remote]\ntype = \"caldav\"\nurl = \"{}/\"\nusername = \"alice\"\npassword = \"{password}\"\n\
             verify = \"{}\"\n",
            gateway.origin,
            gateway.certificate().display()
        )
    };
    let token = gateway.token_of("alice");
    folder.write("one.conf", &configuration("local", &token));
    folder.write("two.conf", &configuration("other", &token));
    folder.write("wrong.conf", &configuration("third", "wrong"));
    let vdirsyncer =
        |arguments: &str| run(folder.command(&format!("/usr/bin/vdirsyncer {arguments}")), "y\ny\n");
    // Makes the calendar on the server, and the folder of another computer.
    for arguments in ["-c one.conf discover", "-c one.conf sync", "-c two.conf discover", "-c two.conf sync"]
    {
        let output = vdirsyncer(arguments);
        assert!(output.status.success(), "{arguments}: {}{}", text(&output.stdout), text(&output.stderr));
    }
    let there = fs::read_dir(folder.path("other/work")).expect("the other folder").flatten().next();
    let event = fs::read_to_string(there.expect("an event").path()).expect("the event");
    assert!(event.contains("SUMMARY:New year"), "{event}");
    let output = vdirsyncer("-c wrong.conf discover");
    assert!(!output.status.success() && text(&output.stderr).contains("401"), "{}", text(&output.stderr));
}

/// Runs a command with this on its standard input.
pub fn run(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("sh");
    // A program that has failed does not read.
    child.stdin.take().expect("its standard input").write_all(input.as_bytes()).ok();
    child.wait_with_output().expect("its output")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const EVENT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n\
                     DTSTART:20260101T000000Z\r\nSUMMARY:New year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
