//! The number of a worker's tasks that serve a client.
//!
//! A worker that drains waits here for its connections, and for the streams of HTTP/2, which are tasks of their own.

use std::{cell::Cell, rc::Rc};

use tokio::sync::Notify;

/// The open tasks of one worker.
#[derive(Debug, Default)]
pub(super) struct OpenTasks {
    count: Cell<usize>,
    ended: Notify,
}

/// One task that serves a client; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct OpenTask(Rc<OpenTasks>);

impl OpenTasks {
    /// Counts one task more.
    pub(super) fn open(self: &Rc<Self>) -> OpenTask {
        self.count.set(self.count.get() + 1);
        OpenTask(Rc::clone(self))
    }

    /// Returns once no task is open.
    pub(super) async fn none_left(&self) {
        while self.count.get() > 0 {
            self.ended.notified().await;
        }
    }
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.ended.notify_one();
    }
}
