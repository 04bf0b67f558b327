//! A limit on silence, for whoever waits on a peer: a client's body, an upstream's, a full socket.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Fires when nothing has happened for a while. Costs nothing as long as nobody has to wait.
#[derive(Debug)]
pub struct Stall {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Stall {
    /// A limit that starts when somebody first has to wait.
    pub fn new(limit: Duration) -> Self {
        Self { limit, sleep: None, waiting: false }
    }

    /// For how long nothing may happen.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Something happened.
    pub fn moved(&mut self) {
        self.waiting = false;
    }

    /// Nothing is there yet; ready once that has been so for too long.
    pub fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        if !self.waiting {
            self.waiting = true;
            sleep.as_mut().reset(Instant::now() + self.limit);
        }
        sleep.as_mut().poll(cx)
    }
    /// Like [`Self::poll_wait`], where something else that has moved since then counts too.
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
