//! Which servers work, for operations, metrics and the log.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::auth::ldap::client::LdapError;

/// The state of one server of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHealth {
    /// Its URL.
    pub url: Arc<str>,
    /// Whether it works.
    pub state: ServerState,
    /// Number of operations that it answered: searches and checks of passwords.
    pub answered: u64,
    /// The time that these took, connections included.
    pub answered_in: Duration,
}

/// Whether a server works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// The server was not asked yet.
    Untried,
    /// The last operation was answered.
    Up,
    /// The server failed, and is not asked until it works again.
    Down(LdapError),
}

/// The states of all servers, shared by the thread that changes them with those that read them.
#[derive(Clone, Debug)]
pub(super) struct Health(Arc<Mutex<Vec<ServerHealth>>>);

impl Health {
    pub(super) fn new(urls: impl Iterator<Item = Arc<str>>) -> Self {
        let untried =
            |url| ServerHealth { url, state: ServerState::Untried, answered: 0, answered_in: Duration::ZERO };
        Self(Arc::new(Mutex::new(urls.map(untried).collect())))
    }

    pub(super) fn all(&self) -> Vec<ServerHealth> {
        self.lock().clone()
    }

    /// The error for which this server is down.
    pub(super) fn error_of(&self, server: usize) -> Option<LdapError> {
        match &self.lock().get(server)?.state {
            ServerState::Down(error) => Some(error.clone()),
            ServerState::Untried | ServerState::Up => None,
        }
    }

    /// Notes an answer, which took this long.
    pub(super) fn count(&self, server: usize, time: Duration) {
        if let Some(server) = self.lock().get_mut(server) {
            server.answered += 1;
            server.answered_in += time;
        }
    }

    /// Sets the state of a server, and returns the one before.
    pub(super) fn set(&self, server: usize, state: ServerState) -> Option<ServerState> {
        self.lock().get_mut(server).map(|server| std::mem::replace(&mut server.state, state))
    }

    /// Each change is one assignment, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Vec<ServerHealth>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
