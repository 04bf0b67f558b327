//! A session as stores keep it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{SessionKey, data::SessionData};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
};

/// Everything there is to know of a session; plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Hash of its token.
    pub key: SessionKey,
    /// Whose it is.
    pub owner: Owner,
    /// When the browser signed in, or first came.
    pub signed_in: Timestamp,
    /// When the password was last checked.
    pub confirmed: Timestamp,
    /// The absolute limit: dead from here on, whatever happens (ASVS 5.0 7.3.2).
    pub expires: Timestamp,
    /// When it was last used; may be a minute old.
    pub last_seen: Timestamp,
    /// Whether the user asked to be kept signed in on this device: then only the absolute limit holds.
    pub remembered: bool,
    /// Address of the browser at sign-in.
    pub client_addr: IpAddr,
    /// What the browser called itself at sign-in, shortened.
    pub user_agent: Box<str>,
    /// What applications keep in it.
    #[serde(default, skip_serializing_if = "SessionData::is_empty")]
    pub data: SessionData,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// A user who signed in.
    User {
        /// Who.
        id: UserId,
        /// The user's credential at sign-in: once it has changed, the session is dead.
        credential: CredentialVersion,
    },
    /// Somebody who has not signed in, for whom an app keeps something.
    Visitor,
}

impl Owner {
    /// The user, if it is one.
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User { id, .. } => Some(id),
            Self::Visitor => None,
        }
    }
}
