//! A queue of notices for each app.
//!
//! An app that does not respond fills its own queue, and no other. Pure: the caller sends, and says when a notice has left.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// The queues, by the name of their app.
#[derive(Debug)]
pub(super) struct AppQueues<N>(HashMap<Arc<str>, AppQueue<N>>);

#[derive(Debug)]
struct AppQueue<N> {
    waiting: VecDeque<N>,
    under_way: usize,
    /// Whether notices have been dropped since the queue was empty.
    has_dropped: bool,
}

/// The place of a new notice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<N> {
    /// It is to be sent now.
    Now(N),
    /// It waits.
    Later,
    /// The queue is full, and the notice is dropped.
    Full {
        /// Whether it is the first since there was room.
        is_first: bool,
    },
}

impl<N> Default for AppQueues<N> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<N> Default for AppQueue<N> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: 0, has_dropped: false }
    }
}

impl<N> AppQueues<N> {
    /// Gives a notice its place.
    pub(super) fn join(&mut self, app: &Arc<str>, notice: N) -> Place<N> {
        let queue = self.0.entry(Arc::clone(app)).or_default();
        if queue.under_way < AT_A_TIME {
            queue.under_way += 1;
            return Place::Now(notice);
        }
        if queue.waiting.len() < WAITING {
            queue.waiting.push_back(notice);
            return Place::Later;
        }
        let is_first = !std::mem::replace(&mut queue.has_dropped, true);
        Place::Full { is_first }
    }

    /// A notice has left, taken or given up; returns the next one to be sent.
    pub(super) fn leave(&mut self, app: &Arc<str>) -> Option<N> {
        let queue = self.0.get_mut(app)?;
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.has_dropped = false;
            queue.under_way = queue.under_way.saturating_sub(1);
            if queue.under_way == 0 {
                self.0.remove(app);
            }
        }
        next
    }
}

/// Maximum number of notices to an app that are under way. A notice that is not taken is under way for up to a minute and a
/// half.
const AT_A_TIME: usize = 8;
/// Maximum number of notices that wait for an app, at about 100 bytes each: a change may end all sessions of many users at once.
const WAITING: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_that_takes_nothing_fills_its_own_queue_alone() {
        let (mut queues, [dead, alive]) = (AppQueues::default(), ["dead", "alive"].map(Arc::<str>::from));
        let places: Vec<Place<usize>> = (0..AT_A_TIME + WAITING + 2).map(|n| queues.join(&dead, n)).collect();
        let count = |place: fn(&Place<usize>) -> bool| places.iter().filter(|found| place(found)).count();
        assert_eq!(count(|place| matches!(place, Place::Now(_))), AT_A_TIME);
        assert_eq!(count(|place| *place == Place::Later), WAITING);
        let dropped = &places[AT_A_TIME + WAITING..];
        assert_eq!(dropped, [Place::Full { is_first: true }, Place::Full { is_first: false }]);
        for number in 0..10_000 {
            assert_eq!(queues.join(&alive, number), Place::Now(number));
            assert_eq!(queues.leave(&alive), None);
        }
    }

    #[test]
    fn notices_leave_in_the_order_in_which_they_came_and_nothing_is_left_behind() {
        let (mut queues, app) = (AppQueues::default(), Arc::<str>::from("app"));
        for number in 0..AT_A_TIME + 2 {
            queues.join(&app, number);
        }
        assert_eq!((queues.leave(&app), queues.leave(&app)), (Some(AT_A_TIME), Some(AT_A_TIME + 1)));
        for _ in 0..AT_A_TIME {
            assert_eq!(queues.leave(&app), None);
        }
        assert!(queues.0.is_empty(), "{queues:?}");
    }
}
