//! A request on its way, head and body.

use std::{
    io,
    rc::Rc,
    task::{Context, Poll, ready},
};

use super::{
    BodyError,
    http1::{Conn, Outbox},
    upload::{Next, Progress, Upload},
};

/// What is left to send of a request.
#[derive(Debug)]
pub(super) struct Sending {
    outbox: Outbox,
    upload: Option<Box<Upload>>,
    is_flushed: bool,
    /// The upstream sent something before it can have read the whole body.
    was_answered_early: bool,
    /// The upstream takes no more. It may have answered nevertheless, so this alone is no failure.
    broken: Option<io::Error>,
}

impl Sending {
    /// A request with this head, and what comes after it.
    pub(super) fn new(head: Vec<u8>, upload: Option<Box<Upload>>) -> Self {
        Self { outbox: Outbox::new(head), upload, is_flushed: false, was_answered_early: false, broken: None }
    }

    /// Sends on; ready once nothing more can be sent, an error if the client's body is at fault.
    pub(super) fn poll(&mut self, conn: &mut Conn, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        loop {
            if self.is_over() {
                return Poll::Ready(Ok(()));
            }
            // The first piece of a body, if it is there, goes out together with the head.
            let waits = match &mut self.upload {
                Some(upload) if self.outbox.has_room() => match upload.poll_next(cx, &mut self.outbox)? {
                    Poll::Ready(Next::Added) => false,
                    Poll::Ready(Next::Last) => {
                        self.upload = None;
                        // All of a request that goes out at once follows the look at the connection that chose it.
                        self.was_answered_early |= self.outbox.has_sent() && !conn.is_quiet();
                        false
                    }
                    Poll::Pending => true,
                },
                _ => false,
            };
            let sent = if self.outbox.is_empty() {
                ready!(conn.poll_flush(cx)).map(|()| self.is_flushed = true)
            } else {
                self.is_flushed = false;
                ready!(conn.poll_send(cx, &mut self.outbox))
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "an upstream takes no more of a request");
                self.broken = Some(error);
            } else if waits && self.is_flushed {
                return Poll::Pending;
            }
        }
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
        self.broken.is_none() && self.upload.is_none() && self.outbox.is_empty() && self.is_flushed
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
        !self.outbox.has_sent() && self.upload.as_ref().is_none_or(|upload| !upload.has_begun())
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
