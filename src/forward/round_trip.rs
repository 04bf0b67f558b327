//! A round trip: a request and the head of its response.
//!
//! `forwarder` runs it. Sending and reading go on together in the task that serves the client: an upstream may respond
//! before it has read the body. The limit on silence and the cancellation of the request end it; the response body is left
//! to `download`.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Method;
use tokio::time::{Instant, sleep_until};

use super::{
    BodyError, Cancellation, FaultKind,
    header_table::HeaderClass,
    http1::{Conn, HeadEvent, HeadReader, Http1Error, ResponseHead, is_disconnected},
    interim::InterimWay,
    sending::Sending,
    upload::Progress,
};

/// Reason for which there is no response.
#[derive(Debug)]
pub(super) enum NoResponse {
    /// The client's body ended early.
    Client(BodyError),
    /// The upstream or its connection failed.
    Upstream(Http1Error),
    /// The response did not come in time.
    Timeout,
    /// The request was cancelled.
    Cancelled,
}

/// The request and the limits of one round trip.
#[derive(Debug)]
pub(super) struct RoundTrip<'a> {
    /// Method of the request.
    pub(super) method: &'a Method,
    /// Classes of headers that are left out of the response.
    pub(super) hidden: HeaderClass,
    pub(super) interim: &'a InterimWay<'a>,
    /// Start of the limit, which starts anew whenever a piece of the request body is sent.
    pub(super) since: Instant,
    pub(super) limit: Duration,
    pub(super) cancellation: &'a Cancellation<'a>,
}

impl RoundTrip<'_> {
    /// Sends a request until the head of its response was read; `sending` may go on afterwards.
    pub(super) async fn run(
        &self,
        conn: &mut Conn,
        sending: &mut Sending,
    ) -> Result<ResponseHead, NoResponse> {
        let progress = sending.progress();
        let mut reader = HeadReader::new(self.hidden);
        let mut response = pin!(poll_fn(|cx| self.poll_response(conn, sending, &mut reader, cx)));
        if self.cancellation.guard_if_made().is_none() {
            tokio::select! {
                biased;
                response = &mut response => return response,
                () = sleep_until(self.since + self.limit.min(CANCELLABLE_AFTER)) => {}
            }
        }
        tokio::select! {
            biased;
            () = self.cancellation.guard().cancelled() => Err(NoResponse::Cancelled),
            response = &mut response => response,
            () = silent(self.since, self.limit, progress.as_deref()) => Err(NoResponse::Timeout),
        }
    }

    fn poll_response(
        &self,
        conn: &mut Conn,
        sending: &mut Sending,
        reader: &mut HeadReader,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, NoResponse>> {
        loop {
            if let Poll::Ready(Err(error)) = sending.poll(conn, cx) {
                return Poll::Ready(Err(NoResponse::Client(error)));
            }
            loop {
                match conn.read_head(reader, self.method) {
                    Ok(HeadEvent::Final(head)) => return Poll::Ready(Ok(head)),
                    Ok(HeadEvent::Continue) => {
                        sending.go_on();
                        break;
                    }
                    Ok(HeadEvent::Interim(head)) => {
                        if self.interim.pass(head) {
                            // The client's connection writes it before it polls this again.
                            cx.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                        continue;
                    }
                    Ok(HeadEvent::More) => {}
                    Err(error) => return Poll::Ready(Err(NoResponse::Upstream(error))),
                }
                let read = ready!(conn.poll_fill(cx, 0));
                if let Some(error) = why_no_more(read) {
                    let nothing_came = conn.buf().is_empty() && !reader.has_read();
                    return Poll::Ready(Err(NoResponse::Upstream(match error {
                        Http1Error::Ended if nothing_came => Http1Error::Silent,
                        other => other,
                    })));
                }
            }
        }
    }
}

impl NoResponse {
    pub(super) fn into_kind(self, timeout: Duration) -> FaultKind {
        match self {
            Self::Upstream(Http1Error::TwoLengths) => FaultKind::TwoLengths,
            Self::Upstream(error) => FaultKind::Exchange(error),
            Self::Timeout => FaultKind::ResponseTimeout(timeout),
            Self::Cancelled => FaultKind::Cancelled,
            Self::Client(error) => error.into(),
        }
    }
}

fn why_no_more(read: io::Result<usize>) -> Option<Http1Error> {
    match read {
        Ok(0) => Some(Http1Error::Ended),
        Ok(_) => None,
        Err(error) if is_disconnected(&error) => Some(Http1Error::Ended),
        Err(error) => Some(Http1Error::Io(error)),
    }
}

/// Returns once no piece of the body was sent for `limit`, counted from `since`.
pub(super) async fn silent(since: Instant, limit: Duration, progress: Option<&Progress>) {
    let mut due = since + limit;
    loop {
        sleep_until(due).await;
        let moved_at = progress.map_or(since, |progress| progress.moved_at.get().max(since));
        due = moved_at + limit;
        if due <= Instant::now() {
            return;
        }
    }
}

/// A request that waits longer for its response can be cancelled. Most have theirs before, and are never registered.
const CANCELLABLE_AFTER: Duration = Duration::from_millis(500);
