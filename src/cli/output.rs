//! Standard output of the commands.

use std::io::{self, Write};

use crate::escape::EscapingWriter;

/// Standard output, escaped: names, paths and URLs come from other people than its reader.
pub(super) fn out() -> impl Write {
    EscapingWriter(io::stdout())
}
