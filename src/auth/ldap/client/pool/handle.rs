//! The handle of a pool.

use std::{fmt, io, sync::Arc, thread};

use tokio::sync::{mpsc, oneshot};

use super::{
    health::{Health, ServerHealth, ServerState},
    worker::{Job, run},
};
use crate::{
    auth::ldap::client::{
        BindOutcome, ConnectionSettings, LdapError, ResultCode, SearchRequest, SearchResult, ServerText,
    },
    users::Password,
};

/// The connections to one directory. Dropping the last reference closes them.
#[derive(Clone)]
pub struct LdapPool {
    jobs: mpsc::Sender<Job>,
    health: Health,
}

impl LdapPool {
    /// Starts the thread that owns the connections of the backend of this name, and connects.
    pub fn start(backend: &str, settings: ConnectionSettings) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
        let health = Health::new(settings.urls.iter().map(|url| url.to_string().into()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // Look-ups of names block a thread each.
            .max_blocking_threads(LOOK_UP_THREADS)
            .build()?;
        let (backend, noted): (Arc<str>, _) = (backend.into(), health.clone());
        thread::Builder::new()
            .name("ldap".into())
            .spawn(move || run(runtime, backend, &settings, noted, waiting))?;
        Ok(Self { jobs, health })
    }

    /// Searches as the service account.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResult, LdapError> {
        self.ask(|reply| Job::Search(Box::new(request), reply)).await
    }

    /// Whether this is the password of the entry of this name, tried by a bind on a connection of its own.
    ///
    /// An empty password never reaches the directory: many take it for an anonymous bind, and say that it went well
    /// (RFC 4513 §5.1.2). Neither does one of blanks, which a directory may cut off, or one with a NUL.
    pub async fn verify(&self, dn: String, password: Password) -> Result<BindOutcome, LdapError> {
        if dn.is_empty() || password.usable().is_err() || password.exposed().trim().is_empty() {
            let code = ResultCode::INVALID_CREDENTIALS;
            return Ok(BindOutcome::Wrong {
                code,
                diagnostic: ServerText::new(b"not sent to the directory"),
            });
        }
        self.ask(|reply| Job::Verify { dn, password, reply }).await
    }

    /// The state of each server, in the configured order.
    pub fn health(&self) -> Vec<ServerHealth> {
        self.health.all()
    }

    /// Whether some server may answer.
    pub fn is_up(&self) -> bool {
        self.health.all().iter().any(|server| !matches!(server.state, ServerState::Down(_)))
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, LdapError>>) -> Job,
    ) -> Result<T, LdapError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => LdapError::Busy,
            mpsc::error::TrySendError::Closed(_) => LdapError::Stopped,
        })?;
        answer.await.unwrap_or(Err(LdapError::Stopped))
    }
}

impl fmt::Debug for LdapPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapPool").field("health", &self.health).finish_non_exhaustive()
    }
}

/// Operations that wait for the thread. Further ones fail.
const WAITING_JOBS: usize = 256;
/// Look-ups of names at a time.
const LOOK_UP_THREADS: usize = 8;
