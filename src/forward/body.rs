//! Bodies on their way through: streamed, watched, never collected.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{App, Leash, headers::OwnedNames, pool::Lease};
use crate::{pace::Pace, stall::Stall};

/// What a body may cost; part of the configured limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The largest body a client may send.
    pub max_body: u64,
    /// How long a client may be silent within its body.
    pub body_timeout: Duration,
    /// Bytes a second that a client has to send, averaged over `body_timeout`; 0: any.
    pub body_rate: u64,
}

impl BodyLimits {
    /// Those that hold for an app.
    #[must_use]
    pub fn of(self, app: &App) -> Self {
        Self { max_body: app.max_body.unwrap_or(self.max_body), ..self }
    }
}

/// Why a body ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than allowed.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// Nothing came for too long.
    #[error("nothing of the body came for too long")]
    Stalled,
    /// It came, but too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// Whoever it was for may not have it any more.
    #[error("the body was ended")]
    Ended,
    /// The connection broke, or the body was malformed.
    #[error("the body broke off")]
    Broken,
    /// The answer was there before the upstream asked for the body.
    #[error("nobody asked for the body")]
    Unwanted,
}

/// A client's body on its way to the upstream.
#[derive(Debug)]
pub(super) struct RequestBody(Option<Streaming>);

#[derive(Debug)]
struct Streaming {
    body: Incoming,
    left: u64,
    stall: Stall,
    pace: Pace,
    owned: Arc<OwnedNames>,
    gate: Option<Gate>,
    progress: Rc<Progress>,
}

/// What the one who waits for the answer can see of the body that is still on its way.
#[derive(Debug)]
pub(super) struct Progress {
    /// Why it ended early.
    pub(super) failure: Cell<Option<BodyError>>,
    /// When something of it last went out.
    pub(super) moved_at: Cell<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { failure: Cell::new(None), moved_at: Cell::new(Instant::now()) }
    }
}

/// Holds a body back until the upstream has said `100 Continue` (RFC 9110 §10.1.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<std::sync::Mutex<GateState>>);

#[derive(Debug, Default)]
struct GateState {
    passage: Passage,
    waiting: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Passage {
    /// Nobody has asked for the body yet.
    #[default]
    Shut,
    /// The body may go.
    Open,
    /// There was an answer without it, which is still being read.
    Declined,
    /// That answer has ended: the body never goes, and its connection ends.
    Over,
}

/// An answer that came instead of `100 Continue`. Once it has ended, or was given up, so has the
/// connection on which the body was due.
#[derive(Debug)]
pub(super) struct Declined(Gate);

impl Drop for Declined {
    fn drop(&mut self) {
        self.0.turn(Passage::Over);
    }
}

impl Gate {
    /// Lets the body through, unless there is an answer already.
    pub(super) fn open(&self) {
        self.turn(Passage::Open);
    }

    /// The final answer is there; `Some` if it came before anybody asked for the body, which from now
    /// on nobody will.
    pub(super) fn decline(&self) -> Option<Declined> {
        self.turn(Passage::Declined);
        let declined = self.0.lock().is_ok_and(|state| state.passage == Passage::Declined);
        declined.then(|| Declined(self.clone()))
    }

    fn turn(&self, to: Passage) {
        let waker = self.0.lock().ok().and_then(|mut state| {
            let may = match to {
                Passage::Open | Passage::Declined => state.passage == Passage::Shut,
                Passage::Over => state.passage == Passage::Declined,
                Passage::Shut => false,
            };
            if !may {
                return None;
            }
            state.passage = to;
            state.waiting.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll_open(&self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let Ok(mut state) = self.0.lock() else { return Poll::Ready(Err(BodyError::Unwanted)) };
        match state.passage {
            Passage::Open => Poll::Ready(Ok(())),
            Passage::Over => Poll::Ready(Err(BodyError::Unwanted)),
            Passage::Shut | Passage::Declined => {
                state.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl RequestBody {
    /// No body.
    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// The client's body.
    pub(super) fn new(
        body: Incoming,
        limits: BodyLimits,
        owned: Arc<OwnedNames>,
        gate: Option<Gate>,
        progress: Rc<Progress>,
    ) -> Self {
        let stall = Stall::new(limits.body_timeout);
        let pace = Pace::new(limits.body_rate, limits.body_timeout);
        Self(Some(Streaming { body, left: limits.max_body, stall, pace, owned, gate, progress }))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Streaming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(gate) = &self.gate {
            match gate.poll_open(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Ok(())) => self.gate = None,
            }
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                self.pace.wait();
                match self.stall.poll_wait(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Stalled))),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(Some(Ok(mut frame))) => {
                self.stall.moved();
                if self.pace.moved(frame.data_ref().map_or(0, Buf::remaining)).is_err() {
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
                self.progress.moved_at.set(Instant::now());
                if let Some(data) = frame.data_ref() {
                    match self.left.checked_sub(data.remaining() as u64) {
                        Some(left) => self.left = left,
                        None => return Poll::Ready(Some(Err(BodyError::TooLarge))),
                    }
                }
                clean_trailers(&mut frame, &self.owned);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(streaming) = &mut self.0 else { return Poll::Ready(None) };
        let polled = streaming.poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = polled {
            streaming.progress.failure.set(Some(error));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|streaming| streaming.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |streaming| streaming.body.size_hint())
    }
}

/// An upstream's body on its way to the client. At its end the connection goes back to its pool;
/// dropped before, the connection is closed with it.
#[derive(Debug)]
pub struct UpstreamBody {
    body: Incoming,
    lease: Option<Lease>,
    stall: Stall,
    owned: Arc<OwnedNames>,
    /// What the client sends meanwhile; as long as that moves, the upstream may be silent.
    progress: Rc<Progress>,
    declined: Option<Declined>,
    leash: Option<Leash>,
}

impl UpstreamBody {
    pub(super) fn new(
        body: Incoming,
        lease: Lease,
        silence: Duration,
        owned: Arc<OwnedNames>,
        progress: Rc<Progress>,
        declined: Option<Declined>,
        tie: Option<Leash>,
    ) -> Self {
        let stall = Stall::new(silence);
        let mut body = Self { body, lease: Some(lease), stall, owned, progress, declined, leash: tie };
        if body.body.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        let declined = self.declined.take();
        if let Some(lease) = self.lease.take()
            && declined.is_none()
        {
            lease.give_back();
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.leash.as_ref().is_some_and(|leash| leash.poll_ended(cx).is_ready()) {
            return Poll::Ready(Some(Err(BodyError::Ended)));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => match this.stall.poll_wait_since(this.progress.moved_at.get(), cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Stalled))),
                Poll::Pending => Poll::Pending,
            },
            Poll::Ready(Some(Ok(mut frame))) => {
                this.stall.moved();
                clean_trailers(&mut frame, &this.owned);
                if this.body.is_end_stream() {
                    this.give_back();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "an upstream's body broke off");
                Poll::Ready(Some(Err(BodyError::Broken)))
            }
            Poll::Ready(None) => {
                this.give_back();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// No trailer says what only the gateway may say, or changes how the message is framed.
fn clean_trailers(frame: &mut Frame<Bytes>, owned: &OwnedNames) {
    if let Some(trailers) = frame.trailers_mut() {
        let names: Vec<_> = trailers.keys().filter(|name| owned.forbids_in_trailer(name)).cloned().collect();
        for name in names {
            trailers.remove(name);
        }
    }
}
