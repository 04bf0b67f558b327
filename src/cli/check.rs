//! `portcullis check`: mistakes in the configuration, and the listeners, apps and rules that it declares.
//!
//! Reads the file as `serve` does. Mistakes and warnings go to standard error,
//! the listing goes to standard output. Without `--online` it opens no socket, and of the databases only that of the users, to read, if
//! there are backends beside the gateway's own directory.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use clap::Args;

use super::{
    backend, failure::Failure, output::out, rule_text::requires, state::configuration, table::Table,
};
use crate::{
    access::{App, Requirement, Rule},
    assembly::descriptor_shortage,
    auth::BackendSettings,
    config::{self, Configuration, Look, SessionSection, Store},
    forward::{self, IdentityHeaders, KeepsData},
    server::{self, TlsVersion},
    session::{AppSessionLimits, cookie::CookieNames},
    shield::{Answers, Mode, Shield, Workers},
    users::UserStore,
};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// A gateway starts with the file; there may be warnings.
    Usable,
    /// A gateway refuses the file; exit status 1.
    Unusable,
}

/// Arguments of `portcullis check`.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct CheckArgs {
    /// Ask every configured directory and provider, too, as the gateway does
    #[arg(long)]
    pub(super) online: bool,
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: CheckArgs, file: &Path) -> Result<(), Failure> {
    // The mistakes are printed.
    let unusable = Failure(String::new());
    if run(file, Look::for_stderr(), &mut out(), &mut io::stderr())? == Checked::Unusable {
        return Err(unusable);
    }
    if args.online && !backend::ask_all(&configuration(file)?, &mut out())? {
        return Err(unusable);
    }
    Ok(())
}

/// Checks the file at `path`; an error means that the output cannot be written.
pub(super) fn run(path: &Path, look: Look, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Checked> {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(error) => {
            writeln!(err, "{}", error.render(look))?;
            return Ok(Checked::Unusable);
        }
    };
    for warning in &loaded.warnings {
        writeln!(err, "{}\n", warning.render(look))?;
    }
    // The limit of this process; that of the service may differ.
    let allowed = server::highest_descriptor_limit();
    if let Some(shortage) = descriptor_shortage(&loaded.configuration, allowed) {
        writeln!(err, "warning: as the limits of this shell are, {shortage}\n")?;
    }
    if let Some(missing) = missing_break_glass(&loaded.configuration) {
        writeln!(err, "warning: {missing}\n")?;
    }
    for warning in passkeys_of_other_names(&loaded.configuration) {
        writeln!(err, "warning: {warning}\n")?;
    }
    write_served(&loaded.configuration, out)?;
    let counted = config::count(&loaded.warnings).map(|counted| format!(", {counted}")).unwrap_or_default();
    writeln!(out, "{} can be used{counted}", path.display())?;
    Ok(Checked::Usable)
}

/// A remark if nobody gets in while all backends but the gateway's own directory are down.
fn missing_break_glass(configuration: &Configuration) -> Option<String> {
    let backends = &configuration.backends;
    // The configuration without a local backend has a warning of its own.
    if backends.iter().all(|backend| *backend == BackendSettings::Local)
        || !backends.contains(&BackendSettings::Local)
    {
        return None;
    }
    match UserStore::has_superuser_with_password(&configuration.users_database()) {
        Ok(Some(true) | None) => None,
        Ok(Some(false)) => Some(
            "no active superuser has a password of the gateway's own, so no administrator gets in while the other \
             backends are down\n  help: `portcullis user add NAME --superuser` makes one"
                .to_owned(),
        ),
        Err(error) => Some(format!("cannot tell whether a superuser gets in while the other backends are down: {error}")),
    }
}

/// A remark for each name for which passkeys are stored that don't work any more.
fn passkeys_of_other_names(configuration: &Configuration) -> Vec<String> {
    let Some(passkeys) = &configuration.accounts.passkeys else { return Vec::new() };
    match UserStore::relying_parties(&configuration.users_database()) {
        Ok(parties) => parties
            .into_iter()
            .filter(|(rp_id, _)| **rp_id != *passkeys.rp_id)
            .map(|(rp_id, count)| {
                format!(
                    "{count} stored passkeys are bound to `{rp_id}` and do not work for `{}`\n  help: `rp_id = \"{rp_id}\"` in \
                     `[accounts.passkeys]` makes them work again; otherwise their owners add new ones",
                    passkeys.rp_id
                )
            })
            .collect(),
        Err(error) => vec![format!("cannot tell whether stored passkeys are bound to another name: {error}")],
    }
}

/// Lists the listeners, apps and rules.
fn write_served(configuration: &Configuration, out: &mut dyn Write) -> io::Result<()> {
    write_listeners(configuration, out)?;
    for (app, declared) in configuration.policy.apps().iter().zip(&configuration.apps) {
        writeln!(out)?;
        write_app(app, &declared.forward, (&declared.session, &declared.shield), out)?;
    }
    writeln!(out)
}

fn write_listeners(configuration: &Configuration, out: &mut dyn Write) -> io::Result<()> {
    let server = &configuration.server;
    let mut table = Table::new();
    let mut row = |what: &str, which: String, note: String| table.push([what.to_owned(), which, note]);
    let mut tls = match configuration.tls.min_version {
        TlsVersion::V1_2 => "TLS 1.2 and 1.3".to_owned(),
        TlsVersion::V1_3 => "TLS 1.3".to_owned(),
    };
    if let Some(hsts) = configuration.tls.hsts.as_ref().and_then(|hsts| hsts.to_str().ok()) {
        tls.push_str(", HSTS ");
        tls.push_str(hsts);
    }
    for address in &server.https {
        row("https", address.to_string(), tls.clone());
    }
    for address in &server.http {
        row("http", address.to_string(), "redirects to https".to_owned());
    }
    if let Some(checks) = &configuration.forward_auth {
        for address in &checks.listen {
            let protocol =
                if checks.tls { "checks of other proxies, over TLS" } else { "checks of other proxies" };
            row("forward-auth", address.to_string(), protocol.to_owned());
        }
    }
    match server.status {
        Some(address) => row("status", address.to_string(), "health".to_owned()),
        None => row("status", "off".to_owned(), String::new()),
    }
    for certificate in &configuration.tls.certificates {
        row("certificate", certificate.cert.display().to_string(), certificate.place.to_string());
    }
    if configuration.tls.certificates.is_empty() {
        let folder = configuration.certs.display();
        row("certificate", "self-signed".to_owned(), format!("made in {folder} at the first start"));
    }
    let SessionSection { store, max_sessions, limits, max_visitors: _, cookies } = &configuration.sessions;
    let mut times = format!(
        "{} at most, {} unused",
        config::show_duration(limits.lifetime),
        config::show_duration(limits.idle_timeout)
    );
    if let Some(remembered) = limits.remember_lifetime {
        times.push_str(", kept signed in for ");
        times.push_str(&config::show_duration(remembered));
    }
    let place = match store {
        Store::File => configuration.sessions_database().display().to_string(),
        Store::Memory => format!("in memory, {max_sessions} at a time"),
        Store::Redis(settings) => format!("{}, `{}`", settings.server.address, settings.server.prefix),
    };
    row("sessions", place, times);
    if *cookies != CookieNames::default() {
        row("session cookie", cookies.session().to_owned(), String::new());
    }
    for backend in configuration.backends.iter().filter(|backend| **backend != BackendSettings::Local) {
        let authority = backend.authority().unwrap_or_default();
        row("backend", backend.name().to_string(), format!("{}, {authority}", backend.type_name()));
    }
    if !configuration.backends.contains(&BackendSettings::Local) {
        row("backend", "no local one".to_owned(), "passwords of `portcullis user` let nobody in".to_owned());
    }
    if let Some(host) = &configuration.portal.host {
        row("portal", format!("https://{host}"), "people sign in here for all hosts".to_owned());
    }
    row("state", configuration.state.display().to_string(), String::new());
    table.write("", out)
}

fn write_app(
    app: &App,
    forwarded: &forward::App,
    (own, shield): (&AppSessionLimits, &Shield),
    out: &mut dyn Write,
) -> io::Result<()> {
    let upstreams: Vec<&str> = forwarded.upstreams.iter().map(|upstream| &*upstream.url).collect();
    writeln!(out, "app {} ({})", app.name, app.place)?;
    let mut facts = Table::new();
    for host in hosts(app) {
        facts.push([format!("https://{host}{}", app.mount), format!("→ {}", upstreams.join(", "))]);
    }
    let headers: Vec<&str> = forwarded.identity.names().map(http::HeaderName::as_str).collect();
    if forwarded.identity == IdentityHeaders::new(Vec::new()) {
        facts.push(["identity".to_owned(), "no identity headers".to_owned()]);
    } else {
        facts.push(["identity".to_owned(), headers.join(", ")]);
    }
    match forwarded.session_data {
        KeepsData::ForNobody => {}
        KeepsData::ForUsers => facts.push(["session data".to_owned(), "for signed-in users".to_owned()]),
        KeepsData::ForEverybody => {
            facts.push(["session data".to_owned(), "for everyone, visitors too".to_owned()]);
        }
    }
    if is_open(app) {
        facts.push(["note".to_owned(), "open to everyone where no other rule says otherwise".to_owned()]);
    }
    if let Some(shorter) = shorter_sessions(own) {
        facts.push(["sessions".to_owned(), shorter]);
    }
    if !forwarded.pass_headers.is_empty() {
        let names: Vec<&str> = forwarded.pass_headers.iter().map(http::HeaderName::as_str).collect();
        facts.push(["passes".to_owned(), names.join(", ")]);
    }
    match &shield.workers {
        Workers::Refused => {}
        Workers::Within(scope) if **scope == *"/" => facts.push([
            "service workers".to_owned(),
            "allowed; one with the scope `/` can take over the gateway's sign-in page".to_owned(),
        ]),
        Workers::Within(scope) => {
            facts.push(["service workers".to_owned(), format!("allowed below {scope}")]);
        }
    }
    if let Some(loosened) = loosened(shield) {
        facts.push(["shield".to_owned(), loosened]);
    }
    facts.write("  ", out)?;
    let mut table = Table::headed(["PATH", "METHODS", "WHO", "RULE"]);
    let mut rules: Vec<&Rule> = app.rules().iter().collect();
    // Patterns sort from the most specific on; a rule that names methods comes before one that does not.
    rules.sort_by_key(|rule| (&rule.pattern, rule.methods.is_none()));
    for rule in rules {
        table.push(row(rule));
    }
    if app.has_default() {
        let who = Requirement::Authenticated.to_string();
        table.push(["everything else".to_owned(), "all".to_owned(), who, "the default".to_owned()]);
    }
    table.write("    ", out)
}

/// The time limits of an app that are shorter than those of all sessions.
fn shorter_sessions(own: &AppSessionLimits) -> Option<String> {
    let limit = |limit: Option<Duration>, words| {
        limit.map(|limit| format!("{} {words}", config::show_duration(limit)))
    };
    let limits: Vec<_> =
        [limit(own.lifetime, "at most"), limit(own.idle_timeout, "unused")].into_iter().flatten().collect();
    (!limits.is_empty()).then(|| limits.join(", "))
}

/// The parts of the shield that an app turns off or changes.
fn loosened(shield: &Shield) -> Option<String> {
    if (Shield { workers: Workers::Refused, ..shield.clone() }) == Shield::off() {
        return Some("off".to_owned());
    }
    let mut parts: Vec<String> = Vec::new();
    match (&shield.senders, shield.mode) {
        (None, _) => parts.push("other sites may send everything".to_owned()),
        (Some(_), Mode::Report) => parts.push("requests from other sites are only reported".to_owned()),
        (Some(_), Mode::Enforce) => {}
    }
    if let Some(senders) = shield.senders.as_ref().filter(|senders| !senders.trusted.is_empty()) {
        let origins: Vec<String> = senders.trusted.iter().map(ToString::to_string).collect();
        parts.push(format!("trusts {}", origins.join(", ")));
    }
    let of_its_own = shield.answers.as_ref().is_none_or(|answers| *answers != Answers::standard());
    parts.extend(of_its_own.then(|| "headers of its own choice".to_owned()));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Whether a rule opens the whole app to everyone.
fn is_open(app: &App) -> bool {
    let whole = format!("{}/**", app.mount.as_str().trim_end_matches('/'));
    app.rules().iter().any(|rule| {
        let pattern = rule.pattern.to_string();
        (rule.requirement == Requirement::Anyone || !rule.is_enforced())
            && (pattern == whole || pattern == "/**")
    })
}

/// The hosts of an app, for URLs.
fn hosts(app: &App) -> Vec<&str> {
    match app.hosts.as_slice() {
        [] => vec!["*"],
        hosts => hosts.iter().map(|host| &**host).collect(),
    }
}

fn row(rule: &Rule) -> [String; 4] {
    let methods = match &rule.methods {
        None => "all".to_owned(),
        Some(methods) => methods.iter().map(http::Method::as_str).collect::<Vec<_>>().join(" "),
    };
    [rule.pattern.to_string(), methods, requires(rule), rule.place.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> (Checked, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let checked = run(&path, Look::Plain, &mut out, &mut err).unwrap();
        let here = format!("{}/", folder.path().display());
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&here, "");
        (checked, text(out), text(err))
    }

    #[test]
    fn check_lists_listeners_apps_and_rules() {
        let (checked, out, err) = check(
            r#"[server]
https = ["0.0.0.0:443", "[::]:443"]
http = "0.0.0.0:80"
status = "off"

[groups]
staff = ["wiki.edit", "reports.edit"]
operators = []

[[app]]
name = "wiki"
host = ["wiki.example.com", "wiki.internal"]
upstream = ["http://127.0.0.1:8080", "http://127.0.0.1:8081"]

[[app.rule]]
path = "/**"
methods = ["GET", "POST"]
allow = "authenticated"

[[app.rule]]
path = "/reports/**"
allow = { permission = "reports.edit" }

[[app.rule]]
path = "/reports/**"
methods = "GET"
allow = { network = "10.0.0.0/8" }

[[app.rule]]
path = "/*/public"
allow = "anyone"

[[app.rule]]
path = "/reports/2026"
allow = { group = ["staff", "operators"], user = "Alice", network = ["10.0.0.0/8", "::1"] }

[[app.rule]]
path = "/static/**"
allow = "anyone"

[[app]]
path = "/grafana"
upstream = "unix:/run/grafana.sock"
identity = "none"

[[app.rule]]
path = "/**"
allow = "nobody"

# Fits whatever number of file descriptors the machine allows.
[limits]
connections = 10
"#,
        );
        assert_eq!((checked, err.as_str()), (Checked::Usable, ""));
        insta::assert_snapshot!(out);
    }

    #[test]
    fn an_app_that_is_open_to_everyone_is_noted() {
        let app = "[[app]]\npath = \"/a\"\nupstream = \"builtin:whoami\"\n[[app.rule]]\npath = \"/a/**\"\n";
        let note = "open to everyone where no other rule says otherwise";
        assert!(check(&format!("{app}allow = \"anyone\"")).1.contains(note));
        assert!(!check(&format!("{app}allow = \"nobody\"")).1.contains(note));
    }

    #[test]
    fn check_lists_loosened_shields() {
        let listed = |keys: &str| {
            let (_, out, _) = check(&format!("[[app]]\nupstream = \"builtin:whoami\"\n{keys}\n"));
            let lines = out.lines().filter_map(|line| line.trim().split_once("  "));
            let parts: Vec<&str> = lines
                .filter(|(what, _)| ["shield", "passes"].contains(what))
                .map(|(_, listed)| listed.trim())
                .collect();
            parts.join(" | ")
        };
        assert_eq!(listed(""), "");
        assert_eq!(listed("[app.shield]\nmode = \"off\""), "off");
        assert_eq!(listed("service_workers = true\n[app.shield]\nmode = \"off\""), "off");
        assert_eq!(listed("[app.shield]\nmode = \"report\""), "requests from other sites are only reported");
        assert_eq!(listed("[app.shield]\ncross_site = \"allow\""), "other sites may send everything");
        assert_eq!(
            listed(
                "pass_headers = \"X-Original-URL\"\n[app.shield]\ntrusted_origins = \"https://a.example\"\ncookie_secure = false"
            ),
            "x-original-url | trusts https://a.example; headers of its own choice"
        );
    }

    #[test]
    fn check_lists_hsts_beside_https_listeners() {
        let https = |tls: &str| {
            let (_, out, _) = check(&format!("{tls}[[app]]\nupstream = \"builtin:whoami\"\n"));
            out.lines().find(|line| line.starts_with("https")).unwrap().to_owned()
        };
        assert!(https("").ends_with("TLS 1.2 and 1.3"), "{}", https(""));
        let listed = https("[tls]\nhsts = \"365d\"\nhsts_subdomains = true\n");
        assert!(listed.ends_with("TLS 1.2 and 1.3, HSTS max-age=31536000; includeSubDomains"), "{listed}");
    }

    #[test]
    fn check_lists_and_warns_of_rules_that_are_not_enforced() {
        let (checked, out, err) = check(
            "[[app]]\nupstream = \"builtin:whoami\"\n[[app.rule]]\npath = \"/**\"\nallow = \"authenticated\"\nenforce = false\n",
        );
        assert_eq!(checked, Checked::Usable);
        assert!(err.starts_with("warning: this rule is not enforced: it refuses nobody"), "{err}");
        assert!(out.contains("signed in (not enforced)") && out.contains("open to everyone"), "{out}");
    }

    #[test]
    fn check_prints_warnings_and_accepts_the_file() {
        let (checked, out, err) = check("[[app]]\nupstream = \"http://app.internal\"\n");
        assert_eq!(checked, Checked::Usable);
        assert!(err.starts_with("warning: this upstream is on another machine"), "{err}");
        assert!(out.ends_with("gateway.toml can be used, 1 warning\n"), "{out}");
    }

    #[test]
    fn check_prints_errors_without_the_table() {
        let (checked, out, err) = check("[[app]]\nupstream = 5\n");
        assert_eq!((checked, out.as_str()), (Checked::Unusable, ""));
        assert!(err.ends_with("gateway.toml: 1 error\n"), "{err}");
    }

    #[test]
    fn check_of_a_missing_file_hints_at_a_first_configuration() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let checked = run(Path::new("no/such.toml"), Look::Plain, &mut out, &mut err).unwrap();
        assert_eq!(checked, Checked::Unusable);
        insta::assert_snapshot!(String::from_utf8(err).unwrap());
    }
}
