//! An upload: the body of a request, from the client to the upstream.
//!
//! `sending` polls it for pieces, as fast as the upstream takes them. It checks the size, the silence and the rate of the
//! body, and that the client sends as many bytes as its head declares.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName,
    header::{CONNECTION, EXPECT, TRAILER},
};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use super::{
    BodyError, BodyLimits, OwnedNames,
    body::clean_trailers,
    http1::{Announced, Options, WriteBuffer},
};
use crate::{pace::Pace, request::RequestBody, stall::Stall};

/// A request body that is taken from the client piece by piece.
#[derive(Debug)]
pub(super) struct Upload {
    body: RequestBody,
    announced: Announced,
    /// Number of bytes that the client may still send.
    allowed: u64,
    /// Trailers that the head declares; others are left out (RFC 9110 §6.6.2).
    trailers: Vec<HeaderName>,
    stall: Stall,
    pace: Pace,
    expectation: Expectation,
    has_started: bool,
    /// The whole body, if it was collected before anything is sent.
    collected: Option<Bytes>,
    owned: Arc<OwnedNames>,
    progress: Rc<Progress>,
}

/// Whether the body waits for `100 Continue` (RFC 9110 §10.1.1).
#[derive(Debug)]
enum Expectation {
    /// The body may be sent.
    No,
    /// The wait has not started.
    Yes,
    /// The wait ends by itself, because an upstream that does not know the expectation sends nothing.
    Until(Pin<Box<Sleep>>),
}

/// Progress of the upload, for the limit on the silence of the upstream.
#[derive(Debug)]
pub(super) struct Progress {
    /// Time at which the last piece was taken from the client.
    pub(super) moved_at: Cell<Instant>,
}

/// Result of [`Upload::poll_next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A piece was added; there is more.
    Added,
    /// The last one was added.
    Last,
}

impl Upload {
    /// The body of a request with these headers; `None` if it has none.
    pub(super) fn of(
        body: RequestBody,
        headers: &HeaderMap,
        limits: BodyLimits,
        owned: &Arc<OwnedNames>,
    ) -> Option<Box<Self>> {
        if body.is_end_stream() {
            return None;
        }
        let announced = match body.size_hint().exact() {
            Some(length) => Announced::Length(length),
            None => Announced::Chunked,
        };
        let expects_continue =
            headers.get(EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        // A `Trailer` header that `Connection` names is not forwarded.
        let dropped = Options::of(headers.get_all(CONNECTION)).named().contains(&TRAILER);
        let names =
            headers.get_all(TRAILER).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let names = names.filter(|_| !dropped);
        let trailers = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect();
        Some(Box::new(Self {
            body,
            announced,
            allowed: limits.max_body,
            trailers,
            stall: Stall::new(limits.body_timeout),
            pace: Pace::new(limits.body_rate, limits.body_timeout),
            expectation: if expects_continue { Expectation::Yes } else { Expectation::No },
            has_started: false,
            collected: None,
            owned: Arc::clone(owned),
            progress: Rc::new(Progress { moved_at: Cell::new(Instant::now()) }),
        }))
    }

    /// Takes the whole body from the client, so that it can be sent with `Content-Length`; trailers are left out. An error if
    /// there are more than `most` bytes.
    pub(super) async fn collect(&mut self, most: u64) -> Result<(), BodyError> {
        let mut collected = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await? {
            let Ok(data) = frame.into_data() else { continue };
            self.allowed = self.allowed.checked_sub(data.len() as u64).ok_or(BodyError::TooLarge)?;
            if (collected.len() + data.len()) as u64 > most {
                return Err(BodyError::NotCollected);
            }
            collected.extend_from_slice(&data);
        }
        self.expectation = Expectation::No;
        self.announced = Announced::Length(collected.len() as u64);
        self.collected = Some(collected.freeze());
        Ok(())
    }

    /// Declaration of the length towards the upstream.
    pub(super) fn announced(&self) -> Announced {
        self.announced
    }

    /// Whether it waits for `100 Continue`.
    pub(super) fn is_held(&self) -> bool {
        !matches!(self.expectation, Expectation::No)
    }

    /// Lets the body be sent, because the upstream asked for it.
    pub(super) fn release(&mut self) {
        self.expectation = Expectation::No;
    }

    /// Whether a piece of it was taken from the client.
    pub(super) fn has_started(&self) -> bool {
        self.has_started
    }

    pub(super) fn progress(&self) -> Rc<Progress> {
        Rc::clone(&self.progress)
    }

    /// Adds the next piece to the write buffer.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut WriteBuffer,
    ) -> Poll<Result<Next, BodyError>> {
        ready!(self.poll_released(cx));
        if let Some(data) = self.collected.take() {
            self.has_started = true;
            self.progress.moved_at.set(Instant::now());
            buffer.add(data);
            return Poll::Ready(Ok(Next::Last));
        }
        loop {
            let Some(frame) = ready!(self.poll_frame(cx))? else {
                return Poll::Ready(self.end(buffer, None));
            };
            self.has_started = true;
            match frame.into_data().map_err(Frame::into_trailers) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(self.add(data, buffer)),
                Err(Ok(trailers)) => return Poll::Ready(self.end(buffer, Some(trailers))),
                // Neither data nor trailers: HTTP/1.1 cannot carry it.
                Err(Err(_)) => {}
            }
        }
    }

    /// The next frame, if the client sends it in time.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, BodyError>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => {
                self.pace.wait();
                return self.stall.poll_wait(cx).map(|()| Err(BodyError::Stalled));
            }
            Poll::Ready(None) => return Poll::Ready(Ok(None)),
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "request body broke off");
                return Poll::Ready(Err(BodyError::Broken));
            }
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        self.stall.moved();
        if self.pace.moved(frame.data_ref().map_or(0, Bytes::len)).is_err() {
            return Poll::Ready(Err(BodyError::TooSlow));
        }
        self.progress.moved_at.set(Instant::now());
        Poll::Ready(Ok(Some(frame)))
    }

    fn poll_released(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.expectation, Expectation::Yes) {
            self.expectation = Expectation::Until(Box::pin(tokio::time::sleep(CONTINUE_WAIT)));
        }
        if let Expectation::Until(sleep) = &mut self.expectation {
            ready!(sleep.as_mut().poll(cx));
            self.expectation = Expectation::No;
        }
        Poll::Ready(())
    }

    fn add(&mut self, data: Bytes, buffer: &mut WriteBuffer) -> Result<Next, BodyError> {
        let length = data.len() as u64;
        self.allowed = self.allowed.checked_sub(length).ok_or(BodyError::TooLarge)?;
        let next = if self.body.is_end_stream() { Next::Last } else { Next::Added };
        match &mut self.announced {
            Announced::Chunked => buffer.add_chunk(data, next == Next::Last),
            Announced::Nothing => return Err(BodyError::Broken),
            // The upstream would read further bytes as another request.
            Announced::Length(left) => {
                *left = left.checked_sub(length).ok_or(BodyError::Broken)?;
                buffer.add(data);
                if next == Next::Last && *left > 0 {
                    return Err(BodyError::Broken);
                }
            }
        }
        Ok(next)
    }

    fn end(&mut self, buffer: &mut WriteBuffer, trailers: Option<HeaderMap>) -> Result<Next, BodyError> {
        match self.announced {
            Announced::Nothing | Announced::Length(0) => return Ok(Next::Last),
            Announced::Length(_) => return Err(BodyError::Broken),
            Announced::Chunked => {}
        }
        let mut trailers = trailers.unwrap_or_default();
        clean_trailers(&mut trailers, &self.owned);
        let mut text = b"0\r\n".to_vec();
        for (name, value) in trailers.iter().filter(|(name, _)| self.trailers.contains(name)) {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        buffer.add(text.into());
        Ok(Next::Last)
    }
}

const CONTINUE_WAIT: Duration = Duration::from_secs(1);
