//! The end of a connection that is closed before its client has sent everything.
//!
//! If the gateway closed at once, the kernel would answer further bytes with a reset, which can overtake the response that
//! says why (RFC 9112 §9.6). [`Linger`] reads on and discards, until the client has closed too or a second has passed.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

/// How much longer a client may take to notice that we have closed.
#[derive(Debug)]
pub(super) struct Linger(Pin<Box<Sleep>>);

impl Linger {
    /// From now on.
    pub(super) fn new() -> Self {
        Self(Box::pin(sleep(LINGER)))
    }

    /// Ready once the client has closed, or has had its time.
    pub(super) fn poll(&mut self, stream: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        if self.0.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut discarded = [0; 8 * 1024];
        // A client that never stops sending gets no more of the worker's time than a silent one.
        for _ in 0..16 {
            let mut buf = ReadBuf::new(&mut discarded);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Longer than a round trip to anywhere; what is still on its way then may see a reset.
const LINGER: Duration = Duration::from_secs(1);
