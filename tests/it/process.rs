//! The built binary as an operator runs it: files, signals, a service manager, a crash, its logs.

use std::{
    collections::BTreeMap,
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::{Command, Stdio},
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

use http::{Method, Request};

use crate::support::{
    client::plain_get,
    cookies::{FORM, SESSION},
    process::{Process, Workplace, mode, set_up_links, text, until},
    upstream::{Gate, Upstream, public_app},
    visitor::{Protocol, form},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const NEW_PASSWORD: &str = "seven violet lanterns hum";
const PASSWORD: &str = "quiet otters fold umbrellas";

#[test]
fn two_lines_are_enough_to_start() {
    let place = Workplace::empty();
    place.write(WHOAMI);
    // Its own default ports may be taken here; only what it says of the file counts.
    let output = place.run(&["user", "list"], "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "there are no users yet\n");
}

#[test]
fn the_first_start_makes_private_files_and_prints_one_set_up_link() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    gateway.set_up_link();
    let (status, out, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(set_up_links(&err).len(), 1, "{err}");
    assert!(!out.contains("setup?token"), "the link went to the log:\n{out}");
    for (name, expected) in [
        ("certs/self-signed.key", 0o600),
        ("certs/self-signed.pem", 0o644),
        ("state", 0o700),
        ("state/users.db", 0o600),
    ] {
        assert_eq!(mode(&place.path(name)), expected, "{name}");
    }
    // A second start finds its own files.
    let certificate = std::fs::read(place.path("certs/self-signed.pem")).unwrap();
    let again = place.start();
    again.set_up_link();
    assert_eq!(std::fs::read(place.path("certs/self-signed.pem")).unwrap(), certificate);
}

#[test]
fn the_set_up_link_makes_the_first_superuser_and_works_once() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    let link = gateway.set_up_link();
    let curl = Curl::new(&place, &gateway);

    assert_eq!(curl.get("/.gateway/setup?token=guess").0, 404);
    assert_eq!(curl.get("/.gateway/setup").0, 404);
    let (status, page) = curl.get(&link);
    assert_eq!(status, 200, "{page}");
    let (csrf, token) = (field(&page, "csrf"), field(&page, "token"));
    let fill_in = |name: &str, new: &str, again: &str| {
        let fields =
            [("csrf", &*csrf), ("token", &token), ("username", name), ("password", new), ("again", again)];
        curl.post("/.gateway/setup", &fields)
    };
    for (name, new, again, complaint) in [
        ("root", PASSWORD, "another", "not the same"),
        ("root", "root", "root", "too short"),
        ("root", "12345678", "12345678", "easy to guess"),
        ("a b", PASSWORD, PASSWORD, ""),
        ("", PASSWORD, PASSWORD, ""),
    ] {
        let (status, page) = fill_in(name, new, again);
        assert_eq!(status, 422, "{name} {new} {again}: {page}");
        assert!(page.contains(complaint), "{complaint}: {page}");
    }
    assert_eq!(fill_in("root", PASSWORD, PASSWORD).0, 303);
    let (status, account) = curl.get("/.gateway/account");
    assert_eq!(status, 200, "signed in at once: {account}");
    assert!(account.contains("You are the first superuser."), "{account}");

    let stranger = Curl::new(&place, &gateway);
    assert_eq!(stranger.get(&link).0, 404, "the link works twice");
    assert_eq!(stranger.post("/.gateway/setup", &[("token", &token), ("username", "second")]).0, 404);
    let (status, _, err) = gateway.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(set_up_links(&err).len(), 1);

    let users: serde_json::Value =
        serde_json::from_str(&place.run_well(&["user", "list", "--json"], "")).unwrap();
    assert_eq!(users.as_array().map(Vec::len), Some(1), "{users}");
    assert_eq!((&users[0]["name"], &users[0]["superuser"]), (&"root".into(), &true.into()), "{users}");

    let gateway = place.start();
    let mut root = gateway.visitor();
    root.sign_in("root", PASSWORD);
    let (_, _, err) = gateway.stop();
    assert!(set_up_links(&err).is_empty(), "a second start offers to set up again:\n{err}");
}

#[test]
fn one_of_many_who_use_the_set_up_link_at_once_wins() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    let mut visitor = gateway.visitor();
    let page = visitor.get(&gateway.set_up_link());
    let (csrf, token) = (page.field("csrf"), page.field("token"));
    let names: Vec<_> = (0..8).map(|number| format!("root{number}")).collect();
    let requests = names.iter().map(|name| {
        let fields = [
            ("csrf", &*csrf),
            ("token", &token),
            ("username", name),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        form("/.gateway/setup", &fields, &[])
    });
    let statuses: Vec<_> =
        visitor.send_all(requests.collect()).iter().map(|response| response.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 7, "{statuses:?}");
    let users = place.run_well(&["user", "list", "--json"], "");
    assert_eq!(users.matches("\"superuser\": true").count(), 1, "{users}");
}

#[test]
fn a_user_added_at_the_command_line_closes_the_set_up_link() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    let link = gateway.set_up_link();
    place.run_well(&["user", "add", "alice"], PASSWORD);
    let mut stranger = gateway.visitor();
    until("the link is closed", || stranger.get(&link).status == 404);
}

#[test]
fn sigterm_ends_running_requests_and_takes_no_new_connection() {
    let (upstream, response) = slow_upstream();
    let place = Workplace::new("", &public_app(&upstream.url, ""));
    let mut gateway = place.start();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        // Warms nothing up but the test: both protocols reach the upstream.
        assert_eq!(gateway.visitor().speaking(protocol).get("/quick").status, 200);
    }
    let visitors = [gateway.visitor(), gateway.visitor().speaking(Protocol::Http2)];
    let running: Vec<_> =
        visitors.into_iter().map(|mut visitor| thread::spawn(move || visitor.get("/slow"))).collect();
    for _ in &running {
        upstream.wait_for_note("slow");
    }
    gateway.signal("TERM");
    gateway.stderr.wait_for_text("stopping");
    until("new connections are refused", || TcpStream::connect(gateway.https).is_err());
    until("readiness says that it drains", || gateway.status("/readyz").starts_with("HTTP/1.1 503 "));
    assert!(running.iter().all(|request| !request.is_finished()), "a running request was cut off");
    drop(response);
    for request in running {
        let response = request.join().expect("a response");
        assert_eq!((response.status.as_u16(), response.text().as_str()), (200, "slow"));
    }
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.stderr.so_far());
    let out = gateway.stdout.so_far();
    assert_eq!(out.matches("\"path\":\"/slow\"").count(), 2, "lines are missing in the access log:\n{out}");
}

#[test]
fn a_second_sigterm_does_not_wait() {
    let (upstream, _answer) = slow_upstream();
    let place = Workplace::new("", &public_app(&upstream.url, ""));
    let mut gateway = place.start();
    let mut visitor = gateway.visitor();
    let mut connection = visitor.connect();
    let running = thread::spawn(move || {
        let request = Request::get("/slow").body(String::new()).unwrap();
        visitor.try_send_over(&mut connection, request)
    });
    upstream.wait_for_note("slow");
    gateway.signal("TERM");
    gateway.stderr.wait_for_text("stopping");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.stderr.so_far());
    assert!(running.join().expect("no panic").is_none(), "a response came from nowhere");
}

#[test]
fn sighup_takes_new_rules_and_drops_no_connection() {
    let rules = |allow: &str| {
        format!(
            "{WHOAMI}\n[[app.rule]]\npath = \"/door\"\nallow = {allow}\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\""
        )
    };
    let place = Workplace::new("", &rules("\"anyone\""));
    let gateway = place.start();
    let mut visitor = gateway.visitor();
    let mut connection = visitor.connect();
    let mut ask = || {
        let request = Request::get("/door").body(String::new()).unwrap();
        visitor.send_over(&mut connection, request).status.as_u16()
    };
    assert_eq!(ask(), 200);

    place.write(&Workplace::configuration("", &rules("\"authenticated\"")));
    gateway.signal("HUP");
    gateway.stderr.wait_for_text("configuration reloaded");
    assert_eq!(ask(), 401, "the new rule does not hold");

    let broken = rules("\"everybody\"").replace("upstream", "upsteam");
    place.write(&Workplace::configuration("", &broken));
    gateway.signal("HUP");
    gateway.stderr.wait_for_text("was not reloaded");
    let errors = gateway.stderr.wait_for("both mistakes", |text| {
        let errors = text.split_once("was not reloaded").map(|(_, errors)| errors)?;
        (errors.contains("everybody") && errors.contains("upsteam") && errors.contains(" errors"))
            .then(|| errors.to_owned())
    });
    assert!(errors.contains("gateway.toml:"), "no place: {errors}");
    assert_eq!(ask(), 401, "a broken file changed the rules");

    place.write(&Workplace::configuration("", &rules("\"anyone\"")));
    gateway.signal("HUP");
    gateway.stderr.wait_for("a second reload", |text| {
        (text.matches("configuration reloaded").count() == 2).then_some(())
    });
    assert_eq!(ask(), 200);
    let (status, _, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
}

/// Docker, or `2>&1 | logger`, reads both streams, and may stop reading. Entries and messages are queued or dropped then, and requests go on.
#[test]
fn requests_and_shutdown_do_not_wait_for_a_reader_of_the_logs() {
    let place = Workplace::new("", &public_app(&Upstream::dead(), ""));
    let (mut gateway, unread) = place.start_unread();
    let mut visitor = gateway.visitor();
    let mut connection = visitor.connect();
    // A warning each, and a line in the access log: several times what a pipe holds.
    for number in 0..1500 {
        let path = format!("/{number}/{}", "p".repeat(100));
        let request = Request::get(path).body(String::new()).unwrap();
        assert_eq!(visitor.send_over(&mut connection, request).status, 502, "request {number}");
    }
    let metrics = gateway.status("/metrics");
    let dropped = metrics
        .lines()
        .find_map(|line| line.strip_prefix("portcullis_log_lines_dropped_total{stream=\"stderr\"} "));
    assert!(dropped.is_some_and(|count| count.parse::<u64>().is_ok()), "{metrics}");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    drop(unread);
}

/// A gateway that is starting: its ports are open, and the database of users is locked. The start goes on once the lock is
/// dropped.
fn starting(place: &Workplace) -> (Process, rusqlite::Connection) {
    let port = listener().local_addr().unwrap().port();
    place.run_well(&["user", "add", "alice"], PASSWORD);
    place.write(&format!("[server]\nhttps = [\"127.0.0.1:{port}\"]\nstatus = \"127.0.0.1:0\"\n{WHOAMI}\n"));
    let lock = rusqlite::Connection::open(place.path("state/users.db")).unwrap();
    lock.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE mine (x)").unwrap();
    let mut command = place.command(&[]);
    command.stdout(Stdio::piped());
    let gateway = place.begin(command);
    until("the port is open", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (gateway, lock)
}

#[test]
fn a_sighup_that_comes_while_the_gateway_starts_reloads() {
    let place = Workplace::new("", WHOAMI);
    let (mut gateway, lock) = starting(&place);
    gateway.signal("HUP");
    drop(lock);
    gateway.wait_until_it_serves();
    gateway.stderr.wait_for_text("configuration reloaded");
    let (status, _, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
}

#[test]
fn a_sigterm_that_comes_while_the_gateway_starts_ends_it() {
    let place = Workplace::new("", WHOAMI);
    let (mut gateway, lock) = starting(&place);
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.stderr.so_far());
    drop(lock);
}

#[test]
fn a_reload_names_the_changed_settings_that_wait_for_a_restart() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    let sections = "[log]\naccess = false\n[limits]\nmax_body = \"1MiB\"\n[session]\nlifetime = \"2h\"";
    place.write(&Workplace::configuration(sections, WHOAMI).replace("workers = 2", "workers = 1"));
    let reloaded = place.run(&["reload"], "");
    let err = text(&reloaded.stderr);
    assert_eq!(reloaded.status.code(), Some(0), "{err}");
    // Bodies and times of sessions are changed by the reload.
    let named = "changed, and in use after a restart alone: `workers`, [log]\n";
    assert!(err.ends_with(named), "{err}");
    gateway.stderr.wait_for_text(&format!("configuration reloaded; {named}"));
    place.write(&Workplace::configuration("", WHOAMI));
    let err = text(&place.run(&["reload"], "").stderr);
    assert!(!err.contains("restart"), "as at the start: {err}");
}

/// The command of `ExecReload=` in the service unit: `systemctl reload` fails where it fails.
#[test]
fn the_reload_command_waits_for_the_verdict_and_fails_when_the_file_is_refused() {
    let rules = |allow: &str| format!("{WHOAMI}\n[[app.rule]]\npath = \"/**\"\nallow = \"{allow}\"");
    let place = Workplace::new("", &rules("anyone"));
    let nobody = place.run(&["reload"], "");
    let err = text(&nobody.stderr);
    assert!(nobody.status.code() == Some(1) && err.contains("no gateway answers"), "{err}");
    let gateway = place.start();
    let mut visitor = gateway.visitor();
    let mut ask = || visitor.fetch(&Method::GET, "/").status.as_u16();
    assert_eq!(ask(), 200);

    let unit = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/portcullis.service"));
    let unit = unit.unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecReload=")).unwrap();
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("/usr/local/bin/portcullis"));
    let file = place.path("gateway.toml").display().to_string();
    let arguments: Vec<String> =
        words.map(|word| word.replace("/etc/portcullis/gateway.toml", &file)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert!(arguments.contains(&&*file), "{line}");

    place.write(&Workplace::configuration("", &rules("authenticated")));
    let out = place.run_well(&arguments, "");
    assert!(out.starts_with("reloaded ") && out.contains("gateway.toml"), "{out}");
    assert_eq!(ask(), 401, "it is in use when the command returns");

    place.write(&Workplace::configuration("", &rules("everybody")));
    let refused = place.run(&arguments, "");
    let err = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{err}");
    assert!(err.contains("everybody") && err.contains("was not reloaded"), "{err}");
    assert_eq!(ask(), 401, "a refused file changed the rules");

    // An error that only the gateway finds is reported, too.
    place.write(&Workplace::configuration("", &rules("anyone")));
    std::fs::remove_dir_all(place.path("certs")).unwrap();
    std::fs::write(place.path("certs"), "in the way").unwrap();
    let refused = place.run(&arguments, "");
    let err = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{err}");
    assert!(err.contains("was not reloaded") && err.contains("certs"), "{err}");
    assert_eq!(ask(), 401);
}

/// Several gateways may have one state folder: a command finds the one that reads its configuration.
#[test]
fn the_reload_command_reaches_the_gateway_that_reads_the_same_file() {
    let place = Workplace::empty();
    let allow = |name: &str, who: &str| {
        std::fs::create_dir_all(place.path(name)).unwrap();
        let rule = format!("{WHOAMI}\n[[app.rule]]\npath = \"/**\"\nallow = \"{who}\"");
        let text = format!("state = \"../state\"\n{}", Workplace::configuration("", &rule));
        std::fs::write(place.path(&format!("{name}/gateway.toml")), text).unwrap();
    };
    let gateways = ["one", "two"].map(|name| {
        allow(name, "anyone");
        place.start_in(name, place.command(&["-c", &format!("{name}/gateway.toml")]))
    });
    let asked = || gateways.each_ref().map(|it| it.visitor().fetch(&Method::GET, "/").status.as_u16());
    assert_eq!(asked(), [200, 200]);
    allow("two", "authenticated");
    allow("one", "authenticated");
    place.run_well(&["reload", "-c", "two/gateway.toml"], "");
    assert_eq!(asked(), [200, 401]);
    place.run_well(&["reload", "-c", "one/gateway.toml"], "");
    assert_eq!(asked(), [401, 401]);
}

#[test]
fn an_error_names_a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let place = Workplace::empty();
    for section in ["https", "http"] {
        let other = if section == "http" { "https = [\"127.0.0.1:0\"]\n" } else { "" };
        place.write(&format!("[server]\n{other}{section} = [\"{addr}\"]\n{WHOAMI}\n"));
        let output = place.run(&[], "");
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains(&format!("cannot listen on {addr}")) && err.contains("already"), "{err}");
    }
    // Two gateways cannot share a port by accident either.
    let first = Workplace::new("", WHOAMI);
    let running = first.start();
    place.write(&format!("[server]\nhttps = [\"{}\"]\n{WHOAMI}\n", running.https));
    let output = place.run(&[], "");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
}

#[test]
fn a_mistake_in_the_configuration_refuses_the_start_and_is_shown() {
    let place = Workplace::new(
        "[sesion]\n",
        "[[app]]\nupstream = \"ftp://x\"\n[[app.rule]]\npath = \"x\"\nallow = \"all\"",
    );
    let output = place.run(&[], "");
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for part in ["gateway.toml:", "sesion", "session", "ftp", "\"all\"", "4 errors"] {
        assert!(err.contains(part), "{part} is missing:\n{err}");
    }
    assert!(!err.contains('\u{1b}'), "colours in a file:\n{err}");
    assert_eq!(text(&output.stdout), "");
    assert!(!place.path("state").exists() && !place.path("certs").exists(), "it made files all the same");

    let nothing = Workplace::empty().run(&[], "");
    let err = text(&nothing.stderr);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(err.contains("gateway.toml"), "{err}");
}

#[test]
fn the_configuration_file_is_named_before_or_after_the_command() {
    let place = Workplace::empty();
    std::fs::create_dir(place.path("etc")).unwrap();
    std::fs::write(place.path("etc/site.toml"), Workplace::configuration("", WHOAMI)).unwrap();
    let file = "etc/site.toml";
    place.run_well(&["--config", file, "user", "add", "alice"], PASSWORD);
    place.run_well(&["user", "--config", file, "add", "bob"], PASSWORD);
    place.run_well(&["user", "add", "carol", "-c", file], PASSWORD);
    let listed = place.run_well(&["user", "list", "--config=etc/site.toml"], "");
    assert!(["alice", "bob", "carol"].iter().all(|name| listed.contains(name)), "{listed}");
    assert!(place.path("etc/state/users.db").exists(), "state is beside the file that names it");
    for arguments in [&["--config", file][..], &["serve", "--config", file], &["--config", file, "serve"]] {
        let gateway = place.start_in("etc", place.command(arguments));
        assert_eq!(gateway.stop().0.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn commands_used_wrongly_exit_with_2() {
    let place = Workplace::new("", WHOAMI);
    for arguments in [
        &["--frobnicate"][..],
        &["frobnicate"],
        &["serve", "now"],
        &["user"],
        &["user", "add"],
        &["user", "add", "alice", "--password", "x"],
        &["user", "add", "a b"],
        &["--config"],
    ] {
        let output = place.run(arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["user", "--help"], &["help"]] {
        let output = place.run(arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_service_manager_hears_ready_watchdog_and_stopping() {
    let place = Workplace::new("", WHOAMI);
    let socket = UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let notification = || {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("a notification");
        text(&buffer[..length]).trim().to_owned()
    };
    let mut command = place.command(&[]);
    // A slow reader: the socket holds ten datagrams, and one that finds it full is lost.
    command.env("NOTIFY_SOCKET", place.path("notify")).env("WATCHDOG_USEC", "400000");
    let mut gateway = place.start_command(command);
    until("READY=1", || notification() == "READY=1");
    assert_eq!(gateway.visitor().fetch(&Method::GET, "/").status, 401, "ready and not serving");
    for _ in 0..2 {
        until("WATCHDOG=1", || notification() == "WATCHDOG=1");
    }
    gateway.signal("TERM");
    until("STOPPING=1", || notification() == "STOPPING=1");
    assert_eq!(gateway.wait().code(), Some(0));
}

#[test]
fn sockets_that_are_passed_on_are_used() {
    let place = Workplace::empty();
    // Neither could be bound: there is no such address here.
    let nowhere = "[server]\nhttps = [\"192.0.2.1:443\"]\nhttp = [\"192.0.2.1:80\"]\n[log]\naccess = false";
    place.write(&format!("{nowhere}\n{WHOAMI}\n"));
    let (https, http) = (listener(), listener());
    let addrs = (https.local_addr().unwrap(), http.local_addr().unwrap());
    // As `systemd` does: descriptors from 3 on, and the number of the process that they are for.
    let script = "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_PID=$$; exec \"$0\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_portcullis")])
        .current_dir(place.path(""))
        .envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "https:http")])
        .stdin(Stdio::from(OwnedFd::from(https)))
        .stdout(Stdio::from(OwnedFd::from(http)));
    let mut gateway = place.start_as(command);
    assert_eq!((gateway.https, gateway.http), addrs);
    assert_eq!(gateway.visitor().fetch(&Method::GET, "/").status, 401);
    let redirect = plain_get(gateway.http, "/x");
    assert!(redirect.starts_with("HTTP/1.1 308 "), "{redirect}");
    assert!(redirect.contains(&format!("https://localhost:{}/x", addrs.0.port())), "{redirect}");
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.stderr.so_far());
}

#[test]
fn an_acknowledged_set_up_and_password_change_survive_a_crash() {
    let place = Workplace::new("", WHOAMI);
    let mut gateway = place.start();
    let link = gateway.set_up_link();
    let mut root = gateway.visitor();
    let page = root.get(&link);
    let (csrf, token) = (page.field("csrf"), page.field("token"));
    let fields = [
        ("csrf", &*csrf),
        ("token", &token),
        ("username", "root"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(root.submit("/.gateway/setup", &fields).status, 303);
    gateway.signal("KILL");
    gateway.wait();

    let mut gateway = place.start();
    let mut root = gateway.visitor();
    root.sign_in("root", PASSWORD);
    let csrf = root.get("/.gateway/account/password").field("csrf");
    let new = "seven violet lanterns hum";
    let fields = [("csrf", &*csrf), ("current", PASSWORD), ("new", new), ("again", new)];
    assert_eq!(root.submit("/.gateway/account/password", &fields).status, 303);
    gateway.signal("KILL");
    gateway.wait();

    let gateway = place.start();
    assert_eq!(gateway.visitor().sign_in_to("/", "root", PASSWORD).status, 401, "the old password is back");
    gateway.visitor().sign_in("root", new);
    let (status, _, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(set_up_links(&err).is_empty(), "the user is lost:\n{err}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one day, from its morning to its evening")]
fn the_logs_of_a_whole_day_are_json_and_hold_no_secret() {
    let place = Workplace::new("[groups]\nstaff = [\"wiki.edit\"]", WHOAMI);
    let mut command = place.command(&[]);
    // The most that an operator can ask for.
    command.env("PORTCULLIS_LOG", "trace");
    let gateway = place.start_command(command);
    let mut secrets: BTreeMap<&str, String> = BTreeMap::new();
    let link = gateway.set_up_link();
    let mut root = gateway.visitor();
    let page = root.get(&link);
    let (csrf, token) = (page.field("csrf"), page.field("token"));
    let fields = [
        ("csrf", &*csrf),
        ("token", &token),
        ("username", "root"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    secrets.insert("form cookie", root.cookies[FORM].clone());
    secrets.insert("form token", csrf.clone());
    assert_eq!(root.submit("/.gateway/setup", &fields).status, 303);
    secrets.insert("first session", root.cookies[SESSION].clone());
    assert_eq!(root.get("/page?api_key=a-key-in-the-query").status, 200);
    root.send(
        Request::get("/other")
            .header("authorization", "Bearer a-token-in-a-header")
            .header("cookie", format!("theirs=a-cookie-of-theirs; {SESSION}={}", root.cookies[SESSION]))
            .body(String::new())
            .unwrap(),
    );
    root.submit("/upload", &[("field", "a-value-in-a-body")]);

    let csrf = root.get("/.gateway/account/password").field("csrf");
    secrets.insert("password form's token", csrf.clone());
    let wrong =
        [("csrf", &*csrf), ("current", "a wrong guess"), ("new", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    assert_eq!(root.submit("/.gateway/account/password", &wrong).status, 422);
    let fields = [("csrf", &*csrf), ("current", PASSWORD), ("new", NEW_PASSWORD), ("again", NEW_PASSWORD)];
    assert_eq!(root.submit("/.gateway/account/password", &fields).status, 303);
    secrets.insert("second session", root.cookies[SESSION].clone());
    let csrf = root.get("/.gateway/logout").field("csrf");
    secrets.insert("logout token", csrf.clone());
    root.submit("/.gateway/logout", &[("csrf", &csrf)]);
    root.sign_in_to("/back?to=a-place-in-next", "root", "another wrong guess");
    root.sign_in_to("/", "my-password-in-the-wrong-field", "x");
    root.speaking(Protocol::Http2).sign_in("root", NEW_PASSWORD);
    place.run_well(&["user", "add", "alice", "--group", "staff"], "alice's own umbrella stand");
    let files = std::fs::read_dir(place.path("state")).unwrap();
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let stored: Vec<u8> = files.flat_map(|path| std::fs::read(path).unwrap()).collect();
    assert!(text(&stored).contains("alice"), "not where the users are");
    gateway.stdout.wait_for_text("\"user\":\"alice\"");
    gateway.signal("HUP");
    gateway.stderr.wait_for_text("configuration reloaded");
    let (status, out, err) = gateway.stop();
    assert_eq!(status.code(), Some(0), "{err}");

    for (what, secret) in [
        ("first password", PASSWORD),
        ("second password", NEW_PASSWORD),
        ("alice's password", "alice's own umbrella stand"),
        ("wrong guess", "a wrong guess"),
        ("another wrong guess", "another wrong guess"),
        ("name that was a password", "my-password-in-the-wrong-field"),
        ("query", "a-key-in-the-query"),
        ("query of next", "a-place-in-next"),
        ("header", "a-token-in-a-header"),
        ("cookie", "a-cookie-of-theirs"),
        ("body", "a-value-in-a-body"),
    ] {
        secrets.insert(what, secret.to_owned());
    }
    // The link is shown once, on purpose, and is no entry of the log.
    let messages = err.replace(&link, "");
    for (what, secret) in &secrets {
        assert!(!out.contains(secret), "{what} is in the log:\n{out}");
        assert!(
            !messages.contains(secret),
            "{what} is among the messages:
{messages}"
        );
        assert!(!text(&stored).contains(secret), "{what} is in the database");
    }
    assert!(!out.contains(&token) && !messages.contains(&token), "the set-up link's secret");

    let entries: Vec<serde_json::Value> = out
        .lines()
        .map(|entry| serde_json::from_str(entry).unwrap_or_else(|_| panic!("no JSON: {entry}")))
        .collect();
    let (access, audit): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry["log"] == "access");
    let page = access.iter().find(|entry| entry["path"] == "/page").expect("the page's entry");
    for key in
        ["time", "id", "client", "method", "host", "status", "bytes", "ms", "upstream_ms", "app", "user"]
    {
        assert!(!page[key].is_null(), "{key} is missing: {page}");
    }
    let events: Vec<_> = audit
        .iter()
        .map(|entry| format!("{}/{}", entry["event"].as_str().unwrap(), entry["reason"].as_str().unwrap()))
        .collect();
    for expected in [
        "setup/ok",
        "sign-in/ok",
        "password-change/wrong-password",
        "password-change/ok",
        "sign-out/ok",
        "sign-in-failed/wrong-password",
        "sign-in-failed/unknown-user",
    ] {
        assert!(events.iter().any(|event| event == expected), "{expected} is missing: {events:?}");
    }
    assert!(events.iter().any(|event| event.starts_with("user-changed/")), "{events:?}");
}

#[test]
fn the_status_listener_alone_serves_health_and_readiness() {
    let place = Workplace::new("", WHOAMI);
    let gateway = place.start();
    assert!(gateway.status("/healthz").starts_with("HTTP/1.1 200 "));
    until("it is ready", || gateway.status("/readyz").starts_with("HTTP/1.1 200 "));
    assert_eq!(gateway.visitor().fetch(&Method::GET, "/healthz").status, 401);
    assert_eq!(gateway.visitor().fetch(&Method::GET, "/readyz").status, 401);
}

#[test]
fn an_error_names_a_state_folder_that_cannot_be_made() {
    let place = Workplace::empty();
    place.write(&format!("state = \"/proc/portcullis\"\n{}", Workplace::configuration("", WHOAMI)));
    let output = place.run(&[], "");
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("/proc/portcullis"), "{err}");
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// An upstream that responds to `/slow` once it is let through, and to anything else at once.
fn slow_upstream() -> (Upstream, Sender<()>) {
    let (response, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request()? {
            let is_slow = request.asked() == "GET /slow";
            if is_slow {
                conn.note("slow");
                gate.wait();
            }
            let body = if is_slow { "slow" } else { "quick" };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            conn.send(format!("{head}{body}").as_bytes())?;
        }
        Ok(())
    });
    (upstream, response)
}

/// curl with a jar of cookies, which believes the gateway's own certificate and nothing else.
struct Curl {
    jar: tempfile::TempDir,
    certificate: String,
    origin: String,
}

impl Curl {
    fn new(place: &Workplace, gateway: &Process) -> Self {
        let jar = tempfile::tempdir().expect("a folder");
        let certificate = place.path("certs/self-signed.pem").display().to_string();
        Self { jar, certificate, origin: gateway.origin() }
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.run(path, &[])
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut arguments = vec!["--header".to_owned(), format!("Origin: {}", self.origin)];
        for (name, value) in fields {
            arguments.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        self.run(path, &arguments)
    }

    fn run(&self, path: &str, arguments: &[String]) -> (u16, String) {
        let jar = self.jar.path().join("cookies").display().to_string();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--cacert"])
            .args([&self.certificate, "--cookie", &jar, "--cookie-jar", &jar])
            .args(["--header", "Accept: text/html", "--write-out", "\n%{http_code}"])
            .args(arguments)
            .arg(format!("{}{path}", self.origin))
            .output()
            .expect("curl");
        assert!(output.status.success(), "curl: {}", text(&output.stderr));
        let out = text(&output.stdout);
        let (body, status) = out.rsplit_once('\n').expect("a status");
        (status.parse().expect("a status"), body.to_owned())
    }
}

fn field(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let value = page.split_once(&marker).and_then(|(_, rest)| rest.split_once('"'));
    value.unwrap_or_else(|| panic!("no field {name}:\n{page}")).0.to_owned()
}
