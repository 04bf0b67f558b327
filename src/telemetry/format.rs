//! The format of access-log and audit lines.

use std::io::{self, IsTerminal};

/// The format of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Format {
    /// Text on a terminal, JSON otherwise.
    pub fn for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Text } else { Self::Json }
    }
}
