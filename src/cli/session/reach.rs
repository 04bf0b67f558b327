//! Access to the sessions: through the store, or through the running gateway that holds them.

use std::{io, path::PathBuf};

use bytes::Bytes;
use http::Method;

use super::SessionError;
use crate::{
    cli::running,
    clock::Clock,
    config::{Configuration, Store},
    identity::UserId,
    server::{Revocation, Revocations, Revoked},
    session::{
        FileStore, Invalidator, ListedRecord, RedisStore, SessionKey, SessionStore, StoreSurroundings,
    },
};

/// The way to the sessions.
pub(super) enum Reach {
    /// A store that this process can open, too. A running gateway notices changes in it.
    Store(Box<dyn SessionStore>),
    /// The control socket of a running gateway, which has the sessions in memory.
    Running(PathBuf),
    /// There are no sessions, for this reason.
    Nowhere(&'static str),
}

impl Reach {
    /// Opens the configured store. Every kind of store is listed here.
    pub(super) fn of(configuration: &Configuration, clock: Clock) -> Result<Self, SessionError> {
        match &configuration.sessions.store {
            Store::File => {
                let path = configuration.sessions_database();
                // Opening would make an empty database.
                if matches!(path.try_exists(), Ok(false)) {
                    return Ok(Self::Nowhere("nobody has signed in yet"));
                }
                let surroundings = StoreSurroundings { clock, invalidator: Invalidator::none() };
                Ok(Self::Store(Box::new(FileStore::open(&path, surroundings)?)))
            }
            Store::Redis(settings) => {
                let surroundings = StoreSurroundings { clock, invalidator: Invalidator::none() };
                Ok(Self::Store(Box::new(RedisStore::open(settings, surroundings)?)))
            }
            Store::Memory => {
                let path = configuration.control_socket();
                if running::is_running(&path)? {
                    Ok(Self::Running(path))
                } else {
                    Ok(Self::Nowhere("they are kept in memory, and no gateway is running"))
                }
            }
        }
    }

    /// As of [`SessionStore::list`].
    pub(super) async fn list(
        &self,
        of: Option<UserId>,
        after: Option<SessionKey>,
        most: usize,
    ) -> Result<Vec<ListedRecord>, SessionError> {
        match self {
            Self::Store(store) => Ok(store.list(of, after, most).await?),
            Self::Running(path) => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("most", &most.to_string());
                if let Some(user) = of {
                    query.append_pair("user", &user.to_string());
                }
                if let Some(key) = after {
                    query.append_pair("after", &key.to_hex());
                }
                let target = format!("/sessions?{}", query.finish());
                Ok(running::ask(path, &Method::GET, &target, Bytes::new()).await?)
            }
            Self::Nowhere(_) => Ok(Vec::new()),
        }
    }

    /// Ends sessions; returns their number.
    pub(super) async fn revoke(&self, which: Revoked, actor: String) -> Result<usize, SessionError> {
        match self {
            Self::Store(store) => Ok(store.remove(which.into()).await?.len()),
            Self::Running(path) => {
                let body = serde_json::to_vec(&Revocation { which, actor }).map_err(io::Error::from)?;
                let response: Revocations =
                    running::ask(path, &Method::POST, "/sessions/revoke", body.into()).await?;
                Ok(response.ended)
            }
            Self::Nowhere(_) => Ok(0),
        }
    }
}
