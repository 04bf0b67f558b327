//! Random and damaged files: the parser ends with a result that can be rendered.

use std::path::Path;

use proptest::prelude::*;

use super::super::{ConfigError, Look, parse};

/// Parses a text and renders the diagnostics.
fn survives(text: &str) {
    let diagnostics = match parse(text, Path::new("gateway.toml")) {
        Ok(loaded) => loaded.warnings,
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "refused without a reason: {text:?}");
            diagnostics
        }
    };
    assert!(
        diagnostics.is_sorted_by_key(|diagnostic| (diagnostic.place.line, diagnostic.place.column)),
        "out of order: {text:?}"
    );
    ConfigError::Invalid(diagnostics).render(Look::Coloured);
}

const RICH: &str = r#"state = "state"
[server]
https = ["0.0.0.0:8443", "[::]:8443"]
http = "0.0.0.0:8090"
trusted_proxies = ["10.0.0.0/8"]
[tls]
min_version = "1.3"
[session]
lifetime = "1h30m"
[limits]
max_body = "10MiB"
[groups]
staff = ["wiki.edit"]
"grüße" = []
[[app]]
host = ["wiki.example.com", "[::1]"]
path = "/wiki"
upstream = ["http://127.0.0.1:8080", 'unix:/run/a b.sock']
identity = { preset = "x-forwarded", X-Team = { attribute = "team" }, X-G = { groups = "|" } }
[[app.rule]]
path = "/wiki/*/x/**"
methods = ["GET", "POST"]
allow = { group = "staff", network = ["10.0.0.0/8", "::1"], user = "alice" }
[[app]]
upstream = "builtin:whoami"
rule = [{ path = "/**", allow = "anyone" }]
"#;

/// Pieces of text that damage a file.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,4}",
        prop::sample::select(vec![
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            "\"",
            "'",
            "\"\"\"",
            "=",
            ".",
            ",",
            "#",
            "\n",
            "\r\n",
            "\r",
            "\t",
            "\0",
            "\u{feff}",
            "é",
            "\\",
            "\\u0000",
            "5",
            "-1",
            "1979-05-27",
            "true",
            "[server]\n",
            "[app]\n",
            "[[app]]\n",
            "[[app.rule]]\n",
            "[app.rule]\n",
            "[tls]\n",
            "app.x = 1\n",
            "a.b.c = 1\n",
            "**",
            "/",
            "../",
            "%",
            "@",
            "://",
            "redis://u:p@é",
            "\u{202e}",
        ])
        .prop_map(str::to_owned),
    ]
}

#[test]
fn the_file_that_is_changed_below_is_right() {
    let loaded = parse(RICH, Path::new("gateway.toml"));
    assert!(loaded.is_ok_and(|loaded| loaded.warnings.is_empty()));
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_sequence_of_pieces(pieces in prop::collection::vec(piece(), 0..40)) {
        survives(&pieces.concat());
    }

    #[test]
    fn a_right_file_with_something_put_in(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, piece()), 1..4),
    ) {
        let mut characters: Vec<char> = RICH.chars().collect();
        for (at, removed, piece) in cuts {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, piece.chars());
        }
        survives(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn a_right_file_with_lines_moved_about(lines in Just(RICH.lines().collect::<Vec<_>>()).prop_shuffle(), count in 0..30_usize) {
        survives(&lines.into_iter().take(count).collect::<Vec<_>>().join("\n"));
    }
}
