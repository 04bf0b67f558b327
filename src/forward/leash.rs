//! Cancels what is still on its way: an upload, a request that waits for its response, a download, a WebSocket.

use std::{
    cell::{Cell, OnceCell, RefCell},
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Holds one request that may take long. Whoever made it can end it at any time; what it is tied to
/// and why it ends is not known here.
#[derive(Clone, Debug, Default)]
pub struct Leash(Rc<State>);

#[derive(Debug, Default)]
struct State {
    ended: Cell<bool>,
    response: RefCell<Option<Waker>>,
    body: RefCell<Option<Waker>>,
}

/// The other end of a [`Leash`]: gone once the request has ended.
#[derive(Clone, Debug)]
pub struct LeashEnd(std::rc::Weak<State>);

/// The [`Leash`] of a request, which is made when it turns out that the request may take long: most have their
/// response before.
pub struct Tie<'a> {
    make: &'a dyn Fn() -> Leash,
    leash: OnceCell<Leash>,
}

/// Who waits: a request's body can be on its way in another task than the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Response,
    Body,
}

impl Leash {
    /// Where it can be ended from.
    pub fn other_end(&self) -> LeashEnd {
        LeashEnd(Rc::downgrade(&self.0))
    }

    /// Whether this half has to end; if not, its task is woken when it has to.
    pub(super) fn poll_ended(&self, half: Half, cx: &Context<'_>) -> Poll<()> {
        if self.0.ended.get() {
            return Poll::Ready(());
        }
        let waker = match half {
            Half::Response => &self.0.response,
            Half::Body => &self.0.body,
        };
        let mut waker = waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Returns when a tunnel has to end.
    pub(super) async fn ended(&self) {
        poll_fn(|cx| self.poll_ended(Half::Response, cx)).await;
    }
}

impl LeashEnd {
    /// Whether there is anything left to end.
    pub fn is_tied(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Ends the request.
    pub fn end(&self) {
        if let Some(state) = self.0.upgrade() {
            state.ended.set(true);
            for waker in [&state.response, &state.body] {
                let waker = waker.borrow_mut().take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }
}

impl<'a> Tie<'a> {
    /// Not tied yet; `make` is asked for the leash once it is.
    pub fn new(make: &'a dyn Fn() -> Leash) -> Self {
        Self { make, leash: OnceCell::new() }
    }

    /// Ties the request from now on.
    pub(super) fn tie(&self) -> &Leash {
        self.leash.get_or_init(self.make)
    }

    /// The leash, if the request is tied.
    pub(super) fn leash(&self) -> Option<&Leash> {
        self.leash.get()
    }

    /// Whether a request that waits for its response has to end.
    pub(super) fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        self.leash.get().map_or(Poll::Pending, |leash| leash.poll_ended(Half::Response, cx))
    }
}

impl fmt::Debug for Tie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tie").field("leash", &self.leash).finish_non_exhaustive()
    }
}
