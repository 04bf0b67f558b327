//! The body of a response, from the upstream to the client.
//!
//! hyper polls it as the response body. It reads the upstream connection no further than the end of the body, gives the
//! connection back to its pool then, and closes it if the body is dropped before. A short body that came with its head is
//! taken at once, so that the connection is free before the client has read anything.

use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{
    BodyError, CancelGuard, Endpoint, OwnedNames, UnsentBytes,
    body::clean_trailers,
    cancel::Cancelled,
    full_duplex::FullDuplex,
    http1::{BodyReader, Framing, Http1Error, Piece},
    pool::Lease,
    sending::Sending,
    upload::Progress,
};
use crate::{error_chain::ErrorChain, request::RequestId, stall::Stall};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// The body of an upstream's response; `None` after a change of protocol.
pub type ResponseBody = Option<UpstreamBody>;

/// The body of an upstream's response. At its end the connection goes back to its pool; if the body is dropped before,
/// the connection is closed.
#[derive(Debug)]
pub struct UpstreamBody {
    /// A short body that came with its head.
    ready: Option<Bytes>,
    rest: Option<Box<Rest>>,
    /// Error that is still to be returned.
    failed: Option<BodyError>,
}

/// The part of the body that is still to be read.
#[derive(Debug)]
struct Rest {
    reader: BodyReader,
    source: Source,
    keep_alive: bool,
    stall: Stall,
    /// Progress of the upload; as long as the upload moves, the upstream may be silent.
    progress: Option<Rc<Progress>>,
    /// Maximum silence of the upload once the response has ended.
    timeout: Duration,
    owned: Arc<OwnedNames>,
    cancelled: Option<Cancelled>,
    unsent: Option<UnsentBytes>,
    log_fields: LogFields,
}

/// Fields of the log entry for a response that its upstream did not finish.
#[derive(Clone, Debug)]
pub(super) struct LogFields {
    pub(super) request_id: RequestId,
    pub(super) app: Arc<str>,
    pub(super) upstream: Arc<Endpoint>,
}

/// Owner of the upstream connection.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is nearly always the large one, and in a box")]
enum Source {
    /// The request has been sent, or the rest of its body is never asked for. A body that was not read is held until the
    /// response has ended: hyper closes the client connection when it is dropped.
    Alone { lease: Lease, sending: Sending },
    /// The response began before the end of the request.
    Shared(FullDuplex),
}

impl UpstreamBody {
    /// `framing` says where the body ends, `keep_alive` whether the upstream keeps the connection open, `now` when the head was read.
    pub(super) fn new(
        mut lease: Lease,
        sending: Sending,
        (framing, keep_alive): (Framing, bool),
        now: Instant,
        context: &super::Context<'_>,
    ) -> Self {
        let mut reader = BodyReader::new(framing);
        if sending.is_over() && reader.left().is_some_and(|left| left <= lease.conn.buf().len() as u64) {
            // The whole body is here: the next request need not wait until the client has read it.
            let ready = match reader.next(lease.conn.buf()) {
                Ok(Piece::Data(data)) => Some(data),
                _ => None,
            };
            give_back(lease, &sending, keep_alive, now);
            return Self { ready, rest: None, failed: None };
        }
        let may_take_long = reader.left().is_none_or(|bytes| bytes > SHORT_BODY_BYTES);
        let progress = sending.progress();
        let upstream = Arc::clone(&lease.endpoint);
        let source = if sending.is_over() || sending.is_held() {
            Source::Alone { lease, sending }
        } else {
            let guard = context.cancellation.guard().clone();
            Source::Shared(FullDuplex::new(lease, sending, guard, (context.hold)()))
        };
        let guard = match context.cancellation.guard_if_made() {
            None if may_take_long => Some(context.cancellation.guard()),
            made => made,
        };
        let rest = Rest {
            reader,
            source,
            keep_alive,
            stall: Stall::new(context.app.body_silence),
            progress,
            timeout: context.app.timeout,
            owned: Arc::clone(context.owned),
            cancelled: guard.cloned().map(CancelGuard::into_cancelled),
            unsent: context.unsent.cloned(),
            log_fields: LogFields {
                request_id: context.facts.id,
                app: Arc::clone(&context.app.name),
                upstream,
            },
        };
        let mut body = Self { ready: None, rest: Some(Box::new(rest)), failed: None };
        body.end_if_over();
        body
    }

    fn end_if_over(&mut self) {
        if let Some(rest) = self.rest.take_if(|rest| rest.reader.is_over()) {
            rest.end();
        }
    }
}

impl Rest {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.cancelled.as_mut().is_some_and(|cancelled| Pin::new(cancelled).poll(cx).is_ready()) {
            return Poll::Ready(Some(Err(BodyError::Cancelled)));
        }
        let Poll::Ready(piece) = self.poll_piece(cx) else {
            let stalled = match &self.progress {
                Some(progress) => self.stall.poll_wait_since(progress.moved_at.get(), cx),
                None => self.stall.poll_wait(cx),
            };
            return stalled.map(|()| {
                self.log_fields
                    .warn(&format_args!("no byte for {:?}", self.stall.limit()), "response body stalled");
                Some(Err(BodyError::Stalled))
            });
        };
        self.stall.moved();
        Poll::Ready(match piece {
            Ok(Piece::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(Piece::Trailers(mut trailers)) => {
                clean_trailers(&mut trailers, &self.owned);
                Some(Ok(Frame::trailers(trailers)))
            }
            Ok(Piece::More | Piece::End) => None,
            // The upload failed, and the connection was closed for that.
            Err(_) if self.source.is_given_up() => Some(Err(BodyError::Cancelled)),
            Err(error) => {
                self.log_fields.warn(&ErrorChain(&error), "response body broke off");
                Some(Err(BodyError::Broken))
            }
        })
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Http1Error>> {
        let reader = &mut self.reader;
        // Each stream of a client connection with much unsent data goes on, but in small pieces.
        let holds_much = self.unsent.as_ref().is_some_and(UnsentBytes::is_much);
        match &mut self.source {
            Source::Alone { lease, .. } => poll_piece(reader, lease, holds_much, cx),
            Source::Shared(both) => both.poll_with(cx, |lease, cx| poll_piece(reader, lease, holds_much, cx)),
        }
    }

    /// Gives the connection back after the whole response was read.
    fn end(self) {
        match self.source {
            Source::Alone { lease, sending } => give_back(lease, &sending, self.keep_alive, Instant::now()),
            Source::Shared(both) => both.response_read(self.timeout, self.progress),
        }
    }
}

impl Source {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Alone { .. } => false,
            Self::Shared(both) => both.is_given_up(),
        }
    }
}

impl LogFields {
    fn warn(&self, error: &dyn fmt::Display, what: &'static str) {
        let Self { request_id, app, upstream } = self;
        tracing::warn!(%request_id, %app, upstream = %upstream.url, %error, "{what}");
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
        if let Some(data) = this.ready.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
        let frame = ready!(rest.poll_frame(cx));
        if let Some(Err(error)) = frame {
            // Closes the connection, which ends the upload too.
            this.rest = None;
            // Data that was returned before leaves first: over HTTP/2 the reset of a stream overtakes its queued data.
            this.failed = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.end_if_over();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_none() && self.rest.is_none() && self.failed.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let ready = self.ready.as_ref().map_or(0, |data| data.len() as u64);
        match self.rest.as_ref().map_or(Some(0), |rest| rest.reader.left()) {
            Some(left) if self.failed.is_none() => SizeHint::with_exact(ready + left),
            _ => SizeHint::default(),
        }
    }
}

fn poll_piece(
    reader: &mut BodyReader,
    lease: &mut Lease,
    holds_much: bool,
    cx: &mut Context<'_>,
) -> Poll<Result<Piece, Http1Error>> {
    if holds_much {
        lease.conn.read_little();
    }
    loop {
        match reader.next(lease.conn.buf())? {
            Piece::More => {}
            piece => return Poll::Ready(Ok(piece)),
        }
        let room = reader.room();
        if ready!(lease.conn.poll_fill(cx, room)).map_err(Http1Error::Io)? == 0 {
            reader.closed()?;
        }
    }
}

/// Gives the connection back to its pool, if neither request nor response left anything on it.
fn give_back(mut lease: Lease, sending: &Sending, keep_alive: bool, now: Instant) {
    if keep_alive && sending.is_complete() && !sending.had_early_response() && lease.conn.buf().is_empty() {
        lease.give_back(now);
    }
}

/// Fits the sockets' buffers: it is sent before anything could cancel it.
const SHORT_BODY_BYTES: u64 = 16 * 1024;
