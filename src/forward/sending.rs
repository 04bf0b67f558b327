//! The sending of a request, head and body.
//!
//! `round_trip` polls it until the response begins, `full_duplex` from then on.

use std::{
    io,
    rc::Rc,
    task::{Context, Poll, ready},
};

use super::{
    BodyError,
    http1::{Conn, WriteBuffer},
    upload::{Next, Progress, Upload},
};

/// The part of a request that is still to be sent.
#[derive(Debug)]
pub(super) struct Sending {
    buffer: WriteBuffer,
    upload: Option<Box<Upload>>,
    /// Whether the connection is closed after the response.
    closes: bool,
    is_flushed: bool,
    /// The connection may be used again, and the upstream sent bytes before it can have read the whole body.
    had_early_response: bool,
    /// The upstream reads no more. It may have responded before, so that this alone is no failure.
    broken: Option<io::Error>,
}

/// Result of [`Sending::poll_body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Polled {
    /// Enough for a write, or the end of the body.
    Enough,
    /// Some pieces, with more to come.
    Pieces,
    /// No piece; more are to come.
    Nothing,
}

impl Sending {
    /// A request with this head and body; `closes`: its connection is closed after the response.
    pub(super) fn new(head: Vec<u8>, upload: Option<Box<Upload>>, closes: bool) -> Self {
        let buffer = WriteBuffer::new(head);
        Self { buffer, upload, closes, is_flushed: false, had_early_response: false, broken: None }
    }

    /// Sends on. Ready once nothing more can be sent; an error if the client's body failed.
    pub(super) fn poll(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        loop {
            if self.is_over() {
                return Poll::Ready(Ok(()));
            }
            let waits = match self.poll_body(conn, cx)? {
                Polled::Enough => false,
                Polled::Nothing => true,
                Polled::Pieces => {
                    // hyper has one piece of a body ready at a time, and reads the next one once this one was taken.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            };
            let sent = if self.buffer.is_empty() {
                ready!(conn.poll_flush(cx)).map(|()| self.is_flushed = true)
            } else {
                self.is_flushed = false;
                ready!(conn.poll_send(cx, &mut self.buffer))
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "upstream reads no more of the request");
                self.broken = Some(error);
            } else if waits && self.is_flushed {
                return Poll::Pending;
            }
        }
    }

    /// Takes the pieces of the body that are there, so that they are sent together, and with the head.
    fn poll_body(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Result<Polled, BodyError> {
        let mut polled = Polled::Nothing;
        while let Some(upload) = self.upload.as_mut().filter(|_| self.buffer.has_room()) {
            match upload.poll_next(cx, &mut self.buffer)? {
                Poll::Pending => return Ok(polled),
                Poll::Ready(Next::Added) => polled = Polled::Pieces,
                Poll::Ready(Next::Last) => {
                    self.upload = None;
                    // A request that is sent at once follows the look at the connection that chose it.
                    self.had_early_response |= !self.closes && self.buffer.has_sent() && !conn.is_quiet();
                }
            }
        }
        Ok(Polled::Enough)
    }

    /// The upstream has sent `100 Continue`.
    pub(super) fn go_on(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.release();
        }
    }

    /// Whether nothing more is to be sent, or the upstream reads no more.
    pub(super) fn is_over(&self) -> bool {
        self.broken.is_some() || self.is_complete()
    }

    /// Whether the whole request was sent.
    pub(super) fn is_complete(&self) -> bool {
        self.broken.is_none() && self.upload.is_none() && self.buffer.is_empty() && self.is_flushed
    }

    /// Whether the upstream sent bytes before the last piece of the body was sent. It may have ended its response without
    /// reading the rest of the body, and would read that as the next request.
    pub(super) fn had_early_response(&self) -> bool {
        self.had_early_response
    }

    /// Whether the body waits for `100 Continue`.
    pub(super) fn is_held(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_held())
    }

    /// Whether no byte of the request can have reached the upstream.
    pub(super) fn is_untouched(&self) -> bool {
        !self.buffer.has_sent() && self.upload.as_ref().is_none_or(|upload| !upload.has_started())
    }

    /// The body's progress, if there is a body.
    pub(super) fn progress(&self) -> Option<Rc<Progress>> {
        self.upload.as_ref().map(|upload| upload.progress())
    }

    /// Whether a part of the body is still to be sent.
    pub(super) fn has_upload(&self) -> bool {
        self.upload.is_some()
    }

    /// The body, to be sent elsewhere.
    pub(super) fn into_upload(self) -> Option<Box<Upload>> {
        self.upload
    }
}
