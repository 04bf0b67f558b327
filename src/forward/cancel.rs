//! Cancellation of a request that takes long: an upload, a wait for a response, a download, a WebSocket.
//!
//! The gateway cancels such a request when the session or the rule that allowed it has ended. It hands a [`Cancellation`]
//! to forwarding, which asks it for the [`CancelGuard`] when the request turns out to take long: most requests have their
//! response before, and the gateway never looks at them again. Why a request is cancelled is not known here.

use std::{
    cell::OnceCell,
    fmt,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Held by each part of forwarding that works on one request. The request has ended once all clones are dropped.
#[derive(Clone, Debug, Default)]
pub struct CancelGuard(Rc<CancellationToken>);

/// Cancels the request of a [`CancelGuard`], which it does not keep alive.
#[derive(Clone, Debug)]
pub struct Canceller(Weak<CancellationToken>);

/// The [`CancelGuard`] of one request, made when it is first asked for.
pub struct Cancellation<'a> {
    make: &'a dyn Fn() -> CancelGuard,
    guard: OnceCell<CancelGuard>,
}

/// A future that completes when the request is cancelled.
#[derive(Debug)]
pub(super) struct Cancelled {
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    _guard: CancelGuard,
}

impl CancelGuard {
    /// The way to cancel the request.
    pub fn canceller(&self) -> Canceller {
        Canceller(Rc::downgrade(&self.0))
    }

    /// Returns when the request is cancelled.
    pub(super) async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// The same as a future that holds the guard.
    pub(super) fn into_cancelled(self) -> Cancelled {
        let cancelled = Box::pin(CancellationToken::clone(&self.0).cancelled_owned());
        Cancelled { cancelled, _guard: self }
    }
}

impl Canceller {
    /// Whether the request is still under way.
    pub fn is_under_way(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Cancels the request.
    pub fn cancel(&self) {
        if let Some(token) = self.0.upgrade() {
            token.cancel();
        }
    }
}

impl<'a> Cancellation<'a> {
    /// `make` is called at most once, when the request turns out to take long.
    pub fn new(make: &'a dyn Fn() -> CancelGuard) -> Self {
        Self { make, guard: OnceCell::new() }
    }

    /// The guard; the gateway can cancel the request from now on.
    pub(super) fn guard(&self) -> &CancelGuard {
        self.guard.get_or_init(self.make)
    }

    /// The guard, if it has been asked for before.
    pub(super) fn guard_if_made(&self) -> Option<&CancelGuard> {
        self.guard.get()
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.cancelled.as_mut().poll(cx)
    }
}

impl fmt::Debug for Cancellation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancellation").field("guard", &self.guard).finish_non_exhaustive()
    }
}
