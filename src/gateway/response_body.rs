//! The body of a response on its way to the client. The request's record goes with it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::record::Record;
use crate::forward::{self, BodyError, UnsentBytes};

/// A response's body. When it has ended, or is dropped, the request's entry is written to the access log.
#[derive(Debug)]
pub struct RecordedBody {
    content: Content,
    /// In a box, because a response is moved many times until it is sent.
    record: Box<Record>,
}

/// Where the bytes of a body come from.
#[derive(Debug)]
pub(super) enum Content {
    /// The gateway itself.
    Own(Full<Bytes>),
    /// The upstream.
    Upstream(forward::ResponseBody),
}

impl Record {
    /// The response goes out, and takes the record with it.
    pub(super) fn finish(mut self: Box<Self>, response: Response<Content>) -> Response<RecordedBody> {
        self.status = response.status().as_u16();
        response.map(|content| RecordedBody { content, record: self })
    }
}

impl RecordedBody {
    /// A piece of the body that goes to a client of HTTP/2. The bytes that the client has not made room for stay in
    /// memory after the body has ended, and the request counts as one in flight for as long.
    pub fn hold(&self, data: Bytes, unsent: &UnsentBytes) -> Bytes {
        if data.len() > SMALL_BYTES { unsent.hold(data, self.record.slots.clone()) } else { data }
    }
}

/// hyper drops a body that has come to its end, and one whose client has disconnected.
impl Drop for RecordedBody {
    fn drop(&mut self) {
        if let Content::Upstream(Some(body)) = &self.content
            && !body.is_end_stream()
        {
            self.record.body_unread();
        }
    }
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { content, record } = &mut *self;
        let polled = match content {
            Content::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Content::Upstream(Some(body)) => Pin::new(body).poll_frame(cx),
            Content::Upstream(None) => Poll::Ready(None),
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                record.bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            }
            Poll::Ready(Some(Err(error))) => record.body_failed(*error),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(body) => body.is_end_stream(),
            Content::Upstream(body) => body.as_ref().is_none_or(Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(body) => body.size_hint(),
            Content::Upstream(Some(body)) => body.size_hint(),
            Content::Upstream(None) => SizeHint::with_exact(0),
        }
    }
}

/// A piece of a body that costs less than the memory that HTTP/2 needs for its stream in any case.
const SMALL_BYTES: usize = 4 * 1024;
