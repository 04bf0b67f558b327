//! A limit on the silence of a peer: within a body, or of a client that does not read.
//!
//! `forward`, `gateway` and `server` use it. It sets no timer before somebody has to wait.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// A limit on silence.
#[derive(Debug)]
pub struct Stall {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Stall {
    /// A limit that starts with the first wait.
    pub fn new(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    /// Maximum silence.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Notes that the peer moved.
    pub fn moved(&mut self) {
        self.waiting = false;
    }

    /// Waits for the peer; ready once it has been silent for too long.
    pub fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(Instant::now() + self.limit);
        }
        sleep.as_mut().poll(cx)
    }

    /// Like [`Self::poll_wait`], but a move of something else at `moved_at` counts too.
    pub fn poll_wait_since(&mut self, moved_at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        while self.poll_wait(cx).is_ready() {
            let due = moved_at + self.limit;
            let Some(sleep) = self.sleep.as_mut().filter(|_| due > Instant::now()) else {
                return Poll::Ready(());
            };
            sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}
