//! The `Connection` header.

use http::{HeaderName, HeaderValue};

/// The options of `Connection` (RFC 9110 §7.6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::forward) struct Options {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    /// Whether another protocol is offered, or agreed on.
    pub(in crate::forward) upgrade: bool,
    named: Vec<HeaderName>,
}

impl Options {
    /// Adds the options of one header field.
    pub(super) fn add(&mut self, value: &HeaderValue) {
        // The most common value.
        if value.as_bytes() == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
        for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let is = |option: &[u8]| token.eq_ignore_ascii_case(option);
            if is(b"close") {
                self.close = true;
            } else if is(b"keep-alive") {
                self.keep_alive = true;
            } else if is(b"upgrade") {
                self.upgrade = true;
            } else if !is(b"te")
                && let Ok(name) = HeaderName::from_bytes(token)
            {
                self.named.push(name);
            }
        }
    }

    /// The options of these header fields.
    pub(in crate::forward) fn of<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> Self {
        let mut options = Self::default();
        values.into_iter().for_each(|value| options.add(value));
        options
    }

    /// The named headers, which are for this connection only.
    pub(in crate::forward) fn named(&self) -> &[HeaderName] {
        &self.named
    }
}
