//! The newest activity of an account, for its owner: sign-ins, and what was done to the account.
//!
//! The table is bounded for each account, and is no audit: that is the audit stream. It is written when nobody waits.

use crate::{clock::Timestamp, users::Action};

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// A fixed word for it, such as `signed-in`.
    pub kind: String,
    /// The address of the client; empty if it is not known.
    pub address: String,
    /// The `User-Agent` of the browser; empty for what an operator did.
    pub user_agent: String,
    /// The host on which it happened; empty for what an operator did.
    pub host: String,
}

impl Activity {
    /// The word for a sign-in.
    pub const SIGNED_IN: &str = "signed-in";
    /// The word for a change of the profile by its owner.
    pub const PROFILE_CHANGED: &str = "profile-changed";
    /// The word for a download of what is known about the owner.
    pub const DATA_DOWNLOADED: &str = "data-downloaded";

    /// A change that somebody else made to the account, by the change log.
    pub(super) fn of_change(at: Timestamp, action: Action) -> Self {
        let kind = format!("operator-{}", action.as_str());
        Self { at, kind, address: String::new(), user_agent: String::new(), host: String::new() }
    }

    /// The same with texts of a bounded length: any client can send any `User-Agent`.
    pub(super) fn bounded(self) -> Self {
        let shortened = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
        Self { user_agent: shortened(self.user_agent), host: shortened(self.host), ..self }
    }
}

const MAX_CHARS: usize = 256;
