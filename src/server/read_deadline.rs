//! The time by which a client must have sent its next request, or the rest of a head.
//!
//! hyper's own timer counts idle time and the time for a head as one, and is set anew for each request. One timer a
//! connection does both here. It is moved only when it goes off, or when it must go off earlier.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{activity::Activity, limits::Limits};
use crate::telemetry::Limit;

/// The deadline of one connection.
#[derive(Debug)]
pub(super) struct ReadDeadline {
    idle_timeout: Duration,
    header_timeout: Duration,
    /// `None` while a request runs.
    at: Option<Instant>,
    /// The requests that had started when it was set.
    started: u32,
    /// Whether something of the next head has come.
    has_head: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl ReadDeadline {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            idle_timeout: limits.idle_timeout,
            header_timeout: limits.header_timeout,
            at: None,
            started: 0,
            has_head: false,
            timer: None,
        }
    }

    /// Whether something of the next head has come.
    pub(super) fn has_head(&self) -> bool {
        self.has_head
    }

    /// The first byte of a head of HTTP/1.1 has come.
    pub(super) fn head_started(&mut self, now: Instant, activity: &Activity) {
        self.has_head = true;
        self.started = activity.started();
        self.at = Some(now + self.header_timeout);
    }

    /// A request runs, and the socket has nothing to be read. Wakes the task after `idle_timeout`, for nothing else does: once
    /// hyper has found nothing to read, it waits for the client's next byte, and the end of a request alone would never
    /// start the idle time.
    pub(super) fn poll_busy(&mut self, cx: &mut Context<'_>) {
        (self.at, self.has_head) = (None, false);
        let after = self.idle_timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + after)));
        while timer.as_mut().poll(cx).is_ready() {
            timer.as_mut().reset(Instant::now() + after);
        }
    }

    /// No request runs: sets the deadline, if it is not set yet. `has_head` says whether something of the next head came while
    /// a request ran.
    pub(super) fn set_idle(&mut self, activity: &Activity, has_head: bool) -> Instant {
        match self.at {
            Some(at) if activity.started() == self.started => at,
            _ => {
                self.started = activity.started();
                self.has_head = has_head;
                let limit = if has_head { self.header_timeout } else { self.idle_timeout };
                *self.at.insert(activity.idle_since() + limit)
            }
        }
    }

    /// No request runs and the socket has nothing to be read: ready at the deadline.
    pub(super) fn poll_idle(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<Limit> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(if self.has_head { Limit::HeaderTimeout } else { Limit::IdleTimeout });
            }
            // It was set for an earlier deadline, which has moved since.
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
