//! The lines that introduce a request: where it came from, and who asks.
//!
//! One request of a connection has the same ones as the last, nearly always: they are written once, and added to
//! the next head as they stand. Nobody can be given another's: what is kept is kept with everything that it was
//! written from, all of which is the same thing still, or the lines are written anew. What a trusted proxy says
//! of its client is new with every request and is never kept.

use std::{
    cell::RefCell,
    fmt,
    net::IpAddr,
    sync::{Arc, Weak},
};

use http::HeaderMap;

use super::{
    IdentityHeaders,
    headers::{Onward, introduce},
    wire::RequestHead,
};
use crate::{identity::User, request::Authority};

/// The lines that introduced the last request of a connection.
#[derive(Default)]
pub struct LastIntroduction(RefCell<Option<Introduction>>);

struct Introduction {
    peer_addr: IpAddr,
    asked: Authority,
    identity: IdentityHeaders,
    /// Never changed, like everything behind an `Arc`: who has changed is another one, and none can come to lie
    /// in the same place while this points there. It keeps nobody in memory.
    user: Option<Weak<User>>,
    lines: Box<[u8]>,
}

impl LastIntroduction {
    /// Adds the lines that introduce this request.
    pub(super) fn add(&self, client: &HeaderMap, onward: &Onward<'_>, head: &mut RequestHead) {
        if onward.facts.is_from_proxy() {
            return introduce(client, onward, |name, value| head.line(name, value));
        }
        let mut last = self.0.borrow_mut();
        if !last.as_ref().is_some_and(|last| last.is_of(onward)) {
            *last = Some(Introduction::of(client, onward));
        }
        if let Some(Introduction { lines, .. }) = &*last {
            head.lines(lines);
        }
    }
}

impl Introduction {
    fn of(client: &HeaderMap, onward: &Onward<'_>) -> Self {
        let mut lines = RequestHead::piece();
        introduce(client, onward, |name, value| lines.line(name, value));
        Self {
            peer_addr: onward.facts.peer_addr,
            asked: onward.permit.target().authority.clone(),
            identity: onward.app.identity.clone(),
            user: onward.permit.user().map(Arc::downgrade),
            lines: lines.into_lines().into_boxed_slice(),
        }
    }

    /// Whether the lines would be the same if they were written for this request.
    fn is_of(&self, onward: &Onward<'_>) -> bool {
        let user = onward.permit.user().map(Arc::as_ptr);
        self.user.as_ref().map(Weak::as_ptr) == user
            && self.identity.is(&onward.app.identity)
            && self.asked == onward.permit.target().authority
            && self.peer_addr == onward.facts.peer_addr
    }
}

impl fmt::Debug for LastIntroduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastIntroduction").finish_non_exhaustive()
    }
}
