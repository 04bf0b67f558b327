//! A response that begins before the end of its request: both directions of the connection at once.
//!
//! `download` hands its connection over here. Neither direction may wait for the other: a client that reads no response
//! before it has sent its whole body, and an upstream that reads no more before its response is sent, would wait for
//! ever. The rest of the request is therefore sent by a task of its own. The connection is never used again.

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

/// A connection on which a response is read while its request is still being sent. If it is dropped before the end of
/// the response, the connection is closed.
#[derive(Debug)]
pub(super) struct FullDuplex {
    shared: Rc<RefCell<Shared>>,
    sending: JoinHandle<()>,
    has_response: bool,
}

#[derive(Debug)]
struct Shared {
    /// `None` once the response was given up, or the upload failed.
    lease: Option<Lease>,
    sending: Sending,
    reading: Option<Waker>,
    guard: CancelGuard,
    _held: InFlightGuard,
}

impl FullDuplex {
    /// Starts to send the rest of the request.
    pub(super) fn new(lease: Lease, sending: Sending, guard: CancelGuard, held: InFlightGuard) -> Self {
        let shared = Shared { lease: Some(lease), sending, reading: None, guard, _held: held };
        let shared = Rc::new(RefCell::new(shared));
        let sent = Rc::clone(&shared);
        let sending = tokio::task::spawn_local(async move {
            if let Err(error) = send(&sent).await {
                sent.borrow_mut().fail(error);
            }
        });
        Self { shared, sending, has_response: false }
    }

    /// Reads on in the response.
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

    /// Whether the connection was closed because the upload failed.
    pub(super) fn is_given_up(&self) -> bool {
        self.shared.borrow().lease.is_none()
    }

    /// Goes on with the rest of the request after the whole response was read, as long as the upload moves: the upstream may
    /// want all of it.
    pub(super) fn response_read(mut self, silence: Duration, progress: Option<Rc<Progress>>) {
        self.has_response = true;
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
                tracing::debug!(%error, "upload given up after its response");
            }
        });
    }
}

impl Drop for FullDuplex {
    fn drop(&mut self) {
        self.sending.abort();
        if !self.has_response {
            // Closes the connection now, and not when the task is dropped.
            self.shared.borrow_mut().lease = None;
        }
    }
}

/// Sends the rest of the request, until it is cancelled.
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

    /// Closes the connection, so that the upstream does not take the part that it has for the whole.
    fn fail(&mut self, error: BodyError) {
        tracing::debug!(%error, "upload failed after its response began");
        self.lease = None;
        if let Some(reading) = self.reading.take() {
            reading.wake();
        }
    }
}
