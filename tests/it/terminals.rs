//! Output of the commands on a terminal: no character in it controls the terminal, changes the direction of writing or
//! is invisible.

use std::io::{Read, Write};

use crate::support::process::Workplace;

const PASSWORD: &str = "velvet turbine oyster";
/// CSI of C1, a line of its own in C1, right to left, nothing at all, a tag.
const HOSTILE: &str = "a\u{9b}2J\u{85}\u{202e}moc\u{200b}\u{2066}\u{e0041}";

/// Fails if printed text has a character that controls the terminal, changes the direction or is invisible.
fn harmless(text: &str) -> &str {
    let steers = |c: char| c.is_control() && c != '\n';
    let turns_or_hides = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}');
    assert!(!text.chars().any(|c| steers(c) || turns_or_hides(c)), "{text:?}");
    text
}

#[test]
fn commands_escape_misleading_names_and_paths() {
    // A user name cannot hold such characters; full names, addresses and paths can.
    let rule = "[[app.rule]]\npath = \"/\\u202eadmin\"\nallow = \"anyone\"\n";
    let place = Workplace::new("", &format!("[[app]]\nupstream = \"builtin:whoami\"\n{rule}"));
    let full_name = HOSTILE.replace(['\u{9b}', '\u{85}'], "");
    let add = ["user", "add", "alice", "--email", "a\u{202e}@example.com", "--full-name", &full_name];
    place.run_well(&add, PASSWORD);
    for command in [&["user", "list"][..], &["user", "show", "alice"], &["check"]] {
        assert!(harmless(&place.run_well(command, "")).contains("\\u202e"), "{command:?}");
    }
    let url = "https://localhost/".to_owned() + HOSTILE;
    let explained = place.run_well(&["explain", "GET", &url], "");
    assert!(harmless(&explained).contains("a\\u009b2J\\u0085\\u202emoc\\u200b"), "{explained}");

    // A script still reads what is there.
    let shown = place.run_well(&["user", "show", "alice", "--json"], "");
    let shown: serde_json::Value = serde_json::from_str(harmless(&shown)).unwrap();
    assert_eq!(shown["full_name"], full_name);
    let explained = place.run_well(&["explain", "GET", &url, "--json"], "");
    let explained: serde_json::Value = serde_json::from_str(harmless(&explained)).unwrap();
    assert_eq!(explained["url"], url);

    let failed = place.run(&["--config", "a\u{9b}2J\u{202e}.toml", "check"], "");
    assert!(harmless(&String::from_utf8(failed.stderr).unwrap()).contains("\\u202e"));
}

#[test]
fn session_list_escapes_the_user_agent() {
    let place = Workplace::new("", "[[app]]\nupstream = \"builtin:whoami\"\n");
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let process = place.start();
    let mut visitor = process.visitor();
    let csrf = visitor.get("/.gateway/login?next=/").field("csrf");
    let fields = [("csrf", &*csrf), ("next", "/"), ("username", "alice"), ("password", PASSWORD)];
    let origin = visitor.origin();
    let headers = [("origin", origin.as_str()), ("user-agent", HOSTILE)];
    assert_eq!(visitor.submit_with("/.gateway/login", &fields, &headers).status, 303);
    let listed = place.run_well(&["session", "list", "--json"], "");
    let listed: serde_json::Value = serde_json::from_str(harmless(&listed)).unwrap();
    assert_eq!(listed[0]["user_agent"], HOSTILE);
    harmless(&place.run_well(&["session", "list"], ""));
}

#[test]
fn the_access_log_escapes_the_path() {
    for format in ["json", "text"] {
        let place = Workplace::new(
            &format!("[log]\nformat = {format:?}"),
            "[[app]]\nupstream = \"builtin:whoami\"\n",
        );
        let process = place.start();
        let mut stranger = process.visitor().raw();
        let request = format!("GET /{HOSTILE} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stranger.write_all(request.as_bytes()).unwrap();
        stranger.read_to_end(&mut Vec::new()).ok();
        process.stdout.wait_for_text("2J");
        let log = process.stdout.so_far();
        assert!(harmless(&log).contains("moc"), "{log}");
    }
}
