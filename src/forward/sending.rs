//! A request on its way, head and body.

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

/// What is left to send of a request.
#[derive(Debug)]
pub(super) struct Sending {
    buffer: WriteBuffer,
    upload: Option<Box<Upload>>,
    /// Whether the connection is closed after the response.
    closes: bool,
    is_flushed: bool,
    /// The connection may be used again, and the upstream sent something before it can have read the whole body.
    was_answered_early: bool,
    /// The upstream takes no more. It may have answered nevertheless, so this alone is no failure.
    broken: Option<io::Error>,
}

impl Sending {
    /// A request with this head, and what comes after it; `closes`: its connection is closed after the response.
    pub(super) fn new(head: Vec<u8>, upload: Option<Box<Upload>>, closes: bool) -> Self {
        let buffer = WriteBuffer::new(head);
        Self { buffer, upload, closes, is_flushed: false, was_answered_early: false, broken: None }
    }

    /// Sends on; ready once nothing more can be sent, an error if the client's body is at fault.
    pub(super) fn poll(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        loop {
            if self.is_over() {
                return Poll::Ready(Ok(()));
            }
            let waits = self.poll_body(conn, cx)?.is_pending();
            let sent = if self.buffer.is_empty() {
                ready!(conn.poll_flush(cx)).map(|()| self.is_flushed = true)
            } else {
                self.is_flushed = false;
                ready!(conn.poll_send(cx, &mut self.buffer))
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "an upstream takes no more of a request");
                self.broken = Some(error);
            } else if waits && self.is_flushed {
                return Poll::Pending;
            }
        }
    }

    /// Takes what is there of the body: all of it goes out together, and together with the head. Pending if there is more to
    /// come.
    fn poll_body(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        while let Some(upload) = self.upload.as_mut().filter(|_| self.buffer.has_room()) {
            if ready!(upload.poll_next(cx, &mut self.buffer))? == Next::Last {
                self.upload = None;
                // All of a request that goes out at once follows the look at the connection that chose it.
                self.was_answered_early |= !self.closes && self.buffer.has_sent() && !conn.is_quiet();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The upstream has said `100 Continue`.
    pub(super) fn go_on(&mut self) {
        if let Some(upload) = &mut self.upload {
            upload.release();
        }
    }

    /// Whether there is nothing more to be sent, or nothing more is taken.
    pub(super) fn is_over(&self) -> bool {
        self.broken.is_some() || self.is_complete()
    }

    /// Whether the whole request has left.
    pub(super) fn is_complete(&self) -> bool {
        self.broken.is_none() && self.upload.is_none() && self.buffer.is_empty() && self.is_flushed
    }

    /// Whether the upstream sent something before the last piece of the body left. It may have ended its response
    /// without reading the rest, which would be its next request then.
    pub(super) fn was_answered_early(&self) -> bool {
        self.was_answered_early
    }

    /// Whether the body has not left because nobody has asked for it.
    pub(super) fn is_held(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_held())
    }

    /// Whether nothing of the request can have reached the upstream.
    pub(super) fn is_untouched(&self) -> bool {
        !self.buffer.has_sent() && self.upload.as_ref().is_none_or(|upload| !upload.has_begun())
    }

    /// The body's progress, if there is a body.
    pub(super) fn progress(&self) -> Option<Rc<Progress>> {
        self.upload.as_ref().map(|upload| upload.progress())
    }

    /// Whether there is a body of which something has still to be sent.
    pub(super) fn has_upload(&self) -> bool {
        self.upload.is_some()
    }

    /// The body, to be sent elsewhere.
    pub(super) fn into_upload(self) -> Option<Box<Upload>> {
        self.upload
    }
}
