//! Text that a directory sent, for messages to the operator.

use std::fmt;

use crate::escape::escaped;

/// A diagnostic message or a referral of a directory: short, without a character that steers a terminal.
///
/// A directory writes what it likes there, and some repeat the request. A text that contains the password of the
/// request is replaced, see `ServerText::without`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ServerText(Box<str>);

impl ServerText {
    /// The longest text that is kept, in characters.
    const MAX_CHARS: usize = 300;

    /// The beginning of these bytes, as text. Active Directory ends its messages with a NUL.
    pub fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..4 * Self::MAX_CHARS).unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let text: String = text.trim_end_matches('\0').chars().take(Self::MAX_CHARS).collect();
        Self(escaped(&text.replace(['\n', '\t'], " ")).into())
    }

    /// The text, if `secret` does not stand in it. The escaped form is compared, which is the one that is shown.
    pub(super) fn without(self, secret: &str) -> Self {
        let repeats = !secret.is_empty()
            && (self.0.contains(secret) || self.0.contains(&escaped(&secret.replace(['\n', '\t'], " "))));
        if repeats { Self("(a text that repeats the password)".into()) } else { self }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the directory sent no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_short_and_steers_no_terminal() {
        let text = ServerText::new("80090308: data 52e, v4563\0".as_bytes());
        assert_eq!(text.as_str(), "80090308: data 52e, v4563");
        assert_eq!(ServerText::new(b"one\ntwo\x1b[2J\xff").as_str(), "one two\\u001b[2J\u{fffd}");
        assert_eq!(ServerText::new(&vec![b'x'; 100_000]).as_str().len(), ServerText::MAX_CHARS);
        assert_eq!(ServerText::new("é".repeat(5000).as_bytes()).as_str().chars().count(), 300);
    }

    #[test]
    fn a_text_that_repeats_the_password_is_replaced() {
        let text = ServerText::new(b"no user with password hunter2");
        assert_eq!(text.clone().without("hunter3"), text);
        assert_eq!(text.clone().without("").as_str(), text.as_str());
        assert!(!text.without("hunter2").as_str().contains("hunter2"));
        let text = ServerText::new("wrong: a\u{202e}b".as_bytes());
        assert!(!text.without("a\u{202e}b").as_str().contains("202e"));
    }
}
