//! `[mail]`.

use super::*;
use crate::mail::Security;

const APP: &str = "[[app]]\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n";
const MINIMAL: &str = "smtp = \"smtps://mail.example.com\"\nfrom = \"Portcullis <gateway@example.com>\"";

fn section(keys: &str) -> MailSection {
    let loaded = parsed(&format!("[mail]\n{keys}\n{APP}"));
    assert_eq!(loaded.warnings.len(), 0, "{keys}");
    loaded.configuration.mail
}

/// The first diagnostic as people read it.
fn problem(keys: &str, app: &str) -> String {
    let diagnostics = match parse(&format!("[mail]\n{keys}\n{app}"), Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    diagnostics.first().map(|diagnostic| diagnostic.render(Look::Plain)).unwrap_or_default()
}

#[test]
fn mail_is_protected_unless_it_stays_on_this_machine() {
    for (smtp, port, security) in [
        ("smtps://mail.example.com", 465, Security::Tls),
        ("smtps://mail.example.com:4650", 4650, Security::Tls),
        ("smtp://mail.example.com", 587, Security::StartTls),
        ("smtp://mail.example.com:25", 25, Security::StartTls),
        ("smtp://localhost:25", 25, Security::Plain),
        ("smtp://127.0.0.1", 587, Security::Plain),
        ("smtp://[::1]:25", 25, Security::Plain),
        ("smtps://localhost", 465, Security::Tls),
    ] {
        let keys = format!("smtp = \"{smtp}\"\nfrom = \"gateway@example.com\"");
        let server = section(&keys).settings.unwrap().server;
        assert_eq!((server.port, server.security), (port, security), "{smtp}");
    }
    let wanted = section("smtp = \"smtp://localhost\"\nstarttls = true\nfrom = \"gateway@example.com\"");
    assert_eq!(wanted.settings.unwrap().server.security, Security::StartTls);
}

#[test]
fn a_mistake_in_mail_says_what_would_be_right() {
    for (keys, expected) in [
        ("from = \"a@example.com\"", "`[mail]` has no `smtp`"),
        ("smtp = \"smtps://mail.example.com\"", "`[mail]` has no `from`"),
        ("smtp = \"mail.example.com\"\nfrom = \"a@example.com\"", "write `smtps://HOST`"),
        (
            "smtp = \"smtps://bob:pw@mail.example.com\"\nfrom = \"a@example.com\"",
            "write `user` and `password_file`",
        ),
        ("smtp = \"smtps://\"\nfrom = \"a@example.com\"", "write `smtps://HOST`"),
        ("smtp = \"smtps://mail.example.com\"\nfrom = \"Portcullis\"", "`from` cannot be"),
        ("smtp = \"smtps://mail.example.com\"\nfrom = \"a@b.c\\r\\nBcc: e@f.g\"", "`from` cannot be"),
        (
            "smtp = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\nuser = \"bob\"",
            "`user` has no password",
        ),
        (
            "smtp = \"smtp://mail.example.com\"\nstarttls = false\nfrom = \"a@example.com\"",
            "mail leaves this machine without TLS",
        ),
        ("smtp = \"smtps://mail.example.com\"\nstarttls = true\nfrom = \"a@example.com\"", "no effect"),
        (
            "smtp = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\norigin = \"http://x\"",
            "`origin` cannot be",
        ),
        (
            "smtp = \"smtps://mail.example.com\"\nfrom = \"a@example.com\"\norigin = \"https://x/path\"",
            "`origin` cannot be",
        ),
    ] {
        let problem = problem(keys, APP);
        assert!(problem.contains(expected), "{keys}\n{problem}");
        assert!(!problem.contains("bob:pw"), "{problem}");
    }
}

#[test]
fn links_in_mails_lead_to_a_configured_host_or_there_is_no_mail() {
    let anywhere = "[[app]]\nupstream = \"builtin:whoami\"\n";
    let two = "[[app]]\nhost = \"a.example.com\"\nupstream = \"builtin:whoami\"\n\
               [[app]]\nname = \"b\"\nhost = \"b.example.com\"\nupstream = \"builtin:whoami\"\n";
    for app in [anywhere, two] {
        assert!(problem(MINIMAL, app).contains("links in mails would lead nowhere"), "{app}");
        let named = format!("{MINIMAL}\norigin = \"https://wiki.example.com:8443/\"");
        assert_eq!(problem(&named, app), "", "{app}");
    }
    let portal = format!("[portal]\nhost = \"login.example.com\"\n{two}");
    assert_eq!(problem(MINIMAL, &portal), "");
    let origin = section(&format!("{MINIMAL}\norigin = \"https://wiki.example.com:8443/\"")).origin;
    assert_eq!(origin.as_deref(), Some("https://wiki.example.com:8443"));
}

#[test]
fn the_password_of_the_mail_server_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mail"), "open sesame\n").unwrap();
    let text = format!("[mail]\n{MINIMAL}\nuser = \"gateway\"\npassword_file = \"mail\"\n{APP}");
    let loaded = parse(&text, &folder.path().join("gateway.toml")).unwrap();
    let mail = loaded.configuration.mail;
    assert!(mail.settings.as_ref().unwrap().login.is_some());
    assert!(!format!("{mail:?}").contains("sesame"));
}
