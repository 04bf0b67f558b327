//! `[log]`: whether requests are logged, and in which format.

use super::reader::{Reader, Section};
use crate::telemetry::Format;

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSection {
    /// Whether requests are logged. Default yes.
    pub access: bool,
    /// The format of lines; `None`: text on a terminal, JSON otherwise.
    pub format: Option<Format>,
}

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> LogSection {
    let field = |name| section.and_then(|section| section.field(name));
    let format = field("format").and_then(|field| reader.choice(&field, &["auto", "text", "json"]));
    LogSection {
        access: reader.boolean(field("access"), true),
        format: match format {
            Some("text") => Some(Format::Text),
            Some("json") => Some(Format::Json),
            _ => None,
        },
    }
}
