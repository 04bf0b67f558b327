//! Ends what is still on its way: a download, an event stream, a WebSocket.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
};

use tokio::sync::Notify;

/// Holds one answer that may take long. Whoever made it can end it at any time; what it is tied to
/// and why it ends is not known here.
#[derive(Clone, Debug, Default)]
pub struct Leash(Rc<State>);

#[derive(Debug, Default)]
struct State {
    ended: Cell<bool>,
    body: RefCell<Option<Waker>>,
    tunnel: Notify,
}

/// The other end of a [`Leash`]: gone once the answer has ended.
#[derive(Clone, Debug)]
pub struct LeashEnd(std::rc::Weak<State>);

impl Leash {
    /// Where it can be ended from.
    pub fn other_end(&self) -> LeashEnd {
        LeashEnd(Rc::downgrade(&self.0))
    }

    /// Whether a body has to end; if not, the task is woken when it has to.
    pub(super) fn poll_ended(&self, cx: &Context<'_>) -> Poll<()> {
        if self.0.ended.get() {
            return Poll::Ready(());
        }
        let mut waker = self.0.body.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Returns when a tunnel has to end.
    pub(super) async fn ended(&self) {
        while !self.0.ended.get() {
            self.0.tunnel.notified().await;
        }
    }
}

impl LeashEnd {
    /// Whether there is anything left to end.
    pub fn is_tied(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Ends the answer.
    pub fn end(&self) {
        if let Some(state) = self.0.upgrade() {
            state.ended.set(true);
            state.tunnel.notify_one();
            if let Some(waker) = state.body.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}
