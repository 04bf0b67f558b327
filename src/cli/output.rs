//! Standard output of the commands.

use std::io::{self, Write};

use crate::escape::EscapingWriter;

/// Standard output, escaped: names, paths and URLs come from other people than its reader.
pub(super) fn out() -> impl Write {
    EscapingWriter(UntilClosed(io::stdout()))
}

/// Drops what is written after the reader has closed the pipe: `portcullis user list | head` is no mistake.
struct UntilClosed<W>(W);

impl<W: Write> Write for UntilClosed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}
