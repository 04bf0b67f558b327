//! A message, before it is queued.

use std::fmt;

use crate::{clock::Timestamp, escape::misleads};

/// A message to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The address of the recipient, as it is stored with the account.
    pub to: String,
    /// The subject: one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// After this time nobody has any use for the message, because its link is void.
    pub expires: Option<Timestamp>,
    /// Whether it goes to somebody who has no account. Half of the queue is for such messages, so that Mallory, who registers
    /// one invented address after the other, keeps no user's mail out.
    pub to_stranger: bool,
}

impl Message {
    /// The subject as it is sent. Mallory registers under a name with a line feed and `Bcc: everybody@example.com` in it: it
    /// stays one line, and loses what steers or hides text.
    pub(super) fn subject_line(&self) -> String {
        let plain: String = self.subject.chars().filter(|character| !misleads(*character)).collect();
        plain.chars().take(MAX_SUBJECT).collect()
    }

    /// Whether the message can be stored at all.
    pub(super) fn fits(&self) -> bool {
        self.to.len() <= MAX_ADDRESS && self.text.len() <= MAX_TEXT && self.html.len() <= MAX_TEXT
    }
}

/// Texts have links in them, which open an account.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("subject", &self.subject).finish_non_exhaustive()
    }
}

const MAX_SUBJECT: usize = 200;
/// RFC 5321 §4.5.3.1 leaves room for no more.
const MAX_ADDRESS: usize = 254;
const MAX_TEXT: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_without_characters_that_mislead() {
        let subject = "Hello\r\nBcc: everybody@example.com\u{202e}\u{0} Ä";
        let message = Message {
            to: String::new(),
            subject: subject.into(),
            text: String::new(),
            html: String::new(),
            expires: None,
            to_stranger: false,
        };
        assert_eq!(message.subject_line(), "HelloBcc: everybody@example.com Ä");
        let long = Message { subject: "x".repeat(1000), ..message };
        assert_eq!(long.subject_line().len(), MAX_SUBJECT);
    }

    #[test]
    fn a_message_prints_without_its_text() {
        let secret = "https://login.example.com/.gateway/reset?token=abc";
        let message = Message {
            to: "alice@example.com".into(),
            subject: "Your password".into(),
            text: secret.into(),
            html: secret.into(),
            expires: None,
            to_stranger: false,
        };
        let printed = format!("{message:?}");
        assert!(!printed.contains("token") && !printed.contains("alice@"), "{printed}");
    }
}
