//! `portcullis check`: mistakes in the configuration, and the listeners, apps and rules that it declares.
//!
//! Reads the file as `serve` does. Mistakes and warnings go to standard error,
//! the listing goes to standard output. Without `--online` it opens no socket, and of the databases only that of the users, to read, if
//! there are backends beside the gateway's own directory.

mod listing;

use std::{
    io::{self, Write},
    path::Path,
};

use clap::Args;

use super::{backend, failure::Failure, output::out, state::configuration};
use crate::{
    assembly::descriptor_shortage,
    auth::BackendSettings,
    config::{self, Configuration, Look},
    server,
    users::UserStore,
};
use listing::write_served;

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
        writeln!(err, "warning: in this shell, {shortage}\n")?;
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
                    "passkeys stored for `{rp_id}` do not work for `{}` ({count} of them)\n  help: `rp_id = \"{rp_id}\"` in \
                     `[accounts.passkeys]` makes them work again; otherwise their owners add new ones",
                    passkeys.rp_id
                )
            })
            .collect(),
        Err(error) => vec![format!("cannot tell whether stored passkeys are bound to another name: {error}")],
    }
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
    fn check_lists_second_factors_passkeys_registration_and_mail() {
        let (checked, out, err) = check(
            r#"[groups]
admins = []

[accounts]
required_for = "admins"
required_for_superusers = true
registration = "approval"
registration_domains = "example.com"
approvers = "boss@example.com"

[accounts.passkeys]
rp_id = "wiki.example.com"

[mail]
smtp = "smtps://mail.example.com"
from = "Wiki <wiki@example.com>"

[limits]
connections = 10

[[app]]
host = "wiki.example.com"
upstream = "builtin:whoami"
"#,
        );
        assert_eq!((checked, err.as_str()), (Checked::Usable, ""));
        for line in [
            "second factor  optional               required for admins, superusers",
            "passkeys       for wiki.example.com   as a second factor",
            "registration   with approval          for addresses of example.com",
            "mail           mail.example.com:465   from Wiki <wiki@example.com>",
        ] {
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(out.lines().any(|printed| words(printed) == words(line)), "{line}: {out}");
        }
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
