//! A document of a provider in memory: fetched when it is needed, one fetch at a time, the last good one kept.

use std::{future::Future, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use crate::clock::{Clock, Timestamp};

/// A document.
#[derive(Debug)]
pub(super) struct Cached<T, E> {
    clock: Clock,
    current: ArcSwapOption<Fetched<T>>,
    /// Held during a fetch: all who need the document wait for the one fetch.
    last: Mutex<LastTry<E>>,
    waits: Waits,
}

/// How long no other fetch is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// After the first failure in a row.
    pub(super) first: Duration,
    /// Twice as long after each further failure, up to this.
    pub(super) longest: Duration,
    /// After a success.
    pub(super) after_success: Duration,
}

#[derive(Debug)]
struct Fetched<T> {
    document: Arc<T>,
    at: Timestamp,
}

#[derive(Debug)]
struct LastTry<E> {
    at: Option<Timestamp>,
    failures: u32,
    failure: Option<E>,
}

/// How new the document has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Not older than an hour, if a newer one can be had.
    Current,
    /// Newer than the one that this caller has seen, if it may be fetched again by now.
    Newer,
}

impl<T, E: Clone> Cached<T, E> {
    pub(super) fn new(clock: Clock, waits: Waits) -> Self {
        let last = Mutex::new(LastTry { at: None, failures: 0, failure: None });
        Self { clock, current: ArcSwapOption::empty(), last, waits }
    }

    /// The last good document, whatever its age.
    pub(super) fn last_good(&self) -> Option<Arc<T>> {
        self.current.load().as_ref().map(|fetched| Arc::clone(&fetched.document))
    }

    /// The last good document, if it is not too old to be believed, and whether it is time to fetch it again. Never waits.
    pub(super) fn at_once(&self) -> (Option<Arc<T>>, bool) {
        let (current, now) = (self.current.load(), self.clock.now());
        let believed = current.as_ref().filter(|fetched| !has_passed(BELIEVED, fetched.at, now));
        let is_due = current.as_ref().is_none_or(|fetched| has_passed(FRESH / 2, fetched.at, now));
        (believed.map(|fetched| Arc::clone(&fetched.document)), is_due)
    }

    /// The document; fetched first if that is due. After a failed fetch, the last good one.
    pub(super) async fn get<F>(&self, wanted: Wanted, fetch: impl FnOnce() -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let asked = self.clock.now();
        if wanted == Wanted::Current
            && let Some(document) = self.fresh(asked)
        {
            return Ok(document);
        }
        let mut last = self.last.lock().await;
        // Another caller may have fetched it while this one waited.
        let now = self.clock.now();
        let since = if wanted == Wanted::Newer { Some(asked) } else { None };
        if let Some(document) = self.fetched_since(since, now) {
            return Ok(document);
        }
        if let Some(at) = last.at
            && !has_passed(self.waits.after(last.failures), at, now)
        {
            return match (self.last_good(), &last.failure) {
                (Some(document), _) => Ok(document),
                (None, Some(failure)) => Err(failure.clone()),
                // A fetch that neither succeeded nor failed: not possible, and no reason to give anything out.
                (None, None) => fetch().await.map(Arc::new),
            };
        }
        last.at = Some(now);
        match fetch().await {
            Ok(document) => {
                let document = Arc::new(document);
                let at = self.clock.now();
                self.current.store(Some(Arc::new(Fetched { document: Arc::clone(&document), at })));
                (last.failures, last.failure) = (0, None);
                Ok(document)
            }
            Err(failure) => {
                last.failures = last.failures.saturating_add(1);
                last.failure = Some(failure.clone());
                self.last_good().ok_or(failure)
            }
        }
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<T>> {
        self.fetched_since(None, now)
    }

    /// The document, if it is fresh, and was fetched at `since` or later.
    fn fetched_since(&self, since: Option<Timestamp>, now: Timestamp) -> Option<Arc<T>> {
        let current = self.current.load();
        let fetched = current.as_ref()?;
        let is_fresh = !has_passed(FRESH, fetched.at, now);
        let is_newer = since.is_none_or(|since| fetched.at > since);
        (is_fresh && is_newer).then(|| Arc::clone(&fetched.document))
    }
}

impl Waits {
    fn after(&self, failures: u32) -> Duration {
        match failures.checked_sub(1) {
            None => self.after_success,
            Some(doublings) => {
                self.first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.longest)
            }
        }
    }
}

/// Whether a time has passed; also if the clock was set back since.
fn has_passed(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    now < since || now.since(since) >= time
}

/// After this time a document is fetched again, so that a key that a provider has withdrawn is not believed for longer.
const FRESH: Duration = Duration::from_hours(1);
/// Where nobody waits for a fetch, an older document is no longer believed.
const BELIEVED: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const WAITS: Waits = Waits {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(30),
        after_success: Duration::from_mins(1),
    };

    struct Fixture {
        clock: Clock,
        cached: Cached<u32, &'static str>,
        fetches: Cell<u32>,
        is_up: Cell<bool>,
    }

    impl Fixture {
        fn new() -> Self {
            let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
            let cached = Cached::new(clock.clone(), WAITS);
            Self { clock, cached, fetches: Cell::new(0), is_up: Cell::new(true) }
        }

        async fn get(&self, wanted: Wanted) -> Result<u32, &'static str> {
            let fetch = || async {
                self.fetches.set(self.fetches.get() + 1);
                if self.is_up.get() { Ok(self.fetches.get()) } else { Err("down") }
            };
            self.cached.get(wanted, fetch).await.map(|document| *document)
        }

        fn wait(&self, seconds: u64) {
            self.clock.advance(Duration::from_secs(seconds));
        }
    }

    #[tokio::test]
    async fn a_document_is_fetched_once_an_hour() {
        let it = Fixture::new();
        assert_eq!(it.get(Wanted::Current).await, Ok(1));
        it.wait(3599);
        assert_eq!(it.get(Wanted::Current).await, Ok(1));
        it.wait(1);
        assert_eq!(it.get(Wanted::Current).await, Ok(2));
    }

    #[tokio::test]
    async fn a_newer_document_is_fetched_at_most_once_a_minute() {
        let it = Fixture::new();
        assert_eq!(it.get(Wanted::Current).await, Ok(1));
        assert_eq!(it.get(Wanted::Newer).await, Ok(1));
        it.wait(60);
        for _ in 0..5 {
            assert_eq!(it.get(Wanted::Newer).await, Ok(2));
        }
        it.wait(59);
        assert_eq!(it.get(Wanted::Newer).await, Ok(2));
        it.wait(1);
        assert_eq!(it.get(Wanted::Newer).await, Ok(3));
    }

    #[tokio::test]
    async fn failures_are_followed_by_growing_waits_and_the_last_good_document_is_kept() {
        let it = Fixture::new();
        it.is_up.set(false);
        for (second, fetches) in
            [(0, 1), (0, 1), (1, 2), (1, 2), (1, 3), (3, 3), (1, 4), (8, 5), (16, 6), (30, 7), (30, 8)]
        {
            it.wait(second);
            assert_eq!(it.get(Wanted::Current).await, Err("down"));
            assert_eq!(it.fetches.get(), fetches, "after {second} more seconds");
        }
        it.is_up.set(true);
        it.wait(30);
        assert_eq!(it.get(Wanted::Current).await, Ok(9));
        it.is_up.set(false);
        it.wait(3600);
        assert_eq!(it.get(Wanted::Current).await, Ok(9));
        assert_eq!(it.fetches.get(), 10);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_stops_no_fetch() {
        assert!(has_passed(
            Duration::from_hours(1),
            Timestamp::from_millis(2000),
            Timestamp::from_millis(1999)
        ));
    }

    #[tokio::test]
    async fn all_who_need_the_document_wait_for_one_fetch() {
        let it = Fixture::new();
        let got = futures_util::future::join_all((0..100).map(|_| it.get(Wanted::Current))).await;
        assert!(got.iter().all(|got| *got == Ok(1)), "{got:?}");
        assert_eq!(it.fetches.get(), 1);
    }
}
