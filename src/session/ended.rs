//! A sign-in that has ended, for those who are told of it.

use crate::{clock::Timestamp, identity::UserId};

/// A sign-in that has ended, as far as this gateway has seen its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSignIn {
    /// Whose it was.
    pub user: UserId,
    /// When the user had signed in.
    pub signed_in: Timestamp,
    /// The host of the session that ended.
    pub host: Box<str>,
}
