//! hyper's own refusals of heads of HTTP/1.1, which `counted_socket` drops.
//!
//! hyper writes a status and no reason. `http1` takes the connection back from hyper and writes the refusal's page instead.
//! No response is dropped: a refusal is what hyper writes while no request runs, after everything that it wrote for earlier
//! requests has left.

use super::activity::Activity;

/// Whether hyper's own refusals are dropped, and whether one was.
#[derive(Debug)]
pub(super) struct OwnRefusals {
    state: State,
    /// The requests that had started when everything that hyper had written last left.
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

    /// All bytes that hyper has written have left.
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
