//! The body of a form for the portal, under the same limits on silence and slowness as a body for an app.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{
    forward::BodyLimits,
    pace::{Pace, TooSlow},
    request::RequestBody,
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// A body that fails with [`TooSlow`] when its client takes too long.
pub(super) struct FormBody {
    body: RequestBody,
    stall: Stall,
    pace: Pace,
    counters: Arc<Counters>,
}

impl FormBody {
    pub(super) fn new(body: RequestBody, limits: BodyLimits, counters: &Arc<Counters>) -> Self {
        Self {
            body,
            stall: Stall::new(limits.body_timeout),
            pace: Pace::new(limits.body_rate, limits.body_timeout),
            counters: Arc::clone(counters),
        }
    }

    fn reached<T>(&self, limit: Limit) -> Poll<Option<Result<T, BoxError>>> {
        self.counters.reached(limit);
        Poll::Ready(Some(Err(TooSlow.into())))
    }
}

impl Body for FormBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending => {
                this.pace.wait();
                if this.stall.poll_wait(cx).is_ready() {
                    return this.reached(Limit::BodyTimeout);
                }
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.stall.moved();
                if this.pace.moved(frame.data_ref().map_or(0, Bytes::len)).is_err() {
                    return this.reached(Limit::BodyRate);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|ended| ended.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

type BoxError = Box<dyn Error + Send + Sync>;
