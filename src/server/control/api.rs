//! The bodies of requests to the control socket and of their responses, in JSON.
//!
//! `service` and the command line write and read them.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    identity::UserId,
    session::{SessionKey, Which},
    store::sqlite::FileId,
};

/// The response to `GET /gateway`, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The configuration file that it reads.
    pub configuration: PathBuf,
    /// Which file it reads of each database; `None`: none that it could read.
    pub databases: BTreeMap<String, Option<FileId>>,
}

/// The response to `POST /reload`, in JSON, if the configuration is used from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The configuration file.
    pub configuration: PathBuf,
    /// The changed settings that wait for a restart, as the file names them.
    #[serde(default)]
    pub needs_restart: Vec<String>,
}

/// The body of `POST /sessions/revoke`, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which sessions end.
    pub which: Revoked,
    /// The operator who asks for it, for the audit stream.
    pub actor: String,
}

/// Which sessions a [`Revocation`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revoked {
    /// One.
    Key(SessionKey),
    /// All of a user.
    User(UserId),
    /// Everybody's.
    All,
}

impl From<Revoked> for Which {
    fn from(revoked: Revoked) -> Self {
        match revoked {
            Revoked::Key(key) => Self::One(key),
            Revoked::User(user) => Self::OfUser { user, except: None },
            Revoked::All => Self::All,
        }
    }
}

/// The response to `POST /sessions/revoke`, in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// How many sessions ended.
    pub ended: usize,
}
