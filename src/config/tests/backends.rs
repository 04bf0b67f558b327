//! `[[backend]]`.

use super::*;
use crate::auth::BackendSettings;

const APP: &str = "[[app]]\nupstream = \"builtin:whoami\"\n";

/// The messages, each with its line.
fn problems(text: &str) -> Vec<String> {
    let diagnostics = match parse(&format!("{text}\n{APP}"), Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => diagnostics,
    };
    let shown = |diagnostic: &Diagnostic| diagnostic.render(Look::Plain).lines().next().unwrap().to_owned();
    diagnostics.iter().map(shown).collect()
}

#[test]
fn without_a_backend_users_are_those_of_the_gateways_own_directory() {
    let local = [BackendSettings::Local];
    assert_eq!(parsed(APP).configuration.backends, local);
    let declared = parsed(&format!("[[backend]]\ntype = \"local\"\n{APP}"));
    assert_eq!((declared.configuration.backends.as_slice(), declared.warnings.len()), (&local[..], 0));
}

#[test]
fn a_backend_that_cannot_be_meant_is_an_error() {
    for (text, expected) in [
        ("backend = []", "error: there is no backend, so nobody could sign in"),
        ("[[backend]]\nname = \"x\"", "error: this backend has no `type`"),
        ("[[backend]]\ntype = \"lokal\"", "error: `type` cannot be \"lokal\""),
        ("[[backend]]\ntype = 1", "error: expected a string for `type`, found an integer"),
        (
            "[[backend]]\ntype = \"local\"\nnames = \"x\"",
            "error: unknown key `names` in `[[backend]]` of type \"local\"",
        ),
        (
            "[[backend]]\ntype = \"local\"\nname = \"mine\"",
            "error: a backend of type \"local\" cannot be named \"mine\"",
        ),
        ("[[backend]]\ntype = \"local\"\nname = \"Local\"", "error: \"Local\" is no name of a backend"),
        ("[backend]\ntype = \"local\"", "error: there can be several `[[backend]]`"),
        ("backend = [\"local\"]", "error: expected a table in `backend`, found a string"),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    let twice = "[[backend]]\ntype = \"local\"\n[[backend]]\ntype = \"local\"";
    assert_eq!(problems(twice), ["error: there are two backends named \"local\""]);
}
