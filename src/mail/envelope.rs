//! The message as it is sent: its header fields, and its text in two forms.

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address, Message as Mime,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::queue::Claimed;

/// Why a message cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    /// The address is none that mail can be sent to.
    #[error("the recipient's address is not one that mail can be sent to")]
    Recipient(#[source] lettre::address::AddressError),
    /// The message cannot be put together.
    #[error("putting the message together")]
    Content(#[source] lettre::error::Error),
}

/// Puts the message together. The recipient has no name, so that no text of a stranger is in an address field.
pub(super) fn mime(claimed: &Claimed, from: &Mailbox) -> Result<Mime, Unsendable> {
    let to: Address = claimed.message.to.parse().map_err(Unsendable::Recipient)?;
    let queued = u64::try_from(claimed.queued.as_millis()).unwrap_or_default();
    let id = format!("<{}@{}>", claimed.message_id, from.email.domain());
    Mime::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(claimed.message.subject_line())
        .date(UNIX_EPOCH + Duration::from_millis(queued))
        .message_id(Some(id))
        // RFC 3834 §5: no vacation notice comes back.
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(
            claimed.message.text.clone(),
            claimed.message.html.clone(),
        ))
        .map_err(Unsendable::Content)
}

const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{clock::Timestamp, mail::Message};

    fn sent(to: &str, subject: &str, text: &str) -> Result<String, Unsendable> {
        let message = Message {
            to: to.into(),
            subject: subject.into(),
            text: text.into(),
            html: format!("<p>{text}</p>"),
            expires: None,
            to_stranger: false,
        };
        let claimed = Claimed {
            id: 1,
            message,
            message_id: "0123456789abcdef".into(),
            queued: Timestamp::from_millis(1_800_000_000_000),
            attempts: 1,
        };
        let from = "Portcullis <gateway@example.com>".parse().unwrap();
        mime(&claimed, &from).map(|mime| String::from_utf8(mime.formatted()).unwrap())
    }

    /// The names of the header fields.
    fn fields(mail: &str) -> Vec<&str> {
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        lines.map(|line| line.split_once(':').unwrap().0).collect()
    }

    #[test]
    fn a_message_has_these_fields_and_both_forms_of_its_text() {
        let mail = sent("bob@example.com", "Grüße", "Hello Bob").unwrap();
        assert_eq!(
            fields(&mail),
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
        );
        assert!(mail.contains("Auto-Submitted: auto-generated\r\n"), "{mail}");
        assert!(mail.contains("Message-ID: <0123456789abcdef@example.com>\r\n"), "{mail}");
        assert!(mail.contains("To: bob@example.com\r\n"), "{mail}");
        // When it was queued, however late it is delivered.
        assert!(mail.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"), "{mail}");
        assert!(mail.contains("multipart/alternative") && mail.contains("Hello Bob"), "{mail}");
    }

    #[test]
    fn a_subject_is_sent_without_characters_that_mislead() {
        let mail = sent("bob@example.com", "Hello\r\nBcc: eve@evil.test\u{202e}", "x").unwrap();
        assert!(mail.contains("Subject: HelloBcc: eve@evil.test\r\n"), "{mail}");
    }

    #[test]
    fn an_address_with_a_second_recipient_or_a_field_in_it_is_refused() {
        for to in [
            "bob@example.com, eve@evil.test",
            "bob@example.com\r\nBcc: eve@evil.test",
            "bob@example.com\nRCPT TO:<eve@evil.test>",
            "Bob <bob@example.com>",
            "bob",
            "",
            "bob@exa mple.com",
        ] {
            assert!(sent(to, "x", "x").is_err(), "{to:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_adds_a_header_field(subject in "\\PC*|[\\x00-\\x20A-Za-z:]*", text in "(?s).*") {
            let mail = sent("bob@example.com", &subject, &text).unwrap();
            prop_assert_eq!(fields(&mail).len(), 8);
        }
    }
}
