//! Messages that are shown once, on the page after the one that did something.
//!
//! The cookie holds a code, never a text: what it can make a page say is said here.

use http::{HeaderMap, Method, header::SET_COOKIE};

use super::Visit;
use crate::session::cookie::{self, Keep};

/// Something that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    SignedOut,
    PasswordChanged,
    SetUp,
    SessionEnded,
    OthersEnded,
    SignedOutEverywhere,
}

impl Notice {
    /// The message for the next page, if one is waiting. A HEAD shows nothing, so it takes nothing.
    pub(super) fn waiting(visit: &Visit<'_>) -> Option<Self> {
        let code = cookie::find(visit.headers, visit.settings.cookies.notice());
        let code = code.filter(|_| *visit.method == Method::GET)?;
        ALL.into_iter().find(|notice| notice.code().as_bytes() == code)
    }

    /// Leaves it for the next page.
    pub(super) fn leave(self, visit: &Visit<'_>, headers: &mut HeaderMap) {
        let name = visit.settings.cookies.notice();
        headers.append(SET_COOKIE, cookie::write(name, self.code(), Keep::For(KEPT)));
    }

    /// Takes it away: it has been shown.
    pub(super) fn clear(visit: &Visit<'_>, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, cookie::write(visit.settings.cookies.notice(), "", Keep::Forget));
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::SignedOut => "You have signed out.",
            Self::PasswordChanged => "Your password has been changed. Your other sessions have ended.",
            Self::SessionEnded => "That session has ended.",
            Self::OthersEnded => "You are signed out everywhere else.",
            Self::SignedOutEverywhere => "You are signed out everywhere.",
            Self::SetUp => "You are the first superuser. More users are added with “portcullis user add”.",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::PasswordChanged => "password-changed",
            Self::SetUp => "set-up",
            Self::SessionEnded => "session-ended",
            Self::OthersEnded => "others-ended",
            Self::SignedOutEverywhere => "signed-out-everywhere",
        }
    }
}

/// Long enough for a slow redirect; after that it would surprise.
const KEPT: std::time::Duration = std::time::Duration::from_mins(1);

const ALL: [Notice; 6] = [
    Notice::SignedOut,
    Notice::PasswordChanged,
    Notice::SetUp,
    Notice::SessionEnded,
    Notice::OthersEnded,
    Notice::SignedOutEverywhere,
];
