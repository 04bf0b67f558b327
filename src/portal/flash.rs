//! Flash messages: shown once, on the page after the one that did something.
//!
//! The cookie holds a code, never a text, so that a forged cookie can show one of these messages at worst.

use std::time::Duration;

use http::{HeaderMap, Method, header::SET_COOKIE};

use super::PageRequest;
use crate::{
    language::Text,
    session::cookie::{self, CookieNames, Keep},
};

/// A message about the step before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlashMessage {
    SignedOut,
    PasswordChanged,
    SetUp,
    /// The user's profile was changed.
    ProfileChanged,
    SessionEnded,
    OthersEnded,
    SignedOutEverywhere,
    /// A provider's user is connected to the account.
    IdentityLinked,
    /// An identity of a backend is no longer connected to the account.
    IdentityUnlinked,
    /// A sign-in took too long between two steps.
    SignInExpired,
    /// Too many wrong codes were typed in one sign-in.
    TooManyCodes,
    /// A password was set by a link.
    PasswordReset,
    /// An invited user has a password.
    Invited,
    /// A registration is finished.
    Registered,
    /// The account has another address.
    EmailChanged,
    /// The account has its former address.
    EmailUndone,
    /// An API token was ended.
    TokenEnded,
    /// A second factor was added.
    FactorAdded,
    /// A second factor was removed.
    FactorRemoved,
    /// A second factor has another name.
    FactorRenamed,
    /// A form came without a live session.
    SentSignedOut,
    /// A form came for a page that needs a confirmed password.
    SentUnconfirmed,
    /// A form came without a live session, or without a proof that it needs, and is kept.
    SentParked,
}

impl FlashMessage {
    /// The message for this page, if the browser has one. A HEAD shows no page, so it takes no message.
    pub(super) fn waiting(request: &PageRequest<'_>) -> Option<Self> {
        let code = cookie::find(request.headers, request.settings.cookies.flash());
        let code = code.filter(|_| *request.method == Method::GET)?;
        ALL.into_iter().find(|message| message.code().as_bytes() == code)
    }

    /// Leaves the message for the next page.
    pub(super) fn leave(self, cookies: &CookieNames, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, cookie::write(cookies.flash(), self.code(), Keep::For(LIFETIME)));
    }

    /// Removes the message after it was shown.
    pub(super) fn clear(request: &PageRequest<'_>, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, cookie::write(request.settings.cookies.flash(), "", Keep::Forget));
    }

    pub(super) fn text(self) -> Text {
        Text::of(match self {
            Self::SignedOut => "signed-out",
            Self::SignInExpired => "sign-in-expired",
            Self::TooManyCodes => "sign-in-too-many-codes",
            Self::FactorAdded => "factor-was-added",
            Self::FactorRemoved => "factor-was-removed",
            Self::FactorRenamed => "factor-was-renamed",
            Self::PasswordChanged => "password-changed",
            Self::SessionEnded => "sessions-ended",
            Self::OthersEnded => "sessions-others-ended",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::IdentityUnlinked => "connections-unlinked",
            Self::SentSignedOut => "sent-signed-out",
            Self::SentUnconfirmed => "sent-unconfirmed",
            Self::TokenEnded => "tokens-revoked",
            Self::SentParked => "sent-parked",
            Self::IdentityLinked => "connections-linked",
            Self::SetUp => "setup-done",
            Self::ProfileChanged => "profile-changed",
            Self::PasswordReset => "new-password-done",
            Self::Invited => "invite-done",
            Self::Registered => "register-done",
            Self::EmailChanged => "email-changed",
            Self::EmailUndone => "undo-email-done",
        })
    }

    fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SignInExpired => "sign-in-expired",
            Self::TooManyCodes => "too-many-codes",
            Self::FactorAdded => "factor-added",
            Self::FactorRemoved => "factor-removed",
            Self::FactorRenamed => "factor-renamed",
            Self::PasswordChanged => "password-changed",
            Self::SetUp => "set-up",
            Self::ProfileChanged => "profile-changed",
            Self::PasswordReset => "password-reset",
            Self::Invited => "invited",
            Self::Registered => "registered",
            Self::EmailChanged => "email-changed",
            Self::EmailUndone => "email-undone",
            Self::SessionEnded => "session-ended",
            Self::OthersEnded => "others-ended",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::IdentityLinked => "identity-linked",
            Self::IdentityUnlinked => "identity-unlinked",
            Self::SentSignedOut => "sent-signed-out",
            Self::SentUnconfirmed => "sent-unconfirmed",
            Self::TokenEnded => "token-ended",
            Self::SentParked => "sent-parked",
        }
    }
}

/// Long enough for a slow redirect; after that the message would be a surprise.
const LIFETIME: Duration = Duration::from_mins(1);

const ALL: [FlashMessage; 23] = [
    FlashMessage::ProfileChanged,
    FlashMessage::SignedOut,
    FlashMessage::SignInExpired,
    FlashMessage::TooManyCodes,
    FlashMessage::FactorAdded,
    FlashMessage::FactorRemoved,
    FlashMessage::FactorRenamed,
    FlashMessage::PasswordChanged,
    FlashMessage::SetUp,
    FlashMessage::PasswordReset,
    FlashMessage::Invited,
    FlashMessage::Registered,
    FlashMessage::EmailChanged,
    FlashMessage::EmailUndone,
    FlashMessage::SessionEnded,
    FlashMessage::OthersEnded,
    FlashMessage::SignedOutEverywhere,
    FlashMessage::IdentityLinked,
    FlashMessage::IdentityUnlinked,
    FlashMessage::SentSignedOut,
    FlashMessage::SentUnconfirmed,
    FlashMessage::TokenEnded,
    FlashMessage::SentParked,
];
