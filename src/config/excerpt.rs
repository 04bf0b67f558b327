//! Text from the file as messages quote it.
//!
//! Every diagnostic that repeats a value of the file takes it through
//! [`excerpt`]: a message stays short, and a value cannot pass for another text
//! or move the cursor of a terminal.

use crate::escape::misleads;

/// At most 60 characters of a text, with what misleads replaced by `\u{fffd}`.
pub(super) fn excerpt(text: &str) -> String {
    let mut characters = text.chars().map(|c| if misleads(c) { '\u{fffd}' } else { c });
    let start: String = characters.by_ref().take(MAX_CHARACTERS).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}

const MAX_CHARACTERS: usize = 60;
