//! Running, draining, stopped: told to every thread.
//!
//! Every connection waits for the next phase and is polled a few times for
//! each request. So waiting costs a look at an atomic, and the list of those who
//! are to be woken is touched once a connection.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Waker},
};

use tokio::sync::{Notify, futures::OwnedNotified};

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// It accepts connections.
    Running,
    /// It accepts none; running requests end.
    Draining,
    /// What still runs is cut off.
    Stopped,
}

/// Asks the server to stop; every clone reaches the same server.
#[derive(Clone, Debug)]
pub struct Stopper(Phases);

/// The phase, for whoever wants to know and to wait.
#[derive(Clone, Debug)]
pub(super) struct Phases(Arc<Told>);

#[derive(Debug)]
struct Told {
    now: AtomicU8,
    changed: Arc<Notify>,
}

/// One who waits for a phase, and then perhaps for the next.
#[derive(Debug)]
pub(super) struct Watch {
    phases: Phases,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// In this phase.
    since: Phase,
    waker: Waker,
    /// Keeps the waker among those that are woken.
    _changed: Pin<Box<OwnedNotified>>,
}

impl Stopper {
    pub(super) fn new() -> Self {
        let now = AtomicU8::new(Phase::Running as u8);
        Self(Phases(Arc::new(Told { now, changed: Arc::default() })))
    }

    /// Asks for a phase; there is no way back to an earlier one.
    pub fn stop(&self, phase: Phase) {
        let Told { now, changed } = &*self.0.0;
        if now.fetch_max(phase as u8, Ordering::SeqCst) < phase as u8 {
            changed.notify_waiters();
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.0.now()
    }

    pub(super) fn phases(&self) -> Phases {
        self.0.clone()
    }
}

impl Phases {
    pub(super) fn now(&self) -> Phase {
        match self.0.now.load(Ordering::SeqCst) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Stopped,
        }
    }

    pub(super) fn watch(&self) -> Watch {
        Watch { phases: self.clone(), waiting: None }
    }
}

impl Watch {
    /// Returns once the server has reached `wanted`.
    pub(super) async fn reached(&mut self, wanted: Phase) {
        poll_fn(|cx| self.poll_reached(wanted, cx)).await;
    }

    /// Ready once the server has reached `wanted`.
    pub(super) fn poll_reached(&mut self, wanted: Phase, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = self.phases.now();
            if now >= wanted {
                return Poll::Ready(());
            }
            let is_waiting = |waiting: &Waiting| waiting.since == now && waiting.waker.will_wake(cx.waker());
            if self.waiting.as_ref().is_some_and(is_waiting) {
                return Poll::Pending;
            }
            let mut changed = Box::pin(Arc::clone(&self.phases.0.changed).notified_owned());
            // A phase that came before it was made shows here; one that comes after wakes it, polled or not.
            if self.phases.now() == now && changed.as_mut().poll(cx).is_pending() {
                let waiting = Waiting { since: now, waker: cx.waker().clone(), _changed: changed };
                self.waiting = Some(waiting);
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::{spawn_local, yield_now};

    use super::*;

    #[tokio::test(flavor = "local")]
    async fn who_waits_is_woken_in_every_phase() {
        let stopper = Stopper::new();
        let mut watch = stopper.phases().watch();
        let waits = spawn_local(async move {
            watch.reached(Phase::Draining).await;
            watch.reached(Phase::Stopped).await;
        });
        yield_now().await;
        stopper.stop(Phase::Draining);
        yield_now().await;
        assert!(!waits.is_finished());
        stopper.stop(Phase::Stopped);
        waits.await.expect("it has not panicked");
    }

    #[tokio::test(flavor = "local")]
    async fn a_phase_that_is_skipped_wakes_too() {
        let stopper = Stopper::new();
        let mut watch = stopper.phases().watch();
        let waits = spawn_local(async move { watch.reached(Phase::Stopped).await });
        yield_now().await;
        stopper.stop(Phase::Draining);
        yield_now().await;
        assert!(!waits.is_finished());
        stopper.stop(Phase::Stopped);
        waits.await.expect("it has not panicked");
    }

    #[test]
    fn there_is_no_way_back() {
        let stopper = Stopper::new();
        stopper.stop(Phase::Stopped);
        stopper.stop(Phase::Draining);
        assert_eq!(stopper.phase(), Phase::Stopped);
    }
}
