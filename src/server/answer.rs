//! A request on its way through the gateway, and what the connection is told of it.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{client_io::Running, stream::Taking};
use crate::{
    forward::{BodyError, UnsentBytes},
    gateway::{Connection, Gateway, Outgoing},
};

/// How an answer goes out beside others of its connection.
pub(super) enum Flow {
    /// Alone; the last one says so.
    Http1 { last: bool },
    /// Among others: whether it is taken is watched.
    Http2(Taking),
}

/// Answers one request; the answer's body tells when it has ended.
pub(super) async fn answer(
    gateway: Rc<Gateway>,
    mut request: Request<Option<Incoming>>,
    connection: Rc<Connection>,
    mut running: Running,
    flow: Flow,
) -> Result<Response<Watched>, Infallible> {
    // Where it lies: awaited by itself, its four kilobytes would be moved once more.
    let mut response = pin!(gateway.handle(&mut request, &connection)).await;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let taking = match flow {
        Flow::Http1 { last } => {
            if last && !switched {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            None
        }
        Flow::Http2(taking) => Some(taking),
    };
    Ok(response.map(|body| {
        let running = if switched {
            running.for_good();
            None
        } else {
            running.answering();
            Some(running)
        };
        let held = taking.is_some().then(|| connection.unsent.clone());
        Watched { body, running, taking, held }
    }))
}

/// A body that tells the connection when it has ended.
pub(super) struct Watched {
    body: Outgoing,
    running: Option<Running>,
    taking: Option<Taking>,
    /// What the connection's streams hold for a client that does not take it.
    held: Option<UnsentBytes>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Some(taking) = &self.taking {
            taking.note(polled.is_ready());
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
