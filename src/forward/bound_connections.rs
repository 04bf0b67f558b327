//! Upstream connections that are bound to one client connection, because a user has authenticated on them.
//!
//! NTLM and Negotiate authenticate a connection and not a request (RFC 4559 §6, RFC 9110 §11.7): once Alice has signed in
//! to an application in this way, the connection acts for her, and Mallory's request on it would be hers. A connection on
//! which such a scheme was seen, in a request or a response, is therefore held here and not in the pool: for requests of
//! the same client connection, as long as the same user makes them. It is closed with the client connection.
//!
//! Requests over HTTP/2 and requests of a trusted proxy are left out: one of their connections carries requests of many
//! people. Their upstream connections are closed after such a response.

use std::{
    cell::{Cell, OnceCell},
    fmt,
};

use super::{
    App,
    pool::{BoundList, Lease},
};
use crate::identity::UserId;

/// The bound connections of one client connection: at most one for each server.
#[derive(Default)]
pub struct BoundConnections {
    /// User of the requests that bound them.
    user: Cell<Option<UserId>>,
    list: OnceCell<BoundList>,
}

impl BoundConnections {
    /// Takes the connection to one of the app's servers that is bound to requests of this user.
    pub(super) fn take(&self, app: &App, user: Option<UserId>) -> Option<Lease> {
        let mut list = self.list.get()?.0.borrow_mut();
        // Bob may sign in after Alice in the same browser, on the same client connection.
        if self.user.get() != user {
            list.clear();
        }
        let found = list.iter().position(|lease| lease.is_of(app))?;
        let mut lease = list.remove(found);
        lease.conn.is_quiet().then_some(lease)
    }

    /// The list to which connections of this user's requests go back.
    pub(super) fn list_for(&self, user: Option<UserId>) -> BoundList {
        self.user.set(user);
        self.list.get_or_init(BoundList::default).clone()
    }
}

impl fmt::Debug for BoundConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.get().map_or(0, |list| list.0.borrow().len());
        f.debug_struct("BoundConnections").field("count", &count).finish_non_exhaustive()
    }
}
