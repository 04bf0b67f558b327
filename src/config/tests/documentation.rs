//! What the documentation shows is right: each of its files is read, and the repository's own.

use std::path::Path;

use super::super::{ConfigError, load, parse};

#[test]
fn every_example_of_the_reference_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let text = include_str!("../../../docs/configuration.md");
    let blocks = toml_blocks(text);
    assert!(blocks.len() > 10, "{} blocks found", blocks.len());
    for (line, block) in blocks {
        // Most show one section; an app makes a whole file of it.
        let whole = if block.contains("[[app]]") {
            block
        } else {
            format!("{block}\n[[app]]\nupstream = \"builtin:whoami\"\n")
        };
        if let Err(diagnostics) = parse(&whole, &folder.path().join("gateway.toml")) {
            panic!("docs/configuration.md:{line}:\n{}", ConfigError::Invalid(diagnostics));
        }
    }
}

#[test]
fn the_reference_names_every_key() {
    let text = include_str!("../../../docs/configuration.md");
    for section in super::super::keys::SECTIONS {
        for key in section.keys {
            assert!(
                text.contains(&format!("`{key}`")) || text.contains(&format!("[{key}]")),
                "{key} is not documented"
            );
        }
    }
}

#[test]
fn the_file_of_the_repository_can_be_used_without_a_warning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml");
    let loaded = load(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings.len(), 0);
    let server = &loaded.configuration.server;
    assert!(server.https.iter().chain(&server.status).all(|address| address.ip().is_loopback()));
}

/// The blocks that begin with ```` ```toml ````, with the line on which each begins.
fn toml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```toml") => open = Some((index + 1, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, block)), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

/// The files that the examples speak of.
fn make_certificates(folder: &Path) {
    let folder = folder.join("certs");
    std::fs::create_dir(&folder).unwrap();
    for name in ["wiki", "grafana", "internal-ca"] {
        let made = rcgen::generate_simple_self_signed(vec![format!("{name}.example.com")]).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
    }
}
