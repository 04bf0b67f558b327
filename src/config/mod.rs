//! `gateway.toml`: what the operator declares, compiled into what the gateway needs.
//!
//! [`load`] reads a file, [`parse`] a text. Out comes a [`Configuration`] made
//! of domain types alone, or every mistake at once as [`Diagnostic`]s, each
//! with its place, what is wrong and what would be right. Nothing outside this
//! module knows of TOML, and nothing in here outlives the start: what the
//! request path sees was checked here.
//!
//! The text is walked by hand (`reader`) instead of deserialised, because an
//! operator wants the twelve mistakes of a file in one go. `keys` lists every
//! key there is; one module a section says what its values mean.

mod apps;
mod certificate;
mod configuration;
mod diagnostic;
mod excerpt;
mod groups;
mod hosts;
mod identity;
mod keys;
mod networks;
mod overlaps;
mod pass_headers;
mod quantity;
mod reader;
mod rules;
mod sections;
mod server;
mod shield;
mod source;
mod store;
mod suggest;
mod syntax;
mod throttle;
mod upstreams;

#[cfg(test)]
mod tests;

use std::{fmt, path::Path, sync::Arc};

pub use certificate::{CertificateFile, CertificateProblem, read as read_certificate};
pub use configuration::{CertificateFiles, Configuration, Log, Server, Sessions, Store, Tls};
pub use diagnostic::{Diagnostic, Look, Severity, count};
pub use quantity::{parse_duration, show_duration};

/// What a file without mistakes came to.
#[derive(Debug)]
pub struct Loaded {
    /// What it declares.
    pub configuration: Configuration,
    /// What is allowed and probably not meant, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// It cannot be read at all.
    Unreadable {
        /// What was being done, to which file, and what went wrong.
        problem: String,
        /// What to do about it.
        help: String,
    },
    /// It can be read and has mistakes; warnings are among them.
    Invalid(Vec<Diagnostic>),
}

/// Reads a configuration file.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| not_text(path, &error))?;
    parse(&text, path).map_err(ConfigError::Invalid)
}

/// Reads a configuration from a text, as if it stood in `file`: relative paths start in its folder.
///
/// The error holds every mistake and every warning, in the order of the text.
pub fn parse(text: &str, file: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let source = Arc::new(source::Source::new(text, file));
    let reader = reader::Reader::new(source.clone());
    let document = syntax::document(&source, &reader);
    let configuration = sections::configuration(document.get_ref(), file, &reader);
    let (diagnostics, failed) = reader.finish();
    if failed {
        return Err(diagnostics);
    }
    Ok(Loaded { configuration, warnings: diagnostics })
}

impl ConfigError {
    /// Everything there is to say, for a terminal or a log.
    pub fn render(&self, look: Look) -> String {
        match self {
            Self::Unreadable { problem, help } => diagnostic::render_bare(problem, help, look),
            Self::Invalid(diagnostics) => diagnostic::render_all(diagnostics, look),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Look::Plain))
    }
}

impl std::error::Error for ConfigError {}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    let help = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "name another with `--config FILE`, or write one; `[[app]]` and, below it, `upstream = \"http://127.0.0.1:8080\"` will do"
        }
        std::io::ErrorKind::PermissionDenied => "let the user that runs the gateway read it",
        std::io::ErrorKind::IsADirectory => "name the file in it: `--config FOLDER/gateway.toml`",
        _ => "look at the file and the disk it is on",
    };
    ConfigError::Unreadable {
        problem: format!("cannot read {}: {}", path.display(), plain(error)),
        help: help.to_owned(),
    }
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> ConfigError {
    let good = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(error.as_bytes().get(..good).unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ConfigError::Unreadable {
        problem: format!("cannot read {}:{line}:{column}: it is not UTF-8 text", path.display()),
        help: "save the file in the encoding UTF-8".to_owned(),
    }
}

/// What the system says, in lower case and without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
