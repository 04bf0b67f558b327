//! The configuration as a whole.

mod accounts;
mod backends;
mod certificates;
mod documentation;
mod gallery;
mod hostile;
mod ldap;
mod mail;
mod oidc;
mod passkeys;
mod password;
mod registration;
mod user_fields;

use std::{path::Path, sync::Arc, time::Duration};

use super::*;
use crate::{
    server::{Http2Limits, Limits, TlsVersion},
    session,
};

fn parsed(text: &str) -> Loaded {
    parse(text, Path::new("gateway.toml")).unwrap_or_else(|diagnostics| {
        panic!("{}", ConfigError::Invalid(diagnostics));
    })
}

#[test]
fn two_lines_are_enough_and_everything_else_has_a_default() {
    let Loaded { configuration, warnings } = parsed("[[app]]\nupstream = \"http://127.0.0.1:8080\"\n");
    assert!(warnings.is_empty());
    assert_eq!(configuration.server.https, ["0.0.0.0:8443".parse().unwrap()]);
    assert!(configuration.server.http.is_empty());
    assert_eq!(configuration.server.status, Some("127.0.0.1:9100".parse().unwrap()));
    assert_eq!(configuration.server.workers, None);
    assert_eq!(configuration.state, Path::new("state"));
    assert_eq!(configuration.certs, Path::new("certs"));
    assert_eq!(configuration.tls.min_version, TlsVersion::V1_2);
    assert_eq!(configuration.sessions.store, Store::File);
    assert_eq!(configuration.sessions.max_sessions, 1_000_000);
    let hours = |hours| Duration::from_hours(hours);
    assert_eq!(
        configuration.sessions.limits,
        session::SessionLimits {
            lifetime: hours(12),
            idle_timeout: hours(1),
            remember_lifetime: None,
            browser_session: false,
            max_per_user: Some(100),
        }
    );
    assert_eq!(configuration.limits, Limits::default());
    assert_eq!(configuration.log, LogSection { access: true, format: None });
    assert_eq!(configuration.apps.len(), 1);
    assert_eq!(configuration.policy.apps()[0].mount.as_str(), "/");
    assert_eq!(&*configuration.apps[0].forward.name, "app");
    assert_eq!(configuration.apps[0].forward.timeout, Duration::from_secs(75));
    assert_eq!(configuration.apps[0].forward.body_silence, Duration::from_mins(5));
    assert_eq!(configuration.apps[0].forward.connect_timeout, Duration::from_secs(5));
}

#[test]
fn declarations_become_the_configuration() {
    let text = r#"
state = "/var/lib/portcullis"
[server]
https = "[::]:443"
http = ["0.0.0.0:80"]
status = "off"
trusted_proxies = "10.0.0.0/8"
workers = 3
[tls]
min_version = "1.3"
[session]
store = "memory"
lifetime = "1d"
idle_timeout = "90m"
browser_session = true
max_sessions = 10
[password]
memory = "64MiB"
iterations = 3
parallelism = 2
[limits]
handshake_timeout = "1s"
header_timeout = "2s"
body_timeout = "3s"
body_rate = "1KiB"
idle_timeout = "4s"
write_timeout = "5s"
write_rate = "0B"
header_size = "16KiB"
max_headers = 50
uri_length = "2KiB"
max_body = "1MB"
connections = 7
connections_per_address = 6
requests_per_address = 60
requests_per_connection = 8
connection_age = "9m"
http2_streams = 10
http2_resets = 11
http2_settings = 12
http2_pings = 13
http2_continuations = 14
http2_window_updates = 15
http2_empty_frames = 16
http2_priorities = 17
[log]
access = false
format = "json"
[groups]
staff = ["wiki.edit"]
editors = "wiki.edit"
[[app]]
name = "wiki"
host = ["Wiki.Example.com.", "[::1]"]
path = "/wiki/"
upstream = ["http://127.0.0.1:8080", "unix:run/app.sock"]
identity = { preset = "remote-user", Remote-User = "email", X-Team = { attribute = "team" }, X-G = { groups = "|" } }
host_header = "App.Internal:8080"
timeout = "7s"
connect_timeout = "8s"
max_body = "3MiB"
underscore_headers = true
[[app.rule]]
path = "/wiki/**"
methods = ["GET", "POST"]
allow = { permission = "wiki.edit", user = " ALICE ", network = "192.0.2.1" }
"#;
    let Loaded { configuration: it, warnings } =
        parse(text, Path::new("/etc/portcullis/gateway.toml")).expect("it has no mistakes");
    assert!(warnings.is_empty());
    assert_eq!(it.users_database(), Path::new("/var/lib/portcullis/users.db"));
    assert_eq!(it.certs, Path::new("/etc/portcullis/certs"));
    assert_eq!(it.server.https, ["[::]:443".parse().unwrap()]);
    assert_eq!(it.server.http, ["0.0.0.0:80".parse().unwrap()]);
    assert_eq!(it.server.status, None);
    assert!(it.server.trusted_proxies.trusts("10.9.9.9".parse().unwrap()));
    assert_eq!(it.server.workers.map(std::num::NonZero::get), Some(3));
    assert_eq!(it.tls.min_version, TlsVersion::V1_3);
    assert_eq!(it.sessions.limits.lifetime, Duration::from_hours(24));
    assert_eq!(it.sessions.limits.idle_timeout, Duration::from_mins(90));
    assert!(it.sessions.limits.browser_session);
    assert_eq!(it.sessions.max_sessions, 10);
    assert_eq!((it.password.memory, it.password.iterations, it.password.parallelism), (64 << 10, 3, 2));
    assert_eq!(
        it.limits,
        Limits {
            handshake_timeout: Duration::from_secs(1),
            header_timeout: Duration::from_secs(2),
            body_timeout: Duration::from_secs(3),
            body_rate: 1024,
            idle_timeout: Duration::from_secs(4),
            write_timeout: Duration::from_secs(5),
            write_rate: 0,
            header_size: 16 << 10,
            max_headers: 50,
            uri_length: 2048,
            max_body: 1_000_000,
            connections: 7,
            connections_per_address: 6,
            requests_per_address: 60,
            requests_per_connection: 8,
            connection_age: Duration::from_mins(9),
            http2: Http2Limits {
                streams: 10,
                resets: 11,
                settings: 12,
                pings: 13,
                continuations: 14,
                window_updates: 15,
                empty_frames: 16,
                priorities: 17,
            },
        }
    );
    assert_eq!(it.log, LogSection { access: false, format: Some(crate::telemetry::Format::Json) });
    assert_eq!(
        it.groups.keys().map(crate::identity::GroupName::as_str).collect::<Vec<_>>(),
        ["editors", "staff"]
    );

    let [app] = it.apps.as_slice() else { panic!("{:?}", it.apps) };
    let app = &app.forward;
    let upstreams: Vec<String> = app.upstreams.iter().map(|it| format!("{:?}", it.transport)).collect();
    assert_eq!(upstreams, ["Http(127.0.0.1:8080)", "Unix(/etc/portcullis/run/app.sock)"]);
    let headers: Vec<&str> = app.identity.names().map(http::HeaderName::as_str).collect();
    assert_eq!(headers, ["remote-groups", "remote-email", "remote-name", "remote-user", "x-team", "x-g"]);
    assert_eq!(app.host_header, crate::forward::HostHeader::Fixed("app.internal:8080".parse().unwrap()));
    assert_eq!((app.timeout, app.connect_timeout), (Duration::from_secs(7), Duration::from_secs(8)));
    assert!(app.underscore_headers);
    assert_eq!(app.max_body, Some(3 << 20));

    let [app] = it.policy.apps() else { panic!("{:?}", it.policy) };
    assert_eq!(app.hosts.iter().map(|host| &**host).collect::<Vec<_>>(), ["wiki.example.com", "[::1]"]);
    assert_eq!(app.mount.as_str(), "/wiki");
    let [rule] = app.rules() else { panic!("{app:?}") };
    assert_eq!(rule.to_string(), "GET,POST /wiki/**");
    assert_eq!(rule.place.to_string(), "/etc/portcullis/gateway.toml:64:8");
    let crate::access::Requirement::Matching(criteria) = &rule.requirement else { panic!("{rule:?}") };
    assert_eq!(criteria.to_string(), "user alice and permission wiki.edit and network 192.0.2.1/32");
    let granted_by: Vec<_> = criteria.permissions[0].granted_by.iter().map(ToString::to_string).collect();
    assert_eq!(granted_by, ["staff", "editors"]);
}

#[test]
fn an_app_has_a_shield_and_takes_off_it_what_it_says() {
    use crate::shield::{Mode, Origin, ResponseChanges, Senders, Shield};
    let shield = |keys: &str| {
        let text = format!("[[app]]\nupstream = \"builtin:whoami\"\n{keys}\n");
        let Loaded { configuration, warnings } = parsed(&text);
        assert!(warnings.is_empty(), "{keys}");
        configuration.apps.into_iter().next().unwrap().shield
    };
    assert_eq!(shield(""), Shield::standard());
    assert_eq!(shield("[app.shield]"), Shield::standard());
    assert_eq!(shield("[app.shield]\nmode = \"off\""), Shield::off());
    let open = Shield { senders: None, ..Shield::standard() };
    assert_eq!(shield("[app.shield]\ncross_site = \"allow\""), open);
    let listed = shield(
        "[app.shield]\nmode = \"report\"\ntrusted_origins = \"https://A.example\"\nx_frame_options = \"off\"",
    );
    let trusted = vec![Origin::parse("https://a.example:443").unwrap()];
    assert_eq!(listed.senders, Some(Senders { trusted, require_origin: false }));
    assert_eq!(
        (listed.mode, listed.response_changes),
        (Mode::Report, Some(ResponseChanges { frames: None, ..ResponseChanges::standard() }))
    );
}

#[test]
fn a_rule_is_tried_out_and_headers_pass_where_it_is_said() {
    let text = "[[app]]\nupstream = \"builtin:whoami\"\npass_headers = [\"X-HTTP-Method-Override\"]\n\
                [[app.rule]]\npath = \"/a\"\nallow = \"nobody\"\nenforce = false\n\
                [[app.rule]]\npath = \"/a\"\nallow = \"nobody\"\nenforce = true\n\
                [[app]]\npath = \"/b\"\nupstream = \"builtin:whoami\"\n";
    let configuration = parsed(text).configuration;
    let enforced: Vec<bool> =
        configuration.policy.apps()[0].rules().iter().map(crate::access::Rule::is_enforced).collect();
    assert_eq!(enforced, [false, true]);
    assert_eq!(configuration.apps[0].forward.pass_headers, ["x-http-method-override"]);
    assert!(configuration.apps[1].forward.pass_headers.is_empty());
    assert_eq!(configuration.tls.hsts, None, "nobody believes in a certificate of our own making");
}

#[test]
fn https_upstreams_share_the_authorities_of_the_system() {
    let it = parsed(
        "[[app]]\nupstream = [\"https://a.example\", \"https://b.example:8443\"]\n[[app]]\npath = \"/b\"\nupstream = \"https://c.example\"\n",
    );
    let configs: Vec<_> = it
        .configuration
        .apps
        .iter()
        .flat_map(|app| &app.forward.upstreams)
        .map(|upstream| match &upstream.transport {
            crate::forward::Transport::Https { tls, port, .. } => (tls.clone(), *port),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(configs.iter().map(|(_, port)| *port).collect::<Vec<_>>(), [443, 8443, 443]);
    assert!(configs.iter().all(|(tls, _)| Arc::ptr_eq(tls, &configs[0].0)));
    assert_eq!(configs[0].0.alpn_protocols, [b"http/1.1"]);
}

#[test]
fn apps_without_a_name_get_one_that_nobody_else_has() {
    let apps = [
        "host = \"wiki.example\"",
        "host = \"wiki.example\"\npath = \"/a\"",
        "path = \"/a/b\"",
        "",
        "name = \"app\"\nhost = \"other.example\"",
    ];
    let text = apps.map(|app| format!("[[app]]\nupstream = \"builtin:whoami\"\n{app}\n")).concat();
    let names: Vec<String> =
        parsed(&text).configuration.apps.iter().map(|app| app.forward.name.to_string()).collect();
    assert_eq!(names, ["wiki.example", "wiki.example/a", "a/b", "app-2", "app"]);
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        |path: &Path| load(path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "…");
    let file = folder.path().join("gateway.toml");
    assert!(text(&file).contains("cannot read …/gateway.toml: no such file"), "{}", text(&file));
    assert!(text(folder.path()).contains("is a directory"), "{}", text(folder.path()));
    std::fs::write(&file, b"# caf\xc3\xa9\n# \xff\n").unwrap();
    assert!(text(&file).contains("cannot read …/gateway.toml:2:3: it is not UTF-8 text"), "{}", text(&file));
}

#[test]
fn an_app_shortens_its_sessions_and_a_rule_asks_for_a_recent_sign_in() {
    let Loaded { configuration, warnings } = parsed(
        "[[app]]\nupstream = \"builtin:whoami\"\n[[app.rule]]\npath = \"/x\"\nallow = \"authenticated\"\nmax_age = \"10m\"\n\
         [[app]]\npath = \"/pay\"\nupstream = \"builtin:whoami\"\n[app.session]\nlifetime = \"2h\"\nidle_timeout = \"1h\"\n",
    );
    assert!(warnings.is_empty());
    let rules = configuration.policy.apps()[0].rules();
    assert_eq!(rules[0].assurance.max_age, Some(Duration::from_mins(10)));
    let none = session::AppSessionLimits::default();
    let hours = |hours| Some(Duration::from_hours(hours));
    let shorter = session::AppSessionLimits { lifetime: hours(2), idle_timeout: hours(1) };
    let limits: Vec<_> = configuration.apps.iter().map(|app| app.session).collect();
    assert_eq!(limits, [none, shorter]);
}
