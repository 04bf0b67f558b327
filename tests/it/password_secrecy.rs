//! No password is in anything that the gateway writes: log at its most talkative, audit stream, metrics, files of the
//! state folder, output of commands.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use http::{Request, header::AUTHORIZATION};

use crate::support::{
    process::{Process, Workplace, text},
    smtp_server::SmtpServer,
    visitor::{Response, Visitor},
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\nprograms = { basic = true }\n\
                   [[app.rule]]\npath = \"/recent/**\"\nallow = \"authenticated\"\nmax_age = \"1s\"";

/// Each of them is typed somewhere, and found nowhere afterwards.
const ADDED: &str = "velvet turbine oyster 1";
const WRONG: &str = "velvet turbine oyster 2";
const CHANGED: &str = "velvet turbine oyster 3";
const RESET: &str = "velvet turbine oyster 4";
const REGISTERED: &str = "velvet turbine oyster 5";
const SET: &str = "velvet turbine oyster 6";
const IMPORTED: &str = "velvet turbine oyster 7";
const HASHED: &str = "velvet turbine oyster 8";
const QUERIED: &str = "velvet turbine oyster 9";
const SMTP: &str = "velvet turbine oyster smtp";
const WEAK: &str = "marker77";
const MARKERS: [&str; 11] =
    [ADDED, WRONG, CHANGED, RESET, REGISTERED, SET, IMPORTED, HASHED, QUERIED, SMTP, WEAK];

/// Something that was written, and its name for a failure.
type Written = (String, Vec<u8>);

#[test]
fn no_password_is_written_anywhere_at_the_log_level_trace() {
    let server = SmtpServer::start_with_password(SMTP);
    let inputs = tempfile::tempdir().unwrap();
    let secret = inputs.path().join("smtp");
    fs::write(&secret, SMTP).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let login = format!("user = \"gateway\"\npassword_file = \"{}\"", secret.display());
    let mail = server.section(&login);
    let sections = format!("[accounts]\nregistration = \"open\"\n[throttle]\nper_address = 1000\n{mail}");
    let place = Workplace::new(&sections, APP);
    let mut written = commands(&place, inputs.path());
    let mut command = place.command(&[]);
    command.env("PORTCULLIS_LOG", "trace");
    let gateway = place.start_command(command);
    pages(&gateway, &server);
    written.push(("metrics".into(), gateway.status("/metrics").into_bytes()));
    written.push(("readiness".into(), gateway.status("/readyz").into_bytes()));
    let output = place.run(&["user", "passwd", "alice", "--must-change"], SET);
    assert!(output.status.success(), "{}", text(&output.stderr));
    written.extend([("user passwd".into(), output.stdout), ("user passwd".into(), output.stderr)]);
    let (status, stdout, stderr) = gateway.stop();
    assert!(status.success(), "{stderr}");
    // The search is worth nothing if the log is not that of all this.
    for event in ["\"sign-in\"", "\"password-change\"", "\"password-reset\"", "\"registration\""] {
        assert!(stdout.contains(event), "{event}: {stdout}");
    }
    assert!(stderr.contains("DEBUG mail delivered"), "{stderr}");
    written.extend([("stdout".into(), stdout.into_bytes()), ("stderr".into(), stderr.into_bytes())]);
    for path in files(&place.path("")) {
        let content = fs::read(&path).unwrap();
        written.push((path.display().to_string(), content));
    }
    assert!(written.iter().any(|(name, _)| name.ends_with("users.db")), "the state folder was searched");
    for (name, content) in &written {
        for marker in MARKERS {
            for (form, needle) in forms(marker) {
                assert!(!contains(content, &needle), "{marker:?} as {form} is in {name}");
            }
        }
    }
}

/// Commands that get passwords, and what they print.
fn commands(place: &Workplace, inputs: &Path) -> Vec<Written> {
    let write = |name: &str, content: String| {
        let path = inputs.join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let plain = write("plain", format!("eve:{IMPORTED}\n"));
    let table = write("table.csv", format!("name,password_hash\neve,{IMPORTED}\n"));
    let pwned = write("pwned", format!("{IMPORTED}:3\n"));
    let list = inputs.join("list").display().to_string();
    let mut written = Vec::new();
    for (arguments, input, succeeds) in [
        (&["user", "add", "alice", "--superuser", "--email", "alice@example.com"][..], ADDED, true),
        (&["user", "add", "bob"], WEAK, false),
        (&["hash"], HASHED, true),
        (&["user", "import", &plain, "--format", "htpasswd"], "", false),
        (&["user", "import", &table, "--format", "csv"], "", false),
        (&["pwned", "import", &pwned, &list], "", false),
    ] {
        let output = place.run(arguments, input);
        assert_eq!(output.status.success(), succeeds, "{arguments:?}: {}", text(&output.stderr));
        written.extend([(arguments.join(" "), output.stdout), (arguments.join(" "), output.stderr)]);
    }
    written
}

/// Each place that takes a password of a browser or a program.
fn pages(gateway: &Process, server: &SmtpServer) {
    let mut alice = gateway.visitor();
    assert_eq!(alice.sign_in_to("/", "alice", WRONG).status, 401);
    alice.sign_in("alice", ADDED);
    alice.get(&format!("/.gateway/login?password={}", QUERIED.replace(' ', "+")));
    alice.get(&format!("/page?password={}", QUERIED.replace(' ', "%20")));
    // The page that asks for the password again.
    let confirm = "/.gateway/confirm?next=%2Frecent%2F";
    for (password, status) in [(WRONG, 401), (ADDED, 303)] {
        let form = alice.get(confirm);
        let (csrf, next) = (form.field("csrf"), form.field("next"));
        let fields = [("csrf", &*csrf), ("next", &next), ("password", password)];
        let response = alice.submit(confirm, &fields);
        assert!(response.status == status || response.status == 422, "{}", response.text());
    }
    for (current, new, done) in [
        (WRONG, CHANGED, false),
        (ADDED, WEAK, false),
        (ADDED, &CHANGED.repeat(9), false),
        (ADDED, CHANGED, true),
    ] {
        let csrf = alice.get("/.gateway/account/password").field("csrf");
        let fields = [("csrf", &*csrf), ("current", current), ("new", new), ("again", new)];
        let response = alice.submit("/.gateway/account/password", &fields);
        assert_eq!(response.status == 303, done, "{}", response.text());
    }
    for (password, status) in [(WRONG, 401), (CHANGED, 200)] {
        assert_eq!(basic(gateway, &format!("alice:{password}")).status, status);
    }
    basic(gateway, &format!("alice{CHANGED}"));
    let mut stranger = gateway.visitor();
    let csrf = stranger.get("/.gateway/reset").field("csrf");
    assert_eq!(stranger.submit("/.gateway/reset", &[("csrf", &*csrf), ("account", "alice")]).status, 200);
    let link = server.find("alice@example.com", "asked for a new password");
    stranger.get(link.path());
    by_link(&mut stranger, "/.gateway/reset/new", &[("new", WEAK), ("again", WEAK)], 422);
    by_link(&mut stranger, "/.gateway/reset/new", &[("new", RESET), ("again", RESET)], 303);
    let csrf = stranger.get("/.gateway/register").field("csrf");
    stranger.submit("/.gateway/register", &[("csrf", &*csrf), ("email", "carol@example.com")]);
    let link = server.find("carol@example.com", "register");
    stranger.get(link.path());
    let finish = "/.gateway/register/finish";
    by_link(&mut stranger, finish, &[("username", "carol"), ("new", REGISTERED), ("again", WRONG)], 422);
    by_link(&mut stranger, finish, &[("username", "carol"), ("new", REGISTERED), ("again", REGISTERED)], 303);
    stranger.sign_in("carol", REGISTERED);
    // Forms that are refused before or while they are read.
    let broken = format!("csrf=x&password={}&password=%ff", WRONG.replace(' ', "+"));
    let request =
        Request::post("/.gateway/login").header("content-type", "application/x-www-form-urlencoded");
    stranger.send(request.body(broken.clone()).unwrap());
    let request = Request::post("/.gateway/login").header("content-type", "text/plain");
    stranger.send(request.body(broken).unwrap());
}

fn by_link(visitor: &mut Visitor, page: &str, fields: &[(&str, &str)], status: u16) {
    let csrf = visitor.get(page).field("csrf");
    let fields: Vec<_> = [("csrf", &*csrf)].into_iter().chain(fields.iter().copied()).collect();
    let response = visitor.submit(page, &fields);
    assert_eq!(response.status, status, "{}", response.text());
}

fn basic(gateway: &Process, credentials: &str) -> Response {
    let value = format!("Basic {}", BASE64.encode(credentials.as_bytes()));
    let request = Request::get("/page").header(AUTHORIZATION, value).body(String::new()).unwrap();
    gateway.visitor().send(request)
}

/// The forms in which a text could be written. Base64 depends on what stands before the text.
fn forms(marker: &str) -> Vec<(&'static str, Vec<u8>)> {
    let as_is = marker.as_bytes();
    let escaped = |space: &str| marker.replace(' ', space).into_bytes();
    let mut forms = vec![
        ("it is", as_is.to_vec()),
        ("a form field", escaped("+")),
        ("a part of an address", escaped("%20")),
        ("hexadecimal digits", HEXLOWER.encode(as_is).into_bytes()),
        ("numbers", as_is.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()),
    ];
    for before in 0..3 {
        let shifted = [&vec![0; before][..], as_is].concat();
        // The characters that the text alone decides.
        let first = (before * 8).div_ceil(6);
        let last = (shifted.len() * 8) / 6;
        for (form, encoded) in
            [("base64", BASE64_NOPAD.encode(&shifted)), ("base64url", BASE64URL_NOPAD.encode(&shifted))]
        {
            forms.push((form, encoded.as_bytes()[first..last].to_vec()));
        }
    }
    forms
}

fn contains(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|window| window == needle)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.is_file())
        .collect()
}

#[test]
fn the_search_finds_a_password_in_each_form_that_it_looks_for() {
    let marker = "velvet turbine oyster";
    for written in [
        format!("password={marker}"),
        "password=velvet+turbine+oyster&x".to_owned(),
        "?password=velvet%20turbine%20oyster".to_owned(),
        BASE64.encode(format!("alice:{marker}").as_bytes()),
        BASE64.encode(format!("bob:{marker}").as_bytes()),
        BASE64.encode(format!("\0gateway\0{marker}").as_bytes()),
        BASE64URL_NOPAD.encode(format!("carol:{marker}!").as_bytes()),
        format!("{:?}", marker.as_bytes()),
        HEXLOWER.encode(marker.as_bytes()),
    ] {
        let found = forms(marker).iter().any(|(_, needle)| contains(written.as_bytes(), needle));
        assert!(found, "{written}");
    }
}
