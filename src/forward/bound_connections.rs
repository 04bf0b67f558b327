//! Upstream connections that belong to one client connection, because somebody has authenticated on them.
//!
//! NTLM and Negotiate authenticate a connection and not a request (RFC 4559 §6, RFC 9110 §11.7): once Alice has signed in
//! to an application in this way, the connection speaks for her, whoever's request comes on it next. A connection on which
//! such a scheme was seen, in a request or a response, is therefore kept here and not in the pool: for requests of
//! the same client connection, as long as the same user makes them. It is closed with the client connection.
//!
//! Requests of HTTP/2 and those of a trusted proxy, whose one connection is for many people, have no place here. Their
//! upstream connections are closed after such a response, so that nobody gets them.

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    rc::Rc,
};

use super::{App, pool::Lease};
use crate::identity::UserId;

/// The bound connections of one client connection: at most one for each server.
#[derive(Default)]
pub struct BoundConnections {
    /// Who made the requests that they were bound by.
    user: Cell<Option<UserId>>,
    list: OnceCell<BoundList>,
}

/// Where a bound connection goes back to; whoever holds it keeps nothing open once the client connection is gone.
#[derive(Clone, Default)]
pub(super) struct BoundList(Rc<RefCell<Vec<Lease>>>);

impl BoundConnections {
    /// The connection to one of the app's servers, if there is one that is bound to requests of this user.
    pub(super) fn take(&self, app: &App, user: Option<UserId>) -> Option<Lease> {
        let mut list = self.list.get()?.0.borrow_mut();
        // Whoever signs in on a client connection after Alice is not her, though the browser is the same.
        if self.user.get() != user {
            list.clear();
        }
        let found = list.iter().position(|lease| lease.is_to_one_of(&app.upstreams))?;
        let mut lease = list.remove(found);
        lease.conn.is_quiet().then_some(lease)
    }

    /// Where connections of this user's requests go back to.
    pub(super) fn list_for(&self, user: Option<UserId>) -> BoundList {
        self.user.set(user);
        self.list.get_or_init(BoundList::default).clone()
    }
}

impl BoundList {
    pub(super) fn put_back(&self, lease: Lease) {
        self.0.borrow_mut().push(lease);
    }
}

impl fmt::Debug for BoundConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.get().map_or(0, |list| list.0.borrow().len());
        f.debug_struct("BoundConnections").field("count", &count).finish_non_exhaustive()
    }
}

impl fmt::Debug for BoundList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundList").finish_non_exhaustive()
    }
}
