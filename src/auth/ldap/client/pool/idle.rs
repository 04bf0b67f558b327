//! Connections of the service account that wait for the next search.

use std::{cell::RefCell, time::Duration};

use tokio::time::Instant;

use crate::auth::ldap::client::connection::Connection;

/// The idle connections, those of one server only: of the one that was used last.
#[derive(Default)]
pub(super) struct IdleConnections(RefCell<Vec<IdleConnection>>);

struct IdleConnection {
    connection: Connection,
    server: usize,
    since: Instant,
}

impl IdleConnections {
    /// The connection that was used last, if the server has not closed it.
    pub(super) fn take(&self, server: usize) -> Option<Connection> {
        let mut idle = self.0.borrow_mut();
        idle.retain(|one| one.server == server && one.since.elapsed() < MAX_IDLE);
        while let Some(mut one) = idle.pop() {
            if one.connection.is_quiet() {
                return Some(one.connection);
            }
        }
        None
    }

    /// Keeps a connection on which the last operation went well.
    pub(super) fn put(&self, server: usize, connection: Connection) {
        let mut idle = self.0.borrow_mut();
        idle.retain(|one| one.server == server);
        idle.push(IdleConnection { connection, server, since: Instant::now() });
    }

    /// Forgets the connections to a server that failed.
    pub(super) fn forget(&self, server: usize) {
        self.0.borrow_mut().retain(|one| one.server != server);
    }
}

/// Time for which an idle connection is used again. Firewalls forget connections that are idle for minutes, and drop
/// what comes later without a word.
const MAX_IDLE: Duration = Duration::from_mins(1);
