//! An answer that has begun before the end of its request.
//!
//! Neither direction may wait for the other: a client that reads nothing of the answer before it has sent
//! all, and an upstream that takes no more before it got rid of its answer, would wait for ever. So the rest of
//! the request goes out in a task of its own, the only one that forwarding ever starts.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};

use super::{
    BodyError, CancelGuard, InFlightGuard, http1::Http1Error, pool::Lease, round_trip::silent,
    sending::Sending, upload::Progress,
};

/// A connection on which an answer is read while its request is still being sent. Dropped before the
/// answer has ended, the connection is closed.
#[derive(Debug)]
pub(super) struct Both {
    shared: Rc<RefCell<Shared>>,
    sending: JoinHandle<()>,
    answered: bool,
}

#[derive(Debug)]
struct Shared {
    /// Gone once the answer was given up, or the client's body was at fault.
    lease: Option<Lease>,
    sending: Sending,
    reading: Option<Waker>,
    guard: CancelGuard,
    /// InFlightGuard for as long as anything is sent.
    _held: InFlightGuard,
}

impl Both {
    /// Begins to send what is left of the request.
    pub(super) fn new(lease: Lease, sending: Sending, guard: CancelGuard, held: InFlightGuard) -> Self {
        let shared = Shared { lease: Some(lease), sending, reading: None, guard, _held: held };
        let shared = Rc::new(RefCell::new(shared));
        let sent = Rc::clone(&shared);
        let sending = tokio::task::spawn_local(async move {
            if let Err(error) = send(&sent).await {
                sent.borrow_mut().fail(error);
            }
        });
        Self { shared, sending, answered: false }
    }

    /// Reads on.
    pub(super) fn poll_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut Lease, &mut Context<'_>) -> Poll<Result<T, Http1Error>>,
    ) -> Poll<Result<T, Http1Error>> {
        let mut shared = self.shared.borrow_mut();
        let Some(lease) = &mut shared.lease else { return Poll::Ready(Err(Http1Error::Ended)) };
        let polled = read(lease, cx);
        if polled.is_pending() {
            shared.reading = Some(cx.waker().clone());
        }
        polled
    }

    /// Whether the connection was closed because the client's body was at fault.
    pub(super) fn is_given_up(&self) -> bool {
        self.shared.borrow().lease.is_none()
    }

    /// The whole answer was read. What is left of the request goes on as long as something moves: the
    /// upstream may well want all of it. The connection is never used again.
    pub(super) fn answered(mut self, silence: Duration, progress: Option<Rc<Progress>>) {
        self.answered = true;
        if self.sending.is_finished() {
            return;
        }
        let shared = Rc::clone(&self.shared);
        tokio::task::spawn_local(async move {
            let sent = tokio::select! {
                sent = send(&shared) => sent,
                () = silent(Instant::now(), silence, progress.as_deref()) => Err(BodyError::Stalled),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "the rest of a request was given up after its answer");
            }
        });
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        self.sending.abort();
        if !self.answered {
            // At once, and not when the task is next looked at.
            self.shared.borrow_mut().lease = None;
        }
    }
}

/// Sends what is left of the request, until it is cancelled.
async fn send(shared: &RefCell<Shared>) -> Result<(), BodyError> {
    let guard = shared.borrow().guard.clone();
    tokio::select! {
        biased;
        () = guard.cancelled() => Err(BodyError::Cancelled),
        sent = poll_fn(|cx| shared.borrow_mut().poll_send(cx)) => sent,
    }
}

impl Shared {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        match &mut self.lease {
            Some(lease) => self.sending.poll(&mut lease.conn, cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The upstream must not take what it got for the whole, and there is nobody left for its answer.
    fn fail(&mut self, error: BodyError) {
        tracing::debug!(%error, "the rest of a request, after its answer had begun");
        self.lease = None;
        if let Some(reading) = self.reading.take() {
            reading.wake();
        }
    }
}
