//! Lines of a file, each of a bounded length.

use std::io::{BufRead, Read};

use super::{MAX_FILE, UnreadableImport};

/// Reads lines of UTF-8 text without their ends.
pub(super) struct LineReader<R> {
    file: R,
    number: u64,
    read: u64,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file, number: 0, read: 0 }
    }

    /// The next line with its number, from 1; `None` after the last one.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, String)>, UnreadableImport> {
        let mut line = Vec::new();
        self.file.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        self.read += line.len() as u64;
        if line.len() as u64 > MAX_LINE {
            return Err(UnreadableImport::line(self.number, format!("it has more than {MAX_LINE} bytes")));
        }
        if self.read > MAX_FILE {
            return Err(UnreadableImport::TooLarge);
        }
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
        }
        let text = String::from_utf8(line)
            .map_err(|_| UnreadableImport::line(self.number, "it is not UTF-8 text"))?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) if self.number == 1 => rest.to_owned(),
            _ => text,
        };
        Ok(Some((self.number, text)))
    }
}

const MAX_LINE: u64 = 64 << 10;
