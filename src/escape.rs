//! Escaped text: text of strangers that cannot steer the terminal of an operator.
//!
//! A configuration, a name or a URL may have been copied from anywhere. A control character steers the terminal (the
//! 8-bit ones of C1 too: U+009B begins a command as ESC `[` does); one that turns the direction of writing makes
//! `//moc.live` read as another host; one that is invisible makes two names look alike. The command line writes through
//! an [`EscapingWriter`], logs escape each record, and diagnostics replace such characters in the lines that they
//! quote, so that none of them reaches a terminal.

use std::io::{self, Write};

/// Whether this character steers a terminal, turns the direction of writing, or is invisible: control
/// characters, invisible format characters (Unicode's category Cf), line and paragraph separators, and blank
/// letters. Joiners are among them: a name whose joiners are visible is better than one that is well joined.
pub fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
                | '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}'..='\u{17b5}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text, in which each character that misleads, except tab and line feed, is an escape sequence of JSON:
/// `\u202e`, or two of these above U+FFFF. JSON means the same afterwards.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if misleads(character) && !matches!(character, '\n' | '\t') {
            escaped.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// A writer that escapes text with [`escaped`]. Bytes that are not UTF-8 become U+FFFD, because some terminals take
/// them for commands. A character has to be written in one call, as [`write!`] does.
#[derive(Debug)]
pub struct EscapingWriter<W>(pub W);

impl<W: Write> Write for EscapingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
            return self.0.write(bytes);
        }
        self.0.write_all(escaped(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_steer_turn_or_hide_mislead_and_letters_do_not() {
        let misleading = "\0\u{7}\u{1b}\r\n\u{7f}\u{80}\u{9b}\u{9f}\u{ad}\u{200b}\u{200e}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}\u{feff}\u{e0041}";
        assert!(misleading.chars().all(misleads));
        assert!(!"aÄ ı日本\u{301}🦀\u{fe0f}،\u{a0}\u{fffd}".chars().any(misleads));
    }

    #[test]
    fn misleading_characters_are_escaped_and_json_means_the_same() {
        assert_eq!(escaped("ä\tb\n"), "ä\tb\n");
        assert_eq!(escaped("a\u{9b}2J\u{202e}b\r"), "a\\u009b2J\\u202eb\\u000d");
        let value = "a\u{9b}\u{202e}\u{e0041}\u{1b}\r\n\\\"";
        let json = escaped(&serde_json::to_string(value).unwrap());
        assert!(json.is_ascii(), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }

    #[test]
    fn the_writer_escapes_text_and_replaces_bytes_that_are_not_utf_8() {
        let mut escaping = EscapingWriter(Vec::new());
        write!(escaping, "\u{85}é {}|", "\u{2067}".repeat(2)).unwrap();
        escaping.write_all(b"\x9b2J\n").unwrap();
        assert_eq!(String::from_utf8(escaping.0).unwrap(), "\\u0085é \\u2067\\u2067|\u{fffd}2J\n");
    }
}
