//! The error of a configuration file.

use std::fmt;

use super::diagnostic::{Diagnostic, Look, render_all, render_bare};

/// Why a file cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file, and the reason.
        problem: String,
        /// A hint.
        help: String,
    },
    /// The file has mistakes; warnings are among them.
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    /// The whole text, for a terminal or a log.
    pub fn render(&self, look: Look) -> String {
        match self {
            Self::Unreadable { problem, help } => render_bare(problem, help, look),
            Self::Invalid(diagnostics) => render_all(diagnostics, look),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Look::Plain))
    }
}

impl std::error::Error for ConfigError {}

/// The text of an error of the operating system, in lower case and without its number.
pub(super) fn system_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
