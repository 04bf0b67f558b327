//! Diagnostics as people read them: each kind once, as snapshots.

use std::path::Path;

use super::super::{ConfigError, Look, parse};

/// All diagnostics about a text, errors and warnings.
fn said(text: &str) -> String {
    let diagnostics = match parse(text, Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    ConfigError::Invalid(diagnostics).render(Look::Plain)
}

/// The diagnostics about several files, one after the other.
fn said_of_each(files: &[&str]) -> String {
    files.iter().map(|file| said(file)).collect::<Vec<_>>().join("\n\n----\n\n")
}

/// The diagnostics about texts that follow a valid app.
fn said_of_app_with(lines: &[&str]) -> String {
    let files: Vec<String> =
        lines.iter().map(|line| format!("[[app]]\nupstream = \"http://127.0.0.1:8080\"\n{line}\n")).collect();
    said_of_each(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The diagnostics about texts that precede a valid app.
fn said_of_section(sections: &[&str]) -> String {
    let files: Vec<String> = sections
        .iter()
        .map(|section| format!("{section}\n[[app]]\nupstream = \"builtin:whoami\"\n"))
        .collect();
    said_of_each(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The diagnostics about rules of an app mounted at `/wiki`, with two groups.
fn said_of_rule(rules: &[&str]) -> String {
    let files: Vec<String> = rules
        .iter()
        .map(|rule| {
            format!(
                "[groups]\nstaff = [\"wiki.edit\", \"reports.view\"]\noperators = []\n\n[[app]]\npath = \"/wiki\"\nupstream = \"builtin:whoami\"\n\n{rule}\n"
            )
        })
        .collect();
    said_of_each(&files.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_dozen_mistakes_are_reported_in_one_go() {
    insta::assert_snapshot!(said(
        r#"# A file by somebody in a hurry.
[server]
https = ["0.0.0.0", "localhost:8443"]
trusted_proxies = ["0.0.0.0/0", "10.1.2.3/8"]
upstream = "http://127.0.0.1:1"

[session]
lifetime = "12 h"
idle_timeout = 3600
store = "file"

[limit]
header_size = "32KiB"

[groups]
staff = ["wiki.edit"]

[[app]]
host = "https://wiki.example.com"
upsteam = "http://127.0.0.1:8080"
identity = "remote_user"

[[app.rule]]
path = "admin/**"
allow = { group = "stuff" }

[[app.rule]]
path = "/reports/**"
methods = ["get"]
alow = "anyone"

[[app.rule]]
path = "/a/**/b"
allow = {}
"#
    ));
}

#[test]
fn syntax() {
    insta::assert_snapshot!(said_of_each(&[
        "[[app]]\nupstream = \"http://127.0.0.1:8080\nname = \"x\n",
        "[[app]\nupstream = http://127.0.0.1:8080\n",
        "[[app]]\nupstream = [\"http://127.0.0.1:8080\", \nname = \"x\"\n",
        "[[app]]\nupstream\nname = \"x\" host = \"y\"\nidentity = { X-User = \"username\"\n",
        "[[app]]\nupstream = \"C:\\app\"\n",
        "[server]\nworkers = 1\n\n[server]\nworkers = 2\n\n[[app]]\nupstream = \"builtin:whoami\"\nname = \"a\"\nname = \"b\"\n",
        "[[app]]\nupstream = \"builtin:whoami\"\nupsteam = 1\n= 5\n",
    ]));
}

#[test]
fn files_of_every_shape() {
    insta::assert_snapshot!(said_of_each(&[
        "",
        "\n",
        "# only a comment",
        "[[app]]",
        "[[app]]\r\nupstream = \"builtin:whoami\"\r\nidle = \"1s\"\r\n",
        "[[app]]\n\tupstream = \"builtin:whoami\"\n\t\tnam\u{65} = 5\n",
        "[[app]]\nupstream = \"builtin:whoami\" # Überschrift\nname = \"Küche 東京\"",
        "\u{feff}upstream = \"builtin:whoami\"",
        "é = 1",
    ]));
}

#[test]
fn keys_that_do_not_exist() {
    insta::assert_snapshot!(said_of_section(&[
        "[sever]\n",
        "listen = \"0.0.0.0:443\"\n",
        "[throtle]\nper_account = 5\n",
        "[server]\nhttp_s = []\nlifetime = \"1h\"\nxyz = 1\n",
    ]));
}

#[test]
fn limits_on_guessing() {
    insta::assert_snapshot!(said_of_section(&[
        "[throttle]\nper_account = 0\nper_address = -1\nwindow = \"2d\"\nwaits = []\n",
        "[throttle]\nper_account = 101\nper_adress = 5\nwindow = 10\nwaits = [\"5m\", \"1m\", \"soon\", \"2d\", 5]\n",
        "[throttle]\nwaits = \"0s\"\nwait = \"1m\"\n",
        "[throttle]\nper_account = 100\nwaits = \"1m\"\n",
    ]));
}

#[test]
fn values_of_the_wrong_type() {
    insta::assert_snapshot!(said_of_section(&[
        "server = 5\n",
        "[[server]]\nhttps = []\n",
        "groups = [\"staff\"]\n",
        "[server]\nhttps = 8443\nstatus = false\nworkers = \"4\"\n[log]\naccess = \"yes\"\nformat = true\n",
        "[server]\nhttps = [8443, \"127.0.0.1:1\"]\n",
        "[limits]\nheader_timeout = 10\nmax_body = 1048576\n[session]\nbrowser_session = \"true\"\n",
        "state = 2026-01-01\n[tls]\nmin_version = 1.2\n",
    ]));
}

#[test]
fn tables_that_are_written_with_the_wrong_brackets() {
    insta::assert_snapshot!(said_of_each(&[
        "[app]\nupstream = \"builtin:whoami\"\n",
        "app = \"wiki\"\n",
        "app = [\"wiki\"]\n",
        "[[app]]\nupstream = \"builtin:whoami\"\n[app.rule]\npath = \"/**\"\nallow = \"anyone\"\n",
    ]));
}

#[test]
fn tables_in_the_wrong_place() {
    insta::assert_snapshot!(said_of_each(&[
        "[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n\n[[app]]\nupstream = \"builtin:whoami\"\n",
        "[[app]]\nupstream = \"builtin:whoami\"\n\n[[rule]]\npath = \"/**\"\nallow = \"anyone\"\n",
        "[[app]]\nupstream = \"builtin:whoami\"\n\n[[app.rules]]\npath = \"/**\"\nallow = \"anyone\"\n",
        "[[certificate]]\ncert = \"a\"\n\n[[app]]\nupstream = \"builtin:whoami\"\n",
        "[app]\nupstream = \"builtin:whoami\"\n\n[[app]]\nupstream = \"builtin:whoami\"\n",
        "[app.wiki]\nupstream = \"builtin:whoami\"\n",
        "[[app]]\nupstream = \"builtin:whoami\"\n\n[app.identity]\nX-User = \"username\"\n[app.limits]\nmax_body = \"1MiB\"\n",
        "[session.limits]\nlifetime = \"1h\"\n\n[[app]]\nupstream = \"builtin:whoami\"\n",
        "server.https = 1\n[server]\nhttp = []\n[[app]]\nupstream = \"builtin:whoami\"\n",
    ]));
}

#[test]
fn listeners() {
    insta::assert_snapshot!(said_of_section(&[
        "[server]\nhttps = [\":8443\", \"8443\", \"*:8443\", \"127.0.0.1\", \"::1\", \"::1:8443\", \"example.com:443\", \"x\"]\n",
        "[server]\nhttps = []\n",
        "[server]\nhttps = [\"127.0.0.1:8443\"]\nhttp = \"127.0.0.1:8443\"\nstatus = \"of\"\nworkers = 5000\n",
    ]));
}

#[test]
fn listeners_that_overlap() {
    insta::assert_snapshot!(said_of_section(&[
        "[server]\nhttps = [\"0.0.0.0:8443\", \"127.0.0.1:8443\"]\n",
        "[server]\nhttps = \"127.0.0.1:8443\"\nhttp = \"[::]:8443\"\n",
        "[server]\nhttps = \"0.0.0.0:8443\"\nhttp = \"0.0.0.0:8080\"\nstatus = \"127.0.0.1:8080\"\n",
        "[server]\nhttps = \"0.0.0.0:9100\"\n",
        "[server]\nstatus = \"127.0.0.1:8443\"\n",
    ]));
}

#[test]
fn upstreams_that_are_the_gateway_itself() {
    insta::assert_snapshot!(said_of_each(&[
        "[server]\nhttps = \"0.0.0.0:8443\"\nhttp = \"127.0.0.1:8080\"\n[[app]]\nupstream = [\"https://localhost:8443\", \"http://127.0.0.1:8080\"]\n",
        "[[app]]\nupstream = \"https://127.0.0.1:8443\"\n",
    ]));
    for other in ["http://127.0.0.1:8444", "http://127.0.0.1:9100", "unix:/run/8443"] {
        assert_eq!(
            said(&format!("[server]\nhttps = \"0.0.0.0:8443\"\n[[app]]\nupstream = \"{other}\"\n")),
            ""
        );
    }
}

#[test]
fn networks() {
    insta::assert_snapshot!(said_of_section(&[
        "[server]\ntrusted_proxies = [\"0.0.0.0/0\", \"::/0\", \"10.0.0.5/8\", \"proxy\", \"::ffff:10.0.0.0/104\"]\n",
    ]));
}

#[test]
fn durations_sizes_and_numbers() {
    insta::assert_snapshot!(said_of_section(&[
        "[session]\nlifetime = \"5\"\nidle_timeout = \"12 h\"\nmax_sessions = 0\n",
        "[session]\nlifetime = \"1 fortnight\"\nidle_timeout = \"0s\"\n",
        "[session]\nlifetime = \"1h\"\nidle_timeout = \"2h\"\n",
        "[limits]\nheader_size = \"1KiB\"\nmax_body = \"10 MiB\"\nconnections = -1\nmax_headers = 1_000_000\n",
        "[limits]\nbody_rate = 240\nuri_length = \"1MiB\"\nconnection_age = \"0s\"\nhttp2_settings = 1\nhttp2_ping = 5\n",
        "[limits]\nheader_size = \"32K\"\nmax_body = \"\"\nbody_timeout = \"99999d\"\n",
        "[password]\nmemory = \"1KiB\"\n",
        "[password]\niterations = 0\nparallelism = 100\n",
    ]));
}

#[test]
fn choices() {
    insta::assert_snapshot!(said_of_section(&[
        "[session]\nstore = \"file\"\n",
        "[session]\nstore = \"redis://:secret@127.0.0.1,b\"\n",
        "[session]\nstore = \"redis://:se/cr@et@cache\"\n",
        "[session]\nstore = \"redis://:secret@cache\"\nprefix = \"{a}\"\nstore_ca = \"ca.pem\"\ncache_ttl = \"0s\"\ngrace = \"0s\"\n",
        "[session]\nstore = \"redis://:secret@cache\"\nstore_ca = \"ca.pem\"\n",
        "[session]\nprefix = \"a\"\ngrace = \"1m\"\n",
        "[session]\nstore = \"sqlite\"\n",
        "[tls]\nmin_version = \"1.1\"\n[log]\nformat = \"jsn\"\n",
    ]));
}

#[test]
fn certificates() {
    insta::assert_snapshot!(said_of_section(&[
        "[[tls.certificate]]\ncert = \"no/such.pem\"\nkey = \"no/such.key\"\n",
        "[[tls.certificate]]\ncert = \"Cargo.toml\"\nkey = \"Cargo.toml\"\n",
        "[[tls.certificate]]\n",
        "[tls.certificate]\ncrt = \"x\"\n",
    ]));
}

#[test]
fn groups() {
    insta::assert_snapshot!(said_of_section(&[
        "[groups]\n\"a b\" = []\nstaff = [\"wiki edit\", 5]\nok = \"wiki.view\"\nno = 5\n",
    ]));
}

#[test]
fn hosts() {
    insta::assert_snapshot!(said_of_app_with(&[
        "host = [\"https://wiki.example.com/x\", \"wiki.example.com:8443\", \"*.example.com\", \"café.example\", \"wiki.example.com/x\", \"::1\", \"\", \"a b\"]",
        "host = [\"a.example\", \"A.example.\"]",
        "host = []",
    ]));
}

#[test]
fn upstreams() {
    insta::assert_snapshot!(said_of_each(&[
        "[[app]]\nname = \"x\"\n",
        "[[app]]\nupstream = []\n",
        "[[app]]\nupstream = [\"127.0.0.1:8080\", \"http://127.0.0.1:8080/app\", \"http://bob:secret@127.0.0.1\", \"unix:///run/x\", \"builtin:wiki\", \"htp://a\", \"ws://a\", \"http://a:x\", \"http://127.0.0.1?x\"]\n",
        "[[app]]\nupstream = [\"http://app.internal:8080\", \"http://127.0.0.1:1\", \"http://127.0.0.1:1\"]\nupstream_ca = \"ca.pem\"\n",
        "[[app]]\nupstream = \"https://app.internal\"\nupstream_ca = \"no/such.pem\"\n",
        "[[app]]\nupstream = \"https://app.internal\"\nupstream_ca = \"Cargo.toml\"\n",
        "[[app]]\nupstream = \"https://app.internal\"\nupstream_pin = [\"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\", \"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\", \"sha256/E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55\", \"sha256/short=\", \"sha1/x\"]\n",
        "[[app]]\nupstream = \"https://app.internal\"\nupstream_pin = \"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\nupstream_ca = \"ca.pem\"\n",
        "[[app]]\nupstream = \"http://127.0.0.1:1\"\nupstream_pin = \"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n",
        "[[app]]\nupstream = \"https://app.internal\"\nupstream_pin = []\n",
        "[[app]]\nupstream = \"http://127.0.0.1:1\"\ncollect_bodies = \"2MiB\"\n",
    ]));
}

#[test]
fn identity() {
    insta::assert_snapshot!(said_of_app_with(&[
        "identity = \"remote_user\"",
        "identity = 5",
        "identity = {}",
        "identity = { preset = \"x-forward\", X_Team = \"username\", Host = \"email\", \"X Y\" = \"name\" }",
        "identity = { X-A = \"user\", X-B = {}, X-C = { groups = \"-\" }, X-D = { attribute = \"\" }, X-E = { attribut = \"x\" }, X-F = 5 }",
        "identity = { X-A = \"username\", x-a = \"email\" }",
    ]));
}

#[test]
fn other_settings_of_an_app() {
    insta::assert_snapshot!(said_of_app_with(&[
        "name = \"a b\"\nhost_header = \"http://x\"\ntimeout = 60\nunderscore_headers = 1",
        "path = \"wiki\"",
        "path = \"/wiki/**\"",
        "path = \"/.gateway/x\"",
        "name = \"wiki\"\n[[app]]\nname = \"wiki\"\nhost = \"b\"\nupstream = \"builtin:whoami\"",
        "\n[[app]]\nupstream = \"builtin:whoami\"",
        "host = \"wiki.example\"\n[[app]]\nhost = [\"other.example\", \"Wiki.example\"]\nupstream = \"builtin:whoami\"",
        "host = \"wiki.example\"\npath = \"/a\"\n[[app]]\nhost = \"wiki.example\"\npath = \"/a/\"\nupstream = \"builtin:whoami\"",
        "path = \"/a\"\n[[app]]\npath = \"/a\"\nupstream = \"builtin:whoami\"",
    ]));
}

#[test]
fn patterns() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"wiki/**\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/**/x\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/*.js\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki//x\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/../x\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/%41\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki?x=1\"\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"\"\nallow = \"anyone\"",
    ]));
}

#[test]
fn rules_that_nothing_can_reach() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"/admin/**\"\nallow = \"nobody\"",
        "[[app.rule]]\npath = \"/.gateway/login\"\nallow = \"nobody\"",
        "[[app.rule]]\npath = \"/wiki/deep/x\"\nallow = \"nobody\"\n\n[[app]]\nname = \"deep\"\npath = \"/wiki/deep\"\nupstream = \"builtin:whoami\"",
        "[[app.rule]]\npath = \"/wiki/**\"\nmethods = \"CONNECT\"\nallow = \"nobody\"",
    ]));
}

#[test]
fn rules_that_tie() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"/wiki/x\"\nallow = \"anyone\"\n\n[[app.rule]]\npath = \"/wiki/x\"\nallow = \"nobody\"",
        "[[app.rule]]\npath = \"/wiki/x\"\nmethods = [\"GET\", \"POST\"]\nallow = \"anyone\"\n\n[[app.rule]]\npath = \"/wiki/x\"\nmethods = \"POST\"\nallow = \"nobody\"",
    ]));
}

#[test]
fn methods() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"/wiki/a\"\nmethods = [\"get\", \"POST\", \"POST\", \"G T\", \"*\"]\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nmethods = []\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nmethods = \"PSOT\"\nallow = \"anyone\"",
    ]));
}

#[test]
fn who_is_allowed() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"/wiki/a\"\n[[app.rule]]\nallow = \"anyone\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = \"authentcated\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = \"staff\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = \"public\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = \"whoever knows\"",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = true",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = {}",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = { group = [] }",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = { groups = \"staff\" }",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = { group = [\"staf\", \"nurses\"], user = \"a b\", permission = [\"wiki.edti\", \"x y\"], network = \"10.1.1.1/8\" }",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = { permission = [\"wiki.edti\", \"billing\"] }",
        "[[app.rule]]\npath = \"/wiki/a\"\nallow = { group = 5, user = [1, \"alice\"] }",
    ]));
}

#[test]
fn control_characters_from_a_file_reach_no_terminal() {
    let said = said(
        "[[app]]\nupstream = \"builtin:whoami\"\n\"\\u001b[31m\" = 1\nname = \"\\u001b]0;x\\u0007\\u202e\"\n",
    );
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7}') && !said.contains('\u{202e}'), "{said:?}");
}

#[test]
fn control_characters_in_a_quoted_line_reach_no_terminal() {
    let said = said("[[app]]\nupstram = \"http://a\" # \u{9b}2J\u{85}\u{202e}\u{200b}\u{e0041}\u{2028}é\n");
    assert!(said.contains("upstram = \"http://a\" # ¤2J¤\u{fffd}\u{fffd}¤¤\u{fffd}é"), "{said:?}");
}

#[test]
fn session_data_for_visitors_alone() {
    insta::assert_snapshot!(said_of_app_with(&[
        "anonymous_sessions = true",
        "anonymous_sessions = true\nsession_data = false",
        "session_data = \"true\"",
    ]));
}

#[test]
fn cookie_names() {
    insta::assert_snapshot!(said_of_section(&[
        "[session]\ncookie_name = \"sid\"",
        "[session]\ncookie_name = \"portcullis lab\"",
        "[session]\ncookie_name = \"portcullis-form\"",
        "[session]\ncookie_name = 5",
        "[session]\ncookie = \"portcullis-lab\"",
    ]));
}

#[test]
fn service_workers_of_an_app() {
    insta::assert_snapshot!(said_of_app_with(&[
        "service_workers = \"yes\"",
        "[app.shield]\nservice_workers = true",
    ]));
}

#[test]
fn the_shield_of_an_app() {
    insta::assert_snapshot!(said_of_app_with(&[
        "[app.shield]\nmode = \"on\"\ncross_site = \"deny\"\nx_frame_options = \"sameorigin\"\nx_content_type_options = true",
        "[app.shield]\ntrusted_origins = [\"portal.example.com\", \"https://portal.example.com/\", \"*\", \"null\", \"https://*.example.com\", 5]",
        "[app.shield]\nreferrer_policy = \"same-orign\"\ncross_origin_opener_policy = \"no\"\ncache_control = \"public\"",
        "[app.shield]\nsoftware_headers = false\ncookie_secure = \"true\"\ncookie_same_site = \"None\"\ncookie_samesite = \"Lax\"",
        "[app.shield]\nmode = \"off\"\nrequire_origin = true",
        "[app.shield]\ncross_site = \"allow\"\ntrusted_origins = \"https://portal.example.com\"",
        "shield = \"off\"",
        "[[app.shield]]\nmode = \"off\"",
    ]));
}

#[test]
fn headers_that_an_app_lets_pass() {
    insta::assert_snapshot!(said_of_app_with(&[
        "pass_headers = [\"Remote-User\", \"X-Forwarded-For\", \"x-forwarded-groups\", \"X-Real-IP\", \"Proxy\", \"Portcullis-User\"]",
        "pass_headers = [\"X_Original_URL\", \"a b\", \"X-Original-URL\", \"x-original-url\", \"Connection\", \"X-Custom\", 5]",
        "pass_headers = \"X-Original-User\"\n[[app]]\npath = \"/b\"\nupstream = \"builtin:whoami\"\nidentity = { X-Original-User = \"username\" }",
        "pass_headers = \"X-HTTP-Method-Override\"",
        "pass_headers = \"X-HTTP-Method-Override\"\n[[app.rule]]\npath = \"/**\"\nmethods = \"GET\"\nallow = \"anyone\"",
    ]));
}

#[test]
fn rules_that_are_not_enforced() {
    insta::assert_snapshot!(said_of_rule(&[
        "[[app.rule]]\npath = \"/wiki/**\"\nallow = { group = \"staff\" }\nenforce = false",
        "[[app.rule]]\npath = \"/wiki/**\"\nallow = \"anyone\"\nenforce = false",
        "[[app.rule]]\npath = \"/wiki/**\"\nallow = \"nobody\"\nenforce = \"no\"",
        "[[app.rule]]\npath = \"/wiki/x\"\nallow = \"anyone\"\n[[app.rule]]\npath = \"/wiki/x\"\nallow = \"nobody\"\nenforce = false\n[[app.rule]]\npath = \"/wiki/x\"\nallow = \"authenticated\"\nenforce = false",
    ]));
}

#[test]
fn strict_transport_security() {
    insta::assert_snapshot!(said_of_section(&[
        "[tls]\nhsts = true",
        "[tls]\nhsts = \"1y\"\nhsts_subdomains = \"yes\"",
        "[tls]\nhsts = 31536000",
        "[tls]\nhsts_subdomains = true",
        "[tls]\nhsts = \"off\"\nhsts_subdomains = true",
        "[tls]\nhsts = \"730d\"\nhsts_subdomains = true",
    ]));
}

#[test]
fn recent_sign_ins_and_session_limits_of_an_app() {
    insta::assert_snapshot!(said_of_each(&[
        "[[app]]\nupstream = \"builtin:whoami\"\n[[app.rule]]\npath = \"/\"\nallow = \"anyone\"\nmax_age = \"10m\"\n\
         [[app.rule]]\npath = \"/x\"\nallow = \"nobody\"\nmax_age = \"10m\"\n\
         [[app.rule]]\npath = \"/y\"\nallow = \"authenticated\"\nmax_age = 10\n",
        "[session]\nlifetime = \"8h\"\n[[app]]\nupstream = \"builtin:whoami\"\n[app.session]\nlifetime = \"9h\"\nidle_timeout = \"61m\"\n",
        "[[app]]\nupstream = \"builtin:whoami\"\n[app.session]\nidle = \"10m\"\nbrowser_session = true\n",
    ]));
}

#[test]
fn the_portal_host() {
    insta::assert_snapshot!(said_of_section(&[
        "[portal]\nhost = \"https://login.example.com/\"",
        "[portal]\nhost = \"login.example.com:8443\"",
        "[portal]\nhost = \"login.example.com/auth\"",
        "[portal]\ntitel = \"x\"",
        "[portal]\nhost = \"login.example.com\"",
        "[portal]\nlanguage = \"tlh\"",
        "[portal]\ncolour = \"teal\"",
        "[portal]\ncolour = \"#ffcc00\"",
        "[portal]\ntitle = \" \"",
        "[portal]\nlogo = \"no-such-file.svg\"",
        "[portal]\nlinks = [{ title = \"Help\", href = \"javascript:alert(1)\" }, { titel = \"x\" }]",
        "[portal]\nlinks = [{ title = \"Help\", href = \"//evil.example\" }]",
    ]));
}

#[test]
fn text_and_icons_that_the_start_page_cannot_show() {
    let said = said_of_app_with(&[
        "title = \"\"",
        "title = \"two\\nlines\"",
        "icon = \"https://evil.example/x.png\"",
        "icon = \"//evil.example/x.png\"",
        "icon = \"/a.svg; img-src *\"",
    ]);
    assert_eq!(said.matches("this text cannot be shown").count(), 2, "{said}");
    assert_eq!(said.matches("`icon` cannot be").count(), 3, "{said}");
}

/// One mistake gives one message: a host that is none does not stand for every host, nor a proxy that is none for no proxy.
#[test]
fn values_that_cannot_be_read_are_not_taken_for_absent() {
    let file = "[server]\ntrusted_proxies = \"proxy\"\n[forward_auth]\nlisten = \"127.0.0.1:9180\"\n\
                [[app]]\nhost = \"a b\"\nupstream = \"builtin:whoami\"\n\
                [[app]]\nhost = \"c d\"\nupstream = \"builtin:whoami\"\n";
    let said = said(file);
    for message in ["\"proxy\" is no network", "\"a b\" is no host name", "\"c d\" is no host name"] {
        assert!(said.contains(message), "{message}: {said}");
    }
    assert!(said.ends_with("gateway.toml: 3 errors"), "{said}");
}
