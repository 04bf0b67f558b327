//! `gateway.toml`: no input makes the parser panic, and every diagnostic is located within the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portcullis::config::{self, Diagnostic, Look};

fuzz_target!(|text: &str| {
    let diagnostics = match config::parse(text, Path::new("/nonexistent/gateway.toml")) {
        Ok(loaded) => {
            assert_eq!(loaded.configuration.policy.apps().len(), loaded.configuration.apps.len());
            assert!(!loaded.configuration.server.https.is_empty());
            assert!(loaded.configuration.apps.iter().all(|app| !app.forward.upstreams.is_empty()));
            loaded.warnings
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "a file that is refused has a mistake");
            mistakes
        }
    };
    diagnostics.iter().for_each(|diagnostic| is_in_the_file(diagnostic, text));
});

fn is_in_the_file(diagnostic: &Diagnostic, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let place = &diagnostic.place;
    let line = text.split('\n').nth(place.line.checked_sub(1).expect("lines count from 1"));
    let line = line.unwrap_or_else(|| panic!("line {} of a text without it", place.line));
    assert!((1..=line.chars().count() + 1).contains(&place.column), "{place} of {line:?}");
    assert!(!diagnostic.message.is_empty());
    let rendered = diagnostic.render(Look::Plain);
    assert!(rendered.contains("gateway.toml:"), "{rendered}");
    // Copied text must not control the terminal, reverse the reading direction or hide characters.
    let turns = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| c == '\n' || c == '\t' || !(c.is_control() || turns(c));
    assert!(rendered.chars().all(harmless), "{rendered:?}");
}
