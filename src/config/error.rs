//! Why a configuration file cannot be used.

use std::fmt;

use super::diagnostic::{Diagnostic, Look, render_all, render_bare};

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

impl ConfigError {
    /// Everything there is to say, for a terminal or a log.
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

/// What the system says, in lower case and without its number.
pub(super) fn system_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
