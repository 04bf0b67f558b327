//! A timer that is looked at far more often than it goes off.
//!
//! A [`Sleep`] takes its caller's waker each time it is polled, which costs more
//! than all else that a connection does while it waits. An [`Alarm`] remembers
//! whose waker it has.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes at an instant that can be moved.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Who is woken; `None` if nobody is.
    wakes: Option<Waker>,
}

impl Alarm {
    pub(super) fn at(instant: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(instant)), wakes: None }
    }

    pub(super) fn instant(&self) -> Instant {
        self.sleep.deadline()
    }

    pub(super) fn set(&mut self, instant: Instant) {
        self.sleep.as_mut().reset(instant);
        self.wakes = None;
    }

    /// Ready from its instant on.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_told = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_told && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        let polled = self.sleep.as_mut().poll(cx);
        self.wakes = polled.is_pending().then(|| cx.waker().clone());
        polled
    }
}
