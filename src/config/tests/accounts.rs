//! Mistakes in the settings of second factors: `[accounts]`, `[accounts.passkeys]`, `factors` and `max_age` of rules. Each is
//! refused with its place, and with a hint at what would be right.

use std::path::Path;

use super::super::{ConfigError, Look, parse};

/// The place of a mistake, its message, and the hint.
type Expected = (&'static str, &'static str, &'static str);

/// The fault of the diagnostics about `text`, if there is one.
fn unexpected(text: &str, (place, message, hint): Expected) -> Option<String> {
    let diagnostics = match parse(text, Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    let said = ConfigError::Invalid(diagnostics).render(Look::Plain);
    let is_here = said.contains(&format!("gateway.toml:{place}\n"));
    let helps = hint.is_empty() || said.contains(&format!("help: {hint}"));
    (!is_here || !said.contains(message) || !helps).then(|| format!("{place} {message} {hint}\n{said}"))
}

/// Checks that the diagnostics about each text are as expected.
#[track_caller]
fn all_as_expected(texts: impl Iterator<Item = (String, Expected)>) {
    let wrong: Vec<String> = texts.filter_map(|(text, expected)| unexpected(&text, expected)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

/// Checks that `text` is no configuration that a gateway starts with.
#[track_caller]
fn is_refused(text: &str) {
    assert!(parse(text, Path::new("gateway.toml")).is_err(), "{text}");
}

const APP: &str = "[[app]]\nname = \"wiki\"\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n";

#[test]
fn mistakes_in_accounts_are_refused_at_their_place() {
    let cases: &[(&str, Expected)] = &[
        ("second_factor = \"optionel\"", ("2:17", "\"optionel\"", "did you mean \"optional\"?")),
        ("second_factor = true", ("2:17", "expected a string for `second_factor`, found a boolean", "")),
        (
            "second_factors = \"off\"",
            ("2:1", "unknown key `second_factors`", "did you mean `second_factor`?"),
        ),
        ("required_for = 5", ("2:16", "expected a string or a list of strings for `required_for`", "")),
        (
            "required_for = [\"admin\"]",
            ("2:17", "group \"admin\" is not defined", "did you mean \"admins\"?"),
        ),
        ("required_for = [1]", ("2:17", "expected strings in the list of `required_for`", "")),
        (
            "second_factor = \"off\"\nrequired_for = [\"admins\"]",
            (
                "3:1",
                "`required_for` asks for second factors, and nobody can add one",
                "write `second_factor = \"optional\"`",
            ),
        ),
        (
            "second_factor = \"off\"\nrequired_for_superusers = true",
            (
                "3:1",
                "`required_for_superusers` asks for second factors",
                "write `second_factor = \"optional\"`",
            ),
        ),
        ("required_for_superusers = \"yes\"", ("2:27", "expected `true` or `false`", "")),
    ];
    let text = |lines: &str| format!("[accounts]\n{lines}\n[groups]\nadmins = []\n{APP}");
    all_as_expected(cases.iter().map(|(lines, expected)| (text(lines), *expected)));
    for (lines, _) in cases {
        is_refused(&text(lines));
    }
    let text = format!(
        "[accounts]\nsecond_factor = \"required\"\nrequired_for = [\"admins\"]\n[groups]\nadmins = []\n{APP}"
    );
    assert_eq!(unexpected(&text, ("3:1", "`required_for` changes nothing", "leave it out")), None);
}

#[test]
fn mistakes_in_passkeys_are_refused_at_their_place() {
    let cases: &[(&str, Expected)] = &[
        ("enabled = 1", ("2:11", "expected `true` or `false` for `enabled`", "")),
        ("rp_id = 5", ("2:9", "expected a string for `rp_id`", "")),
        ("rp_id = \"https://example.com\"", ("2:9", "it has a scheme", "")),
        (
            "rp_id = \"example.org\"",
            ("2:9", "`example.org` is no parent of it", "write a name that all these hosts"),
        ),
        (
            "rp_id = \"example.com\"\nfirst_factor = \"yes\"",
            ("3:16", "expected `true` or `false` for `first_factor`", ""),
        ),
        (
            "rp_id = \"example.com\"\nfirst_facter = true",
            ("3:1", "unknown key `first_facter`", "did you mean `first_factor`?"),
        ),
        (
            "rp_id = \"example.com\"\nrelated_hosts = 5",
            ("3:17", "expected a string or a list of strings for `related_hosts`", ""),
        ),
        (
            "rp_id = \"example.com\"\nrelated_hosts = [\"shop.example.org\"]",
            ("3:18", "nobody signs in on `shop.example.org`", "list hosts of apps"),
        ),
        (
            "rp_id = \"example.com\"\nauthenticators = 5",
            ("3:18", "expected a string for `authenticators`", ""),
        ),
        (
            "rp_id = \"example.com\"\nauthenticators = \"missing.json\"",
            ("3:18", "cannot read", "name a file that the gateway's user can read"),
        ),
        (
            "first_factor = true",
            (
                "1:1",
                "passkeys are bound to one name, and this gateway has none",
                "add `rp_id = \"example.com\"`",
            ),
        ),
    ];
    let text = |lines: &str| format!("[accounts.passkeys]\n{lines}\n{APP}");
    all_as_expected(cases.iter().map(|(lines, expected)| (text(lines), *expected)));
    for (lines, _) in cases {
        is_refused(&text(lines));
    }
}

#[test]
fn mistakes_in_factors_and_max_age_are_refused_at_their_place() {
    let methods = "write `factors = 2`, or those of which one counts";
    let cases: &[(&str, Expected)] = &[
        ("factors = 0", ("8:11", "`factors` can be 2", methods)),
        ("factors = 1", ("8:11", "`factors` can be 2", methods)),
        ("factors = 3", ("8:11", "`factors` can be 2", methods)),
        ("factors = -2", ("8:11", "`factors` can be 2", methods)),
        ("factors = \"totp\"", ("8:11", "expected 2 or a list of factors for `factors`", methods)),
        ("factors = 2.0", ("8:11", "expected 2 or a list of factors for `factors`", methods)),
        ("factors = true", ("8:11", "expected 2 or a list of factors for `factors`", methods)),
        ("factors = []", ("8:11", "expected 2 or a list of factors for `factors`", methods)),
        ("factors = [\"topt\"]", ("8:12", "there is no factor \"topt\"", "did you mean \"totp\"?")),
        ("factors = [\"TOTP\"]", ("8:12", "there is no factor \"TOTP\"", "")),
        ("factors = [\"totp\", \"sms\"]", ("8:20", "there is no factor \"sms\"", methods)),
        // A token is no factor of a person.
        ("factors = [\"token\"]", ("8:12", "there is no factor \"token\"", methods)),
        ("factors = [\"totp\", 2]", ("8:20", "expected strings in the list of `factors`", "")),
        ("factor = 2", ("8:1", "unknown key `factor`", "did you mean `factors`?")),
        ("max_age = 10", ("8:11", "expected a duration for `max_age`", "write `max_age = \"10s\"`")),
        ("max_age = \"ten minutes\"", ("8:11", "", "")),
        ("max_age = \"-10m\"", ("8:11", "", "")),
        ("max_age = \"\"", ("8:11", "", "")),
        ("maxage = \"10m\"", ("8:1", "unknown key `maxage`", "did you mean `max_age`?")),
    ];
    let text = |lines: &str| {
        format!("{APP}[[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\n{lines}\n")
    };
    all_as_expected(cases.iter().map(|(lines, expected)| (text(lines), *expected)));
    for (lines, _) in cases {
        is_refused(&text(lines));
    }
    for (allow, message) in [("anyone", "asks for a"), ("nobody", "means nothing where nobody may")] {
        for key in ["factors = 2", "max_age = \"10m\""] {
            let text = format!("{APP}[[app.rule]]\npath = \"/admin/**\"\nallow = \"{allow}\"\n{key}\n");
            assert_eq!(unexpected(&text, ("8:11", message, "remove `")), None);
            is_refused(&text);
        }
    }
}
