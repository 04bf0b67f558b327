//! The streams of an HTTP/2 connection: each is a task, and is reset when its client takes nothing of its response.
//!
//! `http2` gives [`Streams`] to hyper, which starts the task of each stream there. A client of HTTP/1.1 that reads
//! nothing fills its socket. A client of HTTP/2 can give a single stream no room (RFC 9113 §5.2): the socket stays free,
//! hyper stops asking the response's body, and the upstream's connection is held for as long as the client likes. A
//! stream is therefore reset when its client has made no room for `write_timeout`, although the socket would have taken more.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::task::spawn_local;

use super::{
    activity::Activity,
    limits::Limits,
    open_tasks::{OpenTask, OpenTasks},
};
use crate::{
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// Starts the tasks of a connection's streams. Each polls its stream twice at its start: at the first time the stream only
/// looks whether it was reset, and needs no waker to be polled again.
#[derive(Clone)]
pub(super) struct Streams(Rc<Joint>);

/// The parts that the streams of a connection share.
struct Joint {
    write_timeout: Duration,
    activity: Arc<Activity>,
    counters: Arc<Counters>,
    polls: BodyPolls,
    open: Rc<OpenTasks>,
}

/// Whether the response's body had data when it was last polled, for the stream that is being polled.
#[derive(Clone, Debug, Default)]
pub(super) struct BodyPolls(Rc<Cell<Option<LastPoll>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastPoll {
    /// It had data. Until it is polled again, that waits for the client.
    HadData,
    /// It had nothing yet: the client waits for the upstream.
    HadNothing,
}

pin_project! {
    /// One stream. When it ends before its body has, h2 resets the stream.
    struct Stream<F> {
        #[pin]
        task: F,
        joint: Rc<Joint>,
        stall: Stall,
        has_looked_for_reset: bool,
        // Whether data of its body waits for the client.
        waits: bool,
        _open: OpenTask,
    }
}

impl Streams {
    /// For the streams of this connection.
    pub(super) fn new(
        limits: &Limits,
        activity: Arc<Activity>,
        counters: Arc<Counters>,
        open: Rc<OpenTasks>,
    ) -> Self {
        let write_timeout = limits.write_timeout;
        Self(Rc::new(Joint { write_timeout, activity, counters, polls: BodyPolls::default(), open }))
    }

    /// Where the bodies of its responses note how they were polled.
    pub(super) fn polls(&self) -> BodyPolls {
        self.0.polls.clone()
    }
}

impl BodyPolls {
    /// A body was polled, and had data or not.
    pub(super) fn note(&self, had_data: bool) {
        self.0.set(Some(if had_data { LastPoll::HadData } else { LastPoll::HadNothing }));
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, task: F) {
        let joint = Rc::clone(&self.0);
        let (stall, open) = (Stall::new(joint.write_timeout), joint.open.open());
        spawn_local(Stream { task, joint, stall, has_looked_for_reset: false, waits: false, _open: open });
    }
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Joint { activity, counters, polls, .. } = &**this.joint;
        if !std::mem::replace(this.has_looked_for_reset, true) && this.task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        polls.0.set(None);
        if this.task.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match polls.0.take() {
            Some(LastPoll::HadData) => {
                this.stall.moved();
                *this.waits = true;
            }
            Some(LastPoll::HadNothing) => *this.waits = false,
            None => {}
        }
        if *this.waits && this.stall.poll_wait_since(activity.full_at(), cx).is_ready() {
            counters.reached(Limit::WriteTimeout);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use hyper::rt::Executor;
    use tokio::{sync::Semaphore, task::yield_now};

    use super::*;
    use crate::server::activity::{ConnectionSlot, ConnectionTerms};

    #[tokio::test(flavor = "local")]
    async fn a_stream_that_panics_ends_alone() {
        let of_all = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one is free");
        let terms = ConnectionTerms { requests: 1, age: Duration::MAX };
        let activity = Activity::new(ConnectionSlot { _of_all: of_all, _of_address: None }, terms);
        let open = Rc::<OpenTasks>::default();
        let streams = Streams::new(&Limits::default(), activity, Arc::default(), Rc::clone(&open));
        let steps = Rc::new(Cell::new(0));
        streams.execute(async { panic!("a stream's panic") });
        let counted = Rc::clone(&steps);
        streams.execute(async move {
            counted.set(1);
            yield_now().await;
            counted.set(2);
        });
        open.none_left().await;
        assert_eq!(steps.get(), 2);
    }
}
