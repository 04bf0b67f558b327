//! A client of HTTP/2, served by hyper: many requests at a time, each in a task of its own.
//!
//! [`serve`] starts and retires the connection; `stream` runs the tasks, `http2_guard` counts the frames that pass by. h2
//! refuses malformed requests before the gateway sees them; they are logged here.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
};

use http::{Request, StatusCode};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{
    activity::Activity,
    client::Client,
    http2_guard::max_header_list_size,
    limits::Limits,
    response::{Flow, respond},
    serving::Serving,
    stream::Streams,
};
use crate::{
    gateway::{Connection, Gateway},
    request::RequestBody,
};

/// Serves streams until the connection ends, or until the server has stopped.
pub(super) async fn serve(serving: Rc<Serving>, client: Client) {
    let Client { socket, connection, activity, connected: _connected } = client;
    let peer_addr = connection.peer_addr;
    let (gateway, counters) = (Rc::clone(&serving.gateway), Arc::clone(&serving.counters));
    let open = Rc::clone(&serving.open);
    let streams =
        Streams::new(&serving.limits, Arc::clone(&activity), Arc::clone(&counters), Rc::clone(&open));
    let polls = streams.polls();
    let retired = Rc::new(Cell::new(false));
    let retiring = Rc::clone(&retired);
    let (watched, refused_on) = (Arc::clone(&activity), Rc::clone(&connection));
    let service = service_fn(move |request: Request<Incoming>| {
        let running = activity.start();
        if let Some(limit) = running.retires() {
            counters.reached(limit);
            retiring.set(true);
        }
        let (gateway, connection) = (Rc::clone(&gateway), Rc::clone(&connection));
        let flow = (Flow::Http2(polls.clone()), Rc::clone(&open));
        // In a box, because hyper moves the task of a stream half a dozen times before it runs.
        Box::pin(async move {
            be_reset().await;
            respond(gateway, request.map(RequestBody::Incoming), connection, running, flow).await
        })
    });
    let connection = builder(&serving.limits, streams).serve_connection(TokioIo::new(socket), service);
    let mut served = Box::pin(connection);
    let mut draining = pin!(serving.shutdown.draining.cancelled());
    let mut stopped = pin!(serving.shutdown.stopped.cancelled());
    let mut drains = false;
    let ended = poll_fn(|cx| {
        if !drains && draining.as_mut().poll(cx).is_ready() {
            drains = true;
            // GOAWAY refuses no stream that is on its way already (RFC 9113 §6.8).
            served.as_mut().graceful_shutdown();
        }
        if drains && stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let polled = served.as_mut().poll(cx);
        log_refused(&watched, &serving.gateway, &refused_on);
        if polled.is_ready() || drains || !retired.get() {
            return polled;
        }
        drains = true;
        served.as_mut().graceful_shutdown();
        served.as_mut().poll(cx)
    })
    .await;
    if watched.has_large_head() {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        serving.gateway.refused_unseen(status, "head too large", &refused_on);
    }
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %peer_addr, "HTTP/2 connection failed");
    }
}

/// Logs the requests that h2 has refused by itself.
fn log_refused(activity: &Activity, gateway: &Gateway, connection: &Connection) {
    for _ in 0..activity.take_refused() {
        gateway.refused_unseen(StatusCode::BAD_REQUEST, "malformed HTTP/2 request", connection);
    }
}

/// Returns at the second poll: hyper looks for a reset only while a response is not ready. A stream that was opened and
/// reset together (CVE-2023-44487) ends here, and no connection to an upstream is broken for it. The task of a stream polls
/// twice to begin with, see [`Streams`].
async fn be_reset() {
    let mut looked = false;
    poll_fn(|_| if std::mem::replace(&mut looked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn builder(limits: &Limits, streams: Streams) -> http2::Builder<Streams> {
    let resets = usize::try_from(limits.http2.resets).unwrap_or(usize::MAX);
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2.streams)
        .max_local_error_reset_streams(resets)
        .max_header_list_size(max_header_list_size(limits))
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES);
    builder
}

/// Streams that a client opened and reset before hyper took them on (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
const SEND_BUFFER_BYTES: usize = 128 * 1024;
