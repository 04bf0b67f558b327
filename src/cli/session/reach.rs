//! Where the command line finds sessions: in the store itself, or in the running gateway that holds them.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, header::HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::SessionError;
use crate::{
    clock::Clock,
    config::{Configuration, Store},
    identity::UserId,
    server::{Revocation, Revocations, Revoked},
    session::{FileStore, Invalidator, Record, RedisStore, SessionKey, SessionStore, StoreSurroundings},
};

/// Where the sessions are.
pub(super) enum Reach {
    /// In a store that this process can open, too. A running gateway notices what is changed in it.
    Store(Box<dyn SessionStore>),
    /// In the memory of a running gateway.
    Running(PathBuf),
    /// Nowhere: there are none, for this reason.
    Nowhere(&'static str),
}

impl Reach {
    /// Opens the store that is configured. The one place that says how each is reached.
    pub(super) fn of(configuration: &Configuration, clock: Clock) -> Result<Self, SessionError> {
        match &configuration.sessions.store {
            Store::File => {
                let path = configuration.sessions_database();
                // Opening would make an empty one.
                if matches!(path.try_exists(), Ok(false)) {
                    return Ok(Self::Nowhere("nobody has signed in yet"));
                }
                let surroundings = StoreSurroundings { clock, invalidator: Invalidator::nobody() };
                Ok(Self::Store(Box::new(FileStore::open(&path, surroundings)?)))
            }
            Store::Redis(settings) => {
                let surroundings = StoreSurroundings { clock, invalidator: Invalidator::nobody() };
                Ok(Self::Store(Box::new(RedisStore::open(settings, surroundings)?)))
            }
            Store::Memory => {
                let path = configuration.control_socket();
                match std::os::unix::net::UnixStream::connect(&path) {
                    Ok(_) => Ok(Self::Running(path)),
                    Err(error) if is_nobody_there(&error) => {
                        Ok(Self::Nowhere("they are kept in memory, and no gateway is running"))
                    }
                    Err(source) => Err(SessionError::Control { path, source: source.into() }),
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
    ) -> Result<Vec<Record>, SessionError> {
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
                ask(path, &Method::GET, &format!("/sessions?{}", query.finish()), Bytes::new()).await
            }
            Self::Nowhere(_) => Ok(Vec::new()),
        }
    }

    /// Ends sessions; says how many.
    pub(super) async fn revoke(&self, which: Revoked, actor: String) -> Result<usize, SessionError> {
        match self {
            Self::Store(store) => Ok(store.remove(which.into()).await?.len()),
            Self::Running(path) => {
                let body = serde_json::to_vec(&Revocation { which, actor }).map_err(io::Error::from)?;
                let answer: Revocations = ask(path, &Method::POST, "/sessions/revoke", body.into()).await?;
                Ok(answer.ended)
            }
            Self::Nowhere(_) => Ok(0),
        }
    }
}

fn is_nobody_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// One request to the running gateway.
async fn ask<T: DeserializeOwned>(
    path: &Path,
    method: &Method,
    target: &str,
    body: Bytes,
) -> Result<T, SessionError> {
    let asking = exchange(path, method, target, body);
    let asked =
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err("it does not answer".into()));
    asked.map_err(|source| SessionError::Control { path: path.to_owned(), source })
}

async fn exchange<T: DeserializeOwned>(
    path: &Path,
    method: &Method,
    target: &str,
    body: Bytes,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
    let socket = TokioIo::new(UnixStream::connect(path).await?);
    let (mut sender, connection) = http1::handshake(socket).await?;
    let request =
        Request::builder().method(method).uri(target).header(HOST, "localhost").body(Full::new(body))?;
    let answered = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        #[expect(clippy::disallowed_methods, reason = "limited in size; the gateway itself sends it")]
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await?.to_bytes();
        if !status.is_success() {
            return Err(String::from_utf8_lossy(&body).into_owned().into());
        }
        Ok(serde_json::from_slice(&body)?)
    };
    // Driven together; the answer comes first, as the sender lives as long.
    tokio::select! {
        answer = answered => answer,
        broken = connection => Err(broken.err().map_or("the connection was closed".into(), Into::into)),
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
/// A thousand sessions are less than one.
const MAX_ANSWER: usize = 4 << 20;
