//! A request and the head of its answer, both ways at once.

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
    BodyError, Cancellation,
    header_table::HeaderClass,
    http1::{AnswerHead, Conn, HeadReader, Heard, Http1Error, is_gone},
    interim::InterimWay,
    sending::Sending,
    upload::Progress,
};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The client's body ended early.
    Client(BodyError),
    /// The upstream, or the way to it, failed.
    Upstream(Http1Error),
    /// Nothing came in time.
    TooLate,
    /// The request was cancelled.
    Ended,
}

/// Sends a request until its answer has begun, and leaves `hidden` headers out of that; `sending` may not be over
/// then. The limit runs from `since`, and starts anew whenever something of the request's body goes out.
pub(super) async fn round_trip(
    conn: &mut Conn,
    sending: &mut Sending,
    (asked, hidden, interim): (&Method, HeaderClass, &InterimWay<'_>),
    (since, limit): (Instant, Duration),
    cancellation: &Cancellation<'_>,
) -> Result<AnswerHead, Unanswered> {
    let progress = sending.progress();
    let mut reader = HeadReader::new(hidden);
    let mut answer = pin!(poll_fn(|cx| poll_answer(conn, sending, &mut reader, (asked, interim), cx)));
    if cancellation.guard_if_made().is_none() {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = sleep_until(since + limit.min(CANCELLABLE_AFTER)) => {}
        }
    }
    tokio::select! {
        biased;
        () = cancellation.guard().cancelled() => Err(Unanswered::Ended),
        answer = &mut answer => answer,
        () = silent(since, limit, progress.as_deref()) => Err(Unanswered::TooLate),
    }
}

fn poll_answer(
    conn: &mut Conn,
    sending: &mut Sending,
    reader: &mut HeadReader,
    (asked, interim): (&Method, &InterimWay<'_>),
    cx: &mut Context<'_>,
) -> Poll<Result<AnswerHead, Unanswered>> {
    loop {
        if let Poll::Ready(Err(error)) = sending.poll(conn, cx) {
            return Poll::Ready(Err(Unanswered::Client(error)));
        }
        loop {
            match conn.read_head(reader, asked) {
                Ok(Heard::Final(head)) => return Poll::Ready(Ok(head)),
                Ok(Heard::Continue) => {
                    sending.go_on();
                    break;
                }
                Ok(Heard::Interim(head)) => {
                    if interim.pass(head) {
                        // The client's connection writes it before this is asked for more.
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    continue;
                }
                Ok(Heard::More) => {}
                Err(error) => return Poll::Ready(Err(Unanswered::Upstream(error))),
            }
            let read = ready!(conn.poll_fill(cx, 0));
            if let Some(error) = why_no_more(read) {
                let nothing_came = conn.buf().is_empty() && !reader.has_read();
                return Poll::Ready(Err(Unanswered::Upstream(match error {
                    Http1Error::Ended if nothing_came => Http1Error::Silent,
                    other => other,
                })));
            }
        }
    }
}

fn why_no_more(read: io::Result<usize>) -> Option<Http1Error> {
    match read {
        Ok(0) => Some(Http1Error::Ended),
        Ok(_) => None,
        Err(error) if is_gone(&error) => Some(Http1Error::Ended),
        Err(error) => Some(Http1Error::Io(error)),
    }
}

/// Returns when nothing has happened since `since` and nothing of the body has gone out for as long as `limit`.
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

/// A request that waits longer for its response can be cancelled. Most have theirs before, and cost nothing.
const CANCELLABLE_AFTER: Duration = Duration::from_millis(500);
