//! One stream of an HTTP/2 connection, with an eye on whether its client takes what it asked for.
//!
//! A client of HTTP/1.1 that reads nothing fills its socket. One of HTTP/2 need
//! only give a stream no room (RFC 9113 §5.2): the socket stays free, hyper stops
//! asking the body, and the upstream's connection is held for as long as the
//! client likes. Here a stream whose client has made no room for a while, although
//! the socket would have taken more, is reset.

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

use super::{Limits, client_io::Activity};
use crate::{
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// Runs the streams of one connection on the worker that has it.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    write_timeout: Duration,
    activity: Arc<Activity>,
    counters: Arc<Counters>,
    taking: Taking,
}

/// What became of a body the last time that it was asked, for the stream that is being polled.
#[derive(Clone, Debug, Default)]
pub(super) struct Taking(Rc<Cell<Option<Asked>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It had something. Until it is asked again, that waits for the client.
    Gave,
    /// It had nothing yet: the client waits for us.
    HadNothing,
}

impl Streams {
    /// For the streams of this connection.
    pub(super) fn new(limits: &Limits, activity: Arc<Activity>, counters: Arc<Counters>) -> Self {
        Self { write_timeout: limits.write_timeout, activity, counters, taking: Taking::default() }
    }

    /// What bodies tell.
    pub(super) fn taking(&self) -> Taking {
        self.taking.clone()
    }
}

impl Taking {
    /// A body was asked, and had something or not.
    pub(super) fn note(&self, gave: bool) {
        self.0.set(Some(if gave { Asked::Gave } else { Asked::HadNothing }));
    }
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, stream: F) {
        let stall = Stall::new(self.write_timeout);
        tokio::task::spawn_local(Stream { task: stream, of: self.clone(), stall, waits: false });
    }
}

pin_project! {
    /// The task of a stream; when it ends before its body has, h2 resets the stream.
    struct Stream<F> {
        #[pin]
        task: F,
        of: Streams,
        stall: Stall,
        // What its body gave waits for the client.
        waits: bool,
    }
}

impl<F: Future<Output = ()>> Future for Stream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Streams { activity, counters, taking, .. } = this.of;
        taking.0.set(None);
        if this.task.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match taking.0.take() {
            Some(Asked::Gave) => {
                this.stall.moved();
                *this.waits = true;
            }
            Some(Asked::HadNothing) => *this.waits = false,
            None => {}
        }
        if *this.waits && this.stall.poll_wait_since(activity.full_at(), cx).is_ready() {
            counters.reached(Limit::WriteTimeout);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
