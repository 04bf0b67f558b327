//! Several futures within one task, which polls those of them that have been woken.
//!
//! A task costs more than what most streams of HTTP/2 do: memory at an address of
//! its own kind, a place in the runtime's lists, its own way through the
//! runtime's queue. Here a future has a [`Bell`]. Ringing it notes whose turn it is, and
//! wakes the task if it waits. Nothing here polls; see `stream`.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

/// Whose turn it is, in the order in which they were woken.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    places: VecDeque<usize>,
    task: Option<Waker>,
    /// Whether the task has nothing to do, and is to be woken for what comes.
    waits: bool,
}

/// Those that the task took from the queue together, so that it need not lock it for each.
#[derive(Debug, Default)]
pub(super) struct Row(VecDeque<usize>);

/// Wakes one future: gives it a turn, and never two before it has had the first.
#[derive(Debug)]
pub(super) struct Bell {
    place: usize,
    rung: AtomicBool,
    turns: Arc<Turns>,
}

impl Turns {
    /// Of the future at this place.
    pub(super) fn bell(self: &Arc<Self>, place: usize) -> Arc<Bell> {
        Arc::new(Bell { place, rung: AtomicBool::new(false), turns: Arc::clone(self) })
    }

    /// Whose turn it is; `row` is for the task to keep, those who were woken before others. Until [`Self::wait`], the
    /// task is taken for awake.
    pub(super) fn next(&self, row: &mut Row) -> Option<usize> {
        if row.0.is_empty() {
            let mut queue = self.queue();
            queue.waits = false;
            std::mem::swap(&mut queue.places, &mut row.0);
        }
        row.0.pop_front()
    }

    /// To be called before the task ends its own turn: it is woken for the next one of ours, at once if there is one.
    pub(super) fn wait(&self, row: &Row, cx: &Context<'_>) {
        let mut queue = self.queue();
        if !row.0.is_empty() || !queue.places.is_empty() {
            drop(queue);
            cx.waker().wake_by_ref();
            return;
        }
        queue.waits = true;
        if !queue.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            queue.task = Some(cx.waker().clone());
        }
    }

    fn add(&self, place: usize) {
        let mut queue = self.queue();
        queue.places.push_back(place);
        if std::mem::take(&mut queue.waits)
            && let Some(task) = &queue.task
        {
            task.wake_by_ref();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    /// Its turn has come: from now on it can be given another.
    pub(super) fn answer(&self) {
        // Whoever rang before this has done what it rang for.
        self.rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.turns.add(self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waiting() -> (Arc<Turns>, Row, Arc<Woken>, Waker) {
        let (turns, row, woken) = (Arc::<Turns>::default(), Row::default(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&woken));
        turns.wait(&row, &Context::from_waker(&waker));
        (turns, row, woken, waker)
    }

    fn next<const N: usize>(turns: &Turns, row: &mut Row) -> [Option<usize>; N] {
        std::array::from_fn(|_| turns.next(row))
    }

    #[test]
    fn turns_come_in_the_order_of_the_bells_and_once_each() {
        let (turns, mut row, ..) = waiting();
        let (first, second) = (turns.bell(1), turns.bell(2));
        for bell in [&second, &first, &second] {
            bell.wake_by_ref();
        }
        assert_eq!(next(&turns, &mut row), [Some(2), Some(1), None]);
        second.answer();
        second.wake_by_ref();
        first.wake_by_ref();
        assert_eq!(next(&turns, &mut row), [Some(2), None], "the first has not been answered");
    }

    #[test]
    fn who_is_woken_later_comes_after_those_who_were_taken_together() {
        let (turns, mut row, woken, waker) = waiting();
        let bells = [turns.bell(1), turns.bell(2), turns.bell(3)];
        let [first, second, third] = &bells;
        first.wake_by_ref();
        second.wake_by_ref();
        assert_eq!(turns.next(&mut row), Some(1));
        third.wake_by_ref();
        first.answer();
        first.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        turns.wait(&row, &Context::from_waker(&waker));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2, "the second has been taken and waits");
        assert_eq!(next(&turns, &mut row), [Some(2), Some(3), Some(1), None]);
    }

    #[test]
    fn the_task_is_woken_once_and_only_while_it_waits() {
        let (turns, mut row, woken, waker) = waiting();
        let (first, second) = (turns.bell(1), turns.bell(2));
        first.wake_by_ref();
        second.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(turns.next(&mut row), Some(1));
        first.answer();
        first.wake_by_ref();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "it is awake");
        turns.wait(&row, &Context::from_waker(&waker));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2, "something is left to do");
        assert_eq!(next(&turns, &mut row), [Some(2), Some(1), None]);
        turns.wait(&row, &Context::from_waker(&waker));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }
}
