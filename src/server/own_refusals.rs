//! What hyper writes when it refuses a head of HTTP/1.1 by itself: a status, and nothing that says why.
//!
//! `http1` has it dropped, takes the connection back from hyper and writes a page in its place. Nothing else is dropped:
//! hyper writes it while no request runs, and after all that it wrote for those that ran has left.

use super::activity::Activity;

/// Whether hyper's own refusals are dropped, and whether one was.
#[derive(Debug)]
pub(super) struct OwnRefusals {
    state: State,
    /// The requests that had started when all that hyper had written for them had left.
    responded: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// They are sent.
    Sent,
    /// They are dropped; none has come.
    Dropped,
    /// One has been dropped.
    OneDropped,
}

impl OwnRefusals {
    /// They are sent.
    pub(super) fn new() -> Self {
        Self { state: State::Sent, responded: 0 }
    }

    /// From now on, they are dropped.
    pub(super) fn drop_them(&mut self) {
        self.state = State::Dropped;
    }

    /// All that hyper has written has left.
    pub(super) fn flushed(&mut self, activity: &Activity) {
        if !activity.is_busy() {
            self.responded = activity.started();
        }
    }

    /// Whether what hyper writes now is to be dropped.
    pub(super) fn drops(&mut self, activity: &Activity) -> bool {
        if self.state == State::Dropped && self.all_left(activity) {
            self.state = State::OneDropped;
        }
        self.has_dropped()
    }

    /// Whether one has been dropped.
    pub(super) fn has_dropped(&self) -> bool {
        self.state == State::OneDropped
    }

    /// From now on, what is written is sent. Returns whether the response to a request that was refused is still to be
    /// written: what hyper wrote of it was dropped, or the head came too late, of which hyper writes nothing.
    pub(super) fn take_over(&mut self, activity: &Activity) -> bool {
        let before = std::mem::replace(&mut self.state, State::Sent);
        before == State::OneDropped || (activity.has_late_head() && self.all_left(activity))
    }

    fn all_left(&self, activity: &Activity) -> bool {
        !activity.is_busy() && self.responded == activity.started()
    }
}
