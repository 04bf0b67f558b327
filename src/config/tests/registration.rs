//! `[accounts]`: registration.

use super::*;
use crate::portal::RegistrationMode;

const MAIL: &str = "[mail]\nsmtp = \"smtps://mail.example.com\"\nfrom = \"gateway@example.com\"\n";
const APP: &str =
    "[groups]\nstaff = []\n[[app]]\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n";

/// The first diagnostic as people read it.
fn problem(keys: &str, mail: &str) -> String {
    let text = format!("[accounts]\n{keys}\n{mail}{APP}");
    let diagnostics = match parse(&text, Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    diagnostics.first().map(|diagnostic| diagnostic.render(Look::Plain)).unwrap_or_default()
}

#[test]
fn registration_is_off_unless_the_configuration_says_otherwise() {
    assert_eq!(parsed(APP).configuration.accounts.registration.mode, RegistrationMode::Off);
    let keys = "registration = \"approval\"\nregistration_domains = [\"Example.com\"]\n\
                registration_groups = [\"staff\"]\napprovers = \"admin@example.com\"";
    let loaded = parsed(&format!("[accounts]\n{keys}\n{MAIL}{APP}"));
    assert_eq!(loaded.warnings.len(), 0);
    let registration = loaded.configuration.accounts.registration;
    assert_eq!(registration.mode, RegistrationMode::Approval);
    assert_eq!(
        (registration.domains, registration.approvers),
        (vec!["example.com".into()], vec!["admin@example.com".into()])
    );
    assert_eq!(registration.groups.len(), 1);
}

#[test]
fn a_mistake_in_registration_says_what_would_be_right() {
    for (keys, mail, expected) in [
        ("registration = \"yes\"", MAIL, "`registration` cannot be \"yes\""),
        ("registration = \"open\"", "", "the gateway sends none"),
        ("registration = \"open\"", "[mail]\nfrom = \"gateway@example.com\"\n", "`[mail]` has no `smtp`"),
        ("registration = \"invitation\"", "", "the gateway sends none"),
        ("registration = \"approval\"", MAIL, "nobody is told of accounts that wait"),
        ("registration_domains = \"example.com\"", MAIL, "`registration_domains` has no effect"),
        ("registration = \"open\"\napprovers = \"a@example.com\"", MAIL, "`approvers` has no effect"),
        (
            "registration = \"open\"\nregistration_domains = \"@example.com\"",
            MAIL,
            "is no domain of addresses",
        ),
        ("registration = \"open\"\nregistration_domains = \"localhost\"", MAIL, "is no domain of addresses"),
        ("registration = \"open\"\nregistration_groups = \"staf\"", MAIL, "staf"),
        ("registration = \"approval\"\napprovers = \"admin\"", MAIL, "\"admin\" is no address"),
    ] {
        let problem = problem(keys, mail);
        assert!(problem.contains(expected), "{keys}\n{problem}");
    }
}
