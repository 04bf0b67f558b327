//! The listing of what a configuration declares: listeners, apps, rules.

use std::{
    io::{self, Write},
    time::Duration,
};

use crate::{
    access::{App, Requirement, Rule},
    auth::BackendSettings,
    cli::{rule_text::requires, table::Table},
    config::{self, Configuration, SessionSection, Store},
    forward::{self, IdentityHeaders, KeepsData},
    portal::{RegistrationMode, SecondFactorPolicy},
    server::TlsVersion,
    session::{AppSessionLimits, cookie::CookieNames},
    shield::{Mode, ResponseChanges, Shield, Workers},
};

/// Lists the listeners, apps and rules.
pub(super) fn write_served(configuration: &Configuration, out: &mut dyn Write) -> io::Result<()> {
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
    for (what, which, note) in accounts(configuration) {
        row(what, which, note);
    }
    if let Some(mail) = &configuration.mail.settings {
        let server = format!("{}:{}", mail.server.host, mail.server.port);
        row("mail", server, format!("from {}", mail.from));
    }
    if let Some(host) = &configuration.portal.host {
        row("portal", format!("https://{host}"), "people sign in here for all hosts".to_owned());
    }
    row("state", configuration.state.display().to_string(), String::new());
    table.write("", out)
}

/// The settings of `[accounts]` that differ from the defaults: the need for second factors, passkeys, registration.
fn accounts(configuration: &Configuration) -> Vec<(&'static str, String, String)> {
    let accounts = &configuration.accounts;
    let mut rows = Vec::new();
    let mut needed: Vec<String> = accounts.required_for.iter().map(ToString::to_string).collect();
    needed.extend(accounts.required_for_superusers.then(|| "superusers".to_owned()));
    match accounts.second_factor {
        SecondFactorPolicy::Off => {
            rows.push(("second factor", "off".to_owned(), "nobody can add one".to_owned()));
        }
        SecondFactorPolicy::Required => {
            rows.push(("second factor", "required".to_owned(), "for everyone".to_owned()));
        }
        SecondFactorPolicy::Optional if needed.is_empty() => {}
        SecondFactorPolicy::Optional => {
            rows.push((
                "second factor",
                "optional".to_owned(),
                format!("required for {}", needed.join(", ")),
            ));
        }
    }
    if let Some(passkeys) = &accounts.passkeys {
        let purpose =
            if passkeys.first_factor { "alone or as a second factor" } else { "as a second factor" };
        rows.push(("passkeys", format!("for {}", passkeys.rp_id), purpose.to_owned()));
    }
    let registration = &accounts.registration;
    let mode = match registration.mode {
        RegistrationMode::Off => return rows,
        RegistrationMode::Invitation => "by invitation",
        RegistrationMode::Approval => "with approval",
        RegistrationMode::Open => "open",
    };
    let domains = match registration.domains.as_slice() {
        [] if registration.mode.makes_accounts() => "for every address".to_owned(),
        [] => String::new(),
        domains => format!("for addresses of {}", domains.join(", ")),
    };
    rows.push(("registration", mode.to_owned(), domains));
    rows
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
    let of_its_own = shield
        .response_changes
        .as_ref()
        .is_none_or(|response_changes| *response_changes != ResponseChanges::standard());
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
