//! The start of all our keys.

use std::{fmt, sync::Arc};

/// The start of all our keys. It stands in braces: a cluster puts all keys into one slot.
#[derive(Clone, Debug)]
pub struct KeyPrefix(Arc<str>);

impl KeyPrefix {
    pub(super) fn new(prefix: &str) -> Self {
        Self(format!("{{{prefix}}}").into())
    }

    /// The text, with its braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
