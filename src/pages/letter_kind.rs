//! The mails that there are, and the names of their templates.

use serde::Serialize;

/// A mail of the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LetterKind {
    /// The link for a forgotten password.
    Reset,
    /// The link for the first password of an account that an operator has made.
    Invitation,
    /// The link that finishes a registration.
    Registration,
    /// The link for a new address, to that address.
    EmailChange,
    /// The notice of a changed address, to the former one.
    EmailChanged,
    /// The notice of a change of the account.
    Notice,
    /// The notice of a sign-in on a new device.
    NewDevice,
    /// To those who approve accounts: one waits.
    ApprovalWanted,
    /// To a user whose account was approved.
    Approved,
    /// To a user who signs in elsewhere and has asked for a new password.
    Elsewhere,
    /// To the owner of an address that somebody wanted to register.
    Known,
    /// The message of `portcullis mail test`.
    #[default]
    Test,
}

/// A part of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterPart {
    Subject,
    Text,
    Html,
}

impl LetterKind {
    pub(super) const ALL: [Self; 12] = [
        Self::Reset,
        Self::Invitation,
        Self::Registration,
        Self::EmailChange,
        Self::EmailChanged,
        Self::Notice,
        Self::NewDevice,
        Self::ApprovalWanted,
        Self::Approved,
        Self::Elsewhere,
        Self::Known,
        Self::Test,
    ];

    /// The name of the template of a part. The program has none: it has one frame for all mails.
    pub(super) fn template(self, part: LetterPart) -> String {
        format!("mail/{}{}", self.as_str(), part.ending())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Invitation => "invitation",
            Self::Registration => "registration",
            Self::EmailChange => "email-change",
            Self::EmailChanged => "email-changed",
            Self::Notice => "notice",
            Self::NewDevice => "new-device",
            Self::ApprovalWanted => "approval-wanted",
            Self::Approved => "approved",
            Self::Elsewhere => "elsewhere",
            Self::Known => "known",
            Self::Test => "test",
        }
    }
}

impl LetterPart {
    pub(super) const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    /// The ending decides whether values are escaped: `.html` does it.
    fn ending(self) -> &'static str {
        match self {
            Self::Subject => ".subject.txt",
            Self::Text => ".txt",
            Self::Html => ".html",
        }
    }
}
