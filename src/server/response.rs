//! One request on its way through the gateway, and what its connection sees of the response.
//!
//! `http1` and `http2` hand each request to [`respond`]. The response's body is a [`WatchedBody`], which ends the request in
//! the connection's [`Activity`](super::activity::Activity) when its last byte is with hyper, and tells a stream of HTTP/2
//! whether its client takes it.
//!
//! hyper drops the future of a response when its client disconnects. A request that may change an account therefore has a task
//! of its own, which goes on.

use std::{
    convert::Infallible,
    future,
    panic::resume_unwind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION};
use http_body::{Body, Frame, SizeHint};
use tokio::task::spawn_local;

use super::{activity::RunningRequest, open_tasks::OpenTasks, stream::BodyPolls, unwanted_body::discard};
use crate::{
    forward::{BodyError, UnsentBytes},
    gateway::{Connection, Gateway, RecordedBody},
    request::RequestBody,
};

/// How a response goes out beside others of its connection.
pub(super) enum Flow {
    /// Alone; the connection's last response says that it closes.
    Http1 { last: bool },
    /// Among others: the stream watches whether the client takes it.
    Http2(BodyPolls),
}

/// Responds to one request. `open` counts the tasks of the worker.
pub(super) async fn respond(
    gateway: Rc<Gateway>,
    mut request: Request<RequestBody>,
    connection: Rc<Connection>,
    running: RunningRequest,
    (flow, open): (Flow, Rc<OpenTasks>),
) -> Result<Response<WatchedBody>, Infallible> {
    let mut response;
    if Gateway::is_worked_off(&request) {
        (response, request) = work_off(gateway, request, Rc::clone(&connection), &open).await;
    } else {
        response = gateway.handle(&mut request, &connection).await;
    }
    // An HTTP/2 stream ends alone.
    if matches!(flow, Flow::Http1 { .. }) && !discard(&mut request).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(watched(response, &connection, running, flow))
}

/// Handles a request on a task of its own, which goes on when the future is dropped. Returns the request as well, without the part
/// of its body that was read.
async fn work_off(
    gateway: Rc<Gateway>,
    mut request: Request<RequestBody>,
    connection: Rc<Connection>,
    open: &Rc<OpenTasks>,
) -> (Response<RecordedBody>, Request<RequestBody>) {
    let open = open.open();
    let task = spawn_local(async move {
        let response = gateway.handle(&mut request, &connection).await;
        drop(open);
        (response, request)
    });
    match task.await {
        Ok(handled) => handled,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The worker ends.
            Err(_) => future::pending().await,
        },
    }
}

/// Responds to a proxy that asks about a request.
pub(super) async fn respond_to_check(
    gateway: Rc<Gateway>,
    mut request: Request<RequestBody>,
    connection: Rc<Connection>,
    running: RunningRequest,
    last: bool,
) -> Result<Response<WatchedBody>, Infallible> {
    let response = gateway.check_for_proxy(&mut request, &connection).await;
    Ok(watched(response, &connection, running, Flow::Http1 { last }))
}

fn watched(
    mut response: Response<RecordedBody>,
    connection: &Connection,
    mut running: RunningRequest,
    flow: Flow,
) -> Response<WatchedBody> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let polls = match flow {
        Flow::Http1 { last } => {
            if last && !switched {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            None
        }
        Flow::Http2(polls) => Some(polls),
    };
    response.map(|body| {
        let running = if switched {
            running.keep_connection();
            None
        } else {
            running.respond();
            Some(running)
        };
        let held = polls.is_some().then(|| connection.unsent.clone());
        WatchedBody { body, running, polls, held }
    })
}

/// The body of a response; the request has ended when it has.
pub(super) struct WatchedBody {
    body: RecordedBody,
    running: Option<RunningRequest>,
    polls: Option<BodyPolls>,
    /// Counts what the connection's streams hold for a client that does not take it.
    held: Option<UnsentBytes>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(polls) = &self.polls {
            polls.note(polled.is_ready());
        }
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.running = None;
        }
        match (polled, &self.held) {
            (Poll::Ready(Some(Ok(frame))), Some(held)) => {
                let frame = frame.map_data(|data| self.body.hold(data, held));
                Poll::Ready(Some(Ok(frame)))
            }
            (polled, _) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
