//! One stream of an HTTP/2 connection, with an eye on whether its client takes what it asked for.
//!
//! A client of HTTP/1.1 that reads nothing fills its socket. One of HTTP/2 need
//! only give a stream no room (RFC 9113 §5.2): the socket stays free, hyper stops
//! asking the body, and the upstream's connection is held for as long as the
//! client likes. Here a stream whose client has made no room for a while, although
//! the socket would have taken more, is reset.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
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
    /// There is no body yet, and nothing has been done: was the stream reset already?
    Begins,
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

    /// Returns before the stream is polled again by anybody, but not at the first poll: hyper looks for a reset only
    /// while an answer is not ready. What was opened and reset in one breath (CVE-2023-44487) then ends here, and no
    /// upstream's connection is broken for it.
    pub(super) async fn be_reset(&self) {
        let mut looked = false;
        let looking = |_: &mut Context<'_>| {
            if std::mem::replace(&mut looked, true) {
                return Poll::Ready(());
            }
            self.0.set(Some(Asked::Begins));
            Poll::Pending
        };
        poll_fn(looking).await;
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
        let mut this = self.project();
        let Streams { activity, counters, taking, .. } = this.of;
        taking.0.set(None);
        let told = loop {
            if this.task.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let told = taking.0.take();
            if told != Some(Asked::Begins) {
                break told;
            }
        };
        match told {
            Some(Asked::Gave) => {
                this.stall.moved();
                *this.waits = true;
            }
            Some(Asked::HadNothing) => *this.waits = false,
            Some(Asked::Begins) | None => {}
        }
        if *this.waits && this.stall.poll_wait_since(activity.full_at(), cx).is_ready() {
            counters.reached(Limit::WriteTimeout);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
