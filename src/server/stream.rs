//! The streams of an HTTP/2 connection, with an eye on whether its client takes what it asked for.
//!
//! They run in the connection's own task: those that were woken together are answered together, and what they
//! say is written at once.
//!
//! A client of HTTP/1.1 that reads nothing fills its socket. One of HTTP/2 need
//! only give a stream no room (RFC 9113 §5.2): the socket stays free, hyper stops
//! asking the body, and the upstream's connection is held for as long as the
//! client likes. Here a stream whose client has made no room for a while, although
//! the socket would have taken more, is reset.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    Limits,
    client_io::Activity,
    turns::{Bell, Row, Turns},
};
use crate::{
    stall::Stall,
    telemetry::{Counters, Limit},
};

/// Takes the streams that hyper begins.
#[derive(Clone)]
pub(super) struct Streams(Rc<Joint>);

/// What the streams of a connection have in common.
struct Joint {
    write_timeout: Duration,
    activity: Arc<Activity>,
    counters: Arc<Counters>,
    taking: Taking,
    /// Those that have begun and have not been polled.
    begun: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
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

/// Runs a connection and its streams.
pub(super) struct Runner {
    joint: Rc<Joint>,
    turns: Arc<Turns>,
    row: Row,
    connection: Seat,
    seats: Vec<(Seat, Option<Stream>)>,
    /// The places of seats that are not taken.
    free: Vec<usize>,
}

/// By whom the future of a place is woken; outlives it, for the next one there.
struct Seat {
    bell: Arc<Bell>,
    waker: Waker,
}

/// When it ends before its body has, h2 resets the stream.
struct Stream {
    task: Pin<Box<dyn Future<Output = ()>>>,
    stall: Stall,
    /// What its body gave waits for the client.
    waits: bool,
}

impl Streams {
    /// For the streams of this connection.
    pub(super) fn new(limits: &Limits, activity: Arc<Activity>, counters: Arc<Counters>) -> Self {
        Self(Rc::new(Joint {
            write_timeout: limits.write_timeout,
            activity,
            counters,
            taking: Taking::default(),
            begun: RefCell::default(),
        }))
    }

    /// What bodies tell.
    pub(super) fn taking(&self) -> Taking {
        self.0.taking.clone()
    }

    /// Runs them.
    pub(super) fn runner(&self) -> Runner {
        let turns = Arc::<Turns>::default();
        let runner = Runner {
            joint: Rc::clone(&self.0),
            connection: Seat::new(&turns, CONNECTION),
            turns,
            row: Row::default(),
            seats: Vec::new(),
            free: Vec::new(),
        };
        runner.wake_connection();
        runner
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
        self.0.begun.borrow_mut().push(Box::pin(stream));
    }
}

impl Runner {
    /// Polls those whose turn it is; ready once the connection is, which `poll_connection` polls. A stream that panics is
    /// reset, and the others go on.
    pub(super) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll_connection: impl FnMut(&mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        // Then it is somebody else's turn, whatever there is still to do.
        for _ in 0..TURNS_IN_A_ROW {
            let Some(place) = self.turns.next(&mut self.row) else { break };
            if place == CONNECTION {
                let Seat { bell, waker } = &self.connection;
                bell.answer();
                if let Poll::Ready(over) = poll_connection(&mut Context::from_waker(waker)) {
                    return Poll::Ready(over);
                }
            } else {
                self.poll_stream(place);
            }
            self.seat_begun();
        }
        self.turns.wait(&self.row, cx);
        Poll::Pending
    }

    /// Has the connection polled again.
    pub(super) fn wake_connection(&self) {
        self.connection.waker.wake_by_ref();
    }

    fn seat_begun(&mut self) {
        let mut begun = self.joint.begun.borrow_mut();
        if begun.is_empty() {
            return;
        }
        for task in begun.drain(..) {
            let stream = Some(Stream { task, stall: Stall::new(self.joint.write_timeout), waits: false });
            let place = self.free.pop().unwrap_or(self.seats.len());
            if let Some((seat, taken)) = self.seats.get_mut(place) {
                *taken = stream;
                seat.waker.wake_by_ref();
            } else {
                let seat = Seat::new(&self.turns, place);
                seat.waker.wake_by_ref();
                self.seats.push((seat, stream));
            }
        }
    }

    fn poll_stream(&mut self, place: usize) {
        // What woke it may have been for the stream that had the place before.
        let Some((Seat { bell, waker }, taken)) = self.seats.get_mut(place) else { return };
        bell.answer();
        let Some(stream) = taken else { return };
        let polled =
            catch_unwind(AssertUnwindSafe(|| stream.poll(&self.joint, &mut Context::from_waker(waker))));
        if matches!(polled, Ok(Poll::Pending)) {
            return;
        }
        let over = taken.take();
        if catch_unwind(AssertUnwindSafe(|| drop(over))).is_err() {
            tracing::error!("a stream panicked, and did so again when it was dropped");
        }
        self.free.push(place);
        if self.free.len() == self.seats.len() && self.seats.len() > SEATS_KEPT {
            (self.seats, self.free) = (Vec::new(), Vec::new());
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Those that were never polled hold on to what holds them.
        let begun = self.joint.begun.take();
        drop(begun);
    }
}

impl Seat {
    fn new(turns: &Arc<Turns>, place: usize) -> Self {
        let bell = turns.bell(place);
        Self { waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl Stream {
    fn poll(&mut self, joint: &Joint, cx: &mut Context<'_>) -> Poll<()> {
        let Joint { activity, counters, taking, .. } = joint;
        taking.0.set(None);
        if self.task.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match taking.0.take() {
            Some(Asked::Gave) => {
                self.stall.moved();
                self.waits = true;
            }
            Some(Asked::HadNothing) => self.waits = false,
            None => {}
        }
        if self.waits && self.stall.poll_wait_since(activity.full_at(), cx).is_ready() {
            counters.reached(Limit::WriteTimeout);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// No stream's place.
const CONNECTION: usize = usize::MAX;
/// Few enough that of the 128 operations that tokio grants a task at a time, some are left for the connection.
const TURNS_IN_A_ROW: usize = 32;
/// By a connection that has no streams at the moment.
const SEATS_KEPT: usize = 8;

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Wake};

    use futures_util::future::pending;
    use hyper::rt::Executor;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::server::client_io::{Slot, Terms};

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    fn streams() -> Streams {
        let of_all = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("one is free");
        let terms = Terms { requests: 1, age: Duration::MAX };
        let activity = Activity::new(Slot { _of_all: of_all, _of_address: None }, terms);
        Streams::new(&Limits::default(), activity, Arc::default())
    }

    /// Gives turns until nobody wants one more; the connection begins what `begin` says, each time that it is polled.
    fn run(runner: &mut Runner, mut begin: impl FnMut()) {
        let waker = Waker::from(Arc::new(Nobody));
        let polled = runner.poll(&mut Context::from_waker(&waker), |_| {
            begin();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
    }

    #[test]
    fn a_stream_that_panics_ends_alone_and_another_takes_its_place() {
        let streams = streams();
        let mut runner = streams.runner();
        let steps = Rc::new(Cell::new(0));
        run(&mut runner, || {
            streams.execute(async { panic!("a stream's panic") });
            let (mut again, steps) = (false, Rc::clone(&steps));
            streams.execute(poll_fn(move |cx| {
                steps.set(steps.get() + 1);
                if std::mem::replace(&mut again, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }));
        });
        assert_eq!(steps.get(), 2);
        assert_eq!((runner.seats.len(), runner.free.len()), (2, 2));
        runner.wake_connection();
        run(&mut runner, || streams.execute(pending()));
        assert_eq!((runner.seats.len(), runner.free.len()), (2, 1));
    }

    #[test]
    fn those_that_wake_themselves_for_ever_do_not_keep_the_connection_from_its_turn() {
        let streams = streams();
        let mut runner = streams.runner();
        let (mut polls, mut begun) = (0, false);
        for _ in 0..3 {
            runner.wake_connection();
            run(&mut runner, || {
                polls += 1;
                if !std::mem::replace(&mut begun, true) {
                    for _ in 0..TURNS_IN_A_ROW {
                        streams.execute(poll_fn(|cx| {
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        }));
                    }
                }
            });
        }
        assert!(polls >= 2, "{polls}");
    }

    #[test]
    fn a_connection_that_ends_lets_go_of_streams_that_it_has_just_begun() {
        let streams = streams();
        let mut runner = streams.runner();
        let held = Rc::new(());
        let waker = Waker::from(Arc::new(Nobody));
        let ended = runner.poll(&mut Context::from_waker(&waker), |_| {
            // As hyper does, it holds on to where it is taken.
            let (held, streams) = (Rc::clone(&held), streams.clone());
            streams.clone().execute(async move {
                pending::<()>().await;
                drop((held, streams));
            });
            Poll::Ready(())
        });
        assert!(ended.is_ready());
        drop((runner, streams));
        assert_eq!(Rc::strong_count(&held), 1);
    }

    #[test]
    fn a_crowd_leaves_no_more_seats_than_are_kept() {
        let streams = streams();
        let mut runner = streams.runner();
        run(&mut runner, || (0..=SEATS_KEPT).for_each(|_| streams.execute(async {})));
        assert_eq!(runner.seats.len(), 0);
    }
}
