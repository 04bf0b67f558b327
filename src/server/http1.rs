//! A client of HTTP/1.1, served by hyper while there are requests.
//!
//! hyper keeps 16 KiB of buffers for a connection, whether anything is in them or not. It is given a connection with the
//! first byte of a request, and gives it back when no request has run for [`QUIET`]: an idle connection holds TLS and no
//! more. A head that hyper cannot read is refused here, with the page and the log entry of every refusal.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Method;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    activity::Activity,
    client::{Client, ClientSocket},
    limits::Limits,
    refusal,
    response::{Flow, respond},
    serving::Serving,
    shutdown::Shutdown,
};
use crate::{
    refusal::Refusal,
    request::{RequestBody, UnreadHead},
    telemetry::Limit,
};

/// Serves requests until the connection ends, or until the server has stopped.
pub(super) async fn serve(serving: Rc<Serving>, client: Client) {
    let Client { mut socket, connection, activity, connected: _connected } = client;
    let (peer_addr, refused_on) = (connection.peer_addr, Rc::clone(&connection));
    let (gateway, counters) = (Rc::clone(&serving.gateway), Arc::clone(&serving.counters));
    let (starting, open) = (Arc::clone(&activity), Rc::clone(&serving.open));
    let mut service = service_fn(move |request| {
        let running = starting.start();
        let retires = running.retires();
        if let Some(limit) = retires {
            counters.reached(limit);
        }
        let flow = Flow::Http1 { last: retires.is_some() };
        let (gateway, connection) = (Rc::clone(&gateway), Rc::clone(&connection));
        let flow = (flow, Rc::clone(&open));
        // In a box, because hyper moves the future of a response.
        Box::pin(respond(gateway, request.map(RequestBody::Incoming), connection, running, flow))
    });
    while has_more(&mut socket, &serving.shutdown).await {
        let connection = builder(&serving.limits).serve_connection(TokioIo::new(socket), service);
        let mut served = Box::new(connection.with_upgrades());
        let mut draining = pin!(serving.shutdown.draining.cancelled());
        let mut stopped = pin!(serving.shutdown.stopped.cancelled());
        let (mut drains, mut quiet) = (false, Quiet::default());
        let ended = poll_fn(|cx| {
            if !drains && draining.as_mut().poll(cx).is_ready() {
                drains = true;
                Pin::new(&mut *served).graceful_shutdown();
            }
            if drains && stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ended::Closed);
            }
            let mut polled_twice = false;
            loop {
                match Pin::new(&mut *served).poll(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ended::Closed),
                    Poll::Ready(Err(error)) => return Poll::Ready(Ended::Failed(error)),
                    Poll::Pending => {}
                }
                if std::mem::replace(&mut polled_twice, true) && activity.rests() {
                    return Poll::Ready(Ended::Rests);
                }
                ready!(quiet.poll(&activity, cx));
                // Polled again, hyper reads, and the socket notes whether the connection rests.
            }
        })
        .await;
        match ended {
            Ended::Closed => return,
            Ended::Failed(error) => {
                if error.is_parse_too_large() && !activity.has_many_fields() {
                    serving.counters.reached(Limit::HeaderSize);
                }
                tracing::debug!(%error, peer = %peer_addr, "HTTP/1.1 connection failed");
                let Some(refusal) = refusal_for(&error, &activity) else { return };
                let Some(parts) = served.into_parts() else { return };
                let reason = if activity.has_late_head() {
                    "the head did not come in time".into()
                } else {
                    error.to_string()
                };
                let head = UnreadHead::read(&parts.read_buf);
                let response = serving.gateway.refuse_unread(&head, (&refusal, &reason), &refused_on);
                let mut socket = parts.io.into_inner();
                // A refusal is written only behind all responses to earlier requests.
                if socket.take_over() {
                    let is_asked_for_body = head.method != Some(Method::HEAD);
                    tokio::select! {
                        () = serving.shutdown.stopped.cancelled() => {}
                        _ = refusal::write(&mut socket, response, is_asked_for_body) => {}
                    }
                }
                return;
            }
            Ended::Rests => {
                // `None` has changed its protocol, and never rests.
                let Some(parts) = served.into_parts() else { return };
                // Empty lines are nothing (RFC 9112 §2.2). Anything else would not have been at rest; rather than
                // lose it, the connection ends.
                if !parts.read_buf.trim_ascii().is_empty() {
                    debug_assert!(false, "a request was given back");
                    return;
                }
                (socket, service) = (parts.io.into_inner(), parts.service);
            }
        }
    }
}

/// The refusal of a head that could not be read; `None`: the connection ended for another reason.
fn refusal_for(error: &hyper::Error, activity: &Activity) -> Option<Refusal> {
    if activity.has_late_head() {
        return Some(Refusal::TooSlow);
    }
    if error.is_parse_too_large() {
        return Some(Refusal::HeadTooLarge);
    }
    error.is_parse().then_some(Refusal::BadRequest(MALFORMED))
}

enum Ended {
    Closed,
    Failed(hyper::Error),
    /// No request has run for [`QUIET`], and hyper has nothing of the connection.
    Rests,
}

/// A timer that goes off when no request has run for [`QUIET`].
#[derive(Default)]
struct Quiet(Option<Pin<Box<Sleep>>>);

impl Quiet {
    fn poll(&mut self, activity: &Activity, cx: &mut Context<'_>) -> Poll<()> {
        if activity.is_busy() {
            return Poll::Pending;
        }
        let due = activity.idle_since() + QUIET;
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // Mostly it goes off for the end of a request that another has followed.
        while sleep.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= due {
                sleep.as_mut().reset(now + QUIET);
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// Waits for the next request; if none is to come any more, closes the connection, as hyper would.
async fn has_more(socket: &mut Box<ClientSocket>, shutdown: &Shutdown) -> bool {
    let has_more = tokio::select! {
        biased;
        more = poll_fn(|cx| socket.poll_more(cx)) => matches!(more, Ok(true)),
        () = shutdown.draining.cancelled() => false,
    };
    if !has_more {
        tokio::select! {
            () = shutdown.stopped.cancelled() => {}
            // A client that has disconnected needs no orderly close.
            _ = socket.shutdown() => {}
        }
    }
    has_more
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(limits.header_size.max(MIN_BUFFER_BYTES))
        .max_header_size(limits.header_size)
        // The socket limits the time; see `read_deadline`.
        .header_read_timeout(None);
    if limits.max_headers != HYPER_MAX_HEADERS {
        builder.max_headers(limits.max_headers);
    }
    builder
}

const MALFORMED: &str = "The head of the request is malformed: a character in it, its length, or its form.";
/// Longer than it takes a browser to ask for the parts of a page. Until then a connection keeps its buffers; a request after
/// that costs a tenth more.
const QUIET: Duration = Duration::from_millis(100);
/// hyper parses this many without allocating.
const HYPER_MAX_HEADERS: usize = 100;
/// hyper takes no less.
const MIN_BUFFER_BYTES: usize = 8 * 1024;
