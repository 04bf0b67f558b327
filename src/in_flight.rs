//! Limits on requests in flight: of each client, and to each app.
//!
//! The gateway takes a [`Slot`] of both before it asks for a connection to an upstream. A slot is held until the
//! response has left the gateway: clones of it go with a tunnel, with the rest of an upload, and with the bytes that an
//! HTTP/2 client has not made room for. So a client holds no more upstream connections and no more buffers than it has slots.
//!
//! A client is the user who is signed in, and otherwise the address: of many people behind one address, Mallory takes
//! no slot of Alice's by holding a WebSocket open in each tab, and a stranger at that address takes none of hers either.
//!
//! A request adds to a counter that its connection holds already. The table of counters is locked only for a
//! connection's first request, and for one of another client than the last.

use std::{
    cell::RefCell,
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use crate::{identity::UserId, request::subscriber};

/// The requests in flight of all clients, and to all apps; one for the process.
#[derive(Debug, Default)]
pub struct InFlight {
    loads: Mutex<Loads>,
}

#[derive(Debug, Default)]
struct Loads {
    of: HashMap<Counted, Arc<Load>>,
    /// How many were left after unused ones were last removed.
    used: usize,
}

/// The client or the app that requests are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A user who is signed in.
    User(UserId),
    /// All clients at an address that are not signed in; see [`Counted::address`].
    Address(IpAddr),
    /// An app, by its name.
    App(Arc<str>),
}

/// Requests in flight of one client or to one app.
#[derive(Debug, Default)]
pub struct Load {
    in_flight: AtomicUsize,
    /// Requests that wait for a slot.
    waiting: AtomicUsize,
    freed: Notify,
}

/// One request in flight, until this is dropped. Its clones count as well.
#[derive(Debug)]
pub struct Slot(Arc<Load>);

/// The counter of a connection's last request: its next one is of the same client, nearly always.
#[derive(Debug, Default)]
pub struct LastLoad(RefCell<Option<(Counted, Arc<Load>)>>);

impl Counted {
    /// A client at this address.
    pub fn address(addr: IpAddr) -> Self {
        Self::Address(subscriber(addr))
    }
}

impl InFlight {
    /// The requests in flight to an app. The counter is the same for as long as anything holds it: a reload that changes the
    /// app keeps counting.
    pub fn to_app(&self, name: &Arc<str>) -> Arc<Load> {
        self.load(Counted::App(Arc::clone(name)))
    }

    fn load(&self, counted: Counted) -> Arc<Load> {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        if loads.of.len() >= (2 * loads.used).max(FEW_LOADS) {
            loads.of.retain(|_, load| Arc::strong_count(load) > 1);
            loads.used = loads.of.len();
        }
        Arc::clone(loads.of.entry(counted).or_default())
    }
}

impl LastLoad {
    /// Takes a slot, and waits a short while for one; `None` if there is none then.
    pub async fn take(&self, counted: Counted, most: usize, all: &InFlight) -> Option<Slot> {
        let taken = self.try_take(counted, most, all);
        match taken {
            Ok(slot) => Some(slot),
            Err(load) => load.take_within(most, PATIENCE).await,
        }
    }

    fn try_take(&self, counted: Counted, most: usize, all: &InFlight) -> Result<Slot, Arc<Load>> {
        let mut last = self.0.borrow_mut();
        let load = match &*last {
            Some((of, load)) if *of == counted => load,
            _ => {
                let load = all.load(counted.clone());
                let (_, load) = last.insert((counted, load));
                load
            }
        };
        load.try_take(most).ok_or_else(|| Arc::clone(load))
    }
}

impl Load {
    /// Takes a slot, and waits a short while for one; `None` if there is none then.
    pub async fn take(self: &Arc<Self>, most: usize) -> Option<Slot> {
        match self.try_take(most) {
            Some(slot) => Some(slot),
            None => self.take_within(most, PATIENCE).await,
        }
    }

    fn try_take(self: &Arc<Self>, most: usize) -> Option<Slot> {
        let more = |count: usize| (count < most).then_some(count + 1);
        let taken = self.in_flight.fetch_update(Ordering::SeqCst, Ordering::Relaxed, more);
        taken.is_ok().then(|| Slot(Arc::clone(self)))
    }

    /// No more requests wait than there may be in flight.
    async fn take_within(self: &Arc<Self>, most: usize, patience: Duration) -> Option<Slot> {
        let waiting = Waiting::begin(self);
        if waiting.before >= most {
            return None;
        }
        let freed = async {
            loop {
                let notified = self.freed.notified();
                if let Some(slot) = self.try_take(most) {
                    return slot;
                }
                notified.await;
            }
        };
        timeout(patience, freed).await.ok()
    }
}

impl Clone for Slot {
    fn clone(&self) -> Self {
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        // A request that begins to wait after this reads the counter first.
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

/// One that waits, until this is dropped.
struct Waiting<'l> {
    load: &'l Load,
    before: usize,
}

impl<'l> Waiting<'l> {
    fn begin(load: &'l Load) -> Self {
        Self { load, before: load.waiting.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.load.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long a request waits for a slot. Longer than most requests take, and shorter than people wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// Unused counters are removed when there are twice as many as were in use, and at least this many.
const FEW_LOADS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use tokio::task::{spawn_local, yield_now};

    use super::*;

    #[test]
    fn a_clone_of_a_slot_counts_until_it_is_dropped() {
        let load = Arc::<Load>::default();
        let first = load.try_take(2).unwrap();
        let clone = first.clone();
        assert!(load.try_take(2).is_none());
        drop(first);
        let second = load.try_take(2).unwrap();
        assert!(load.try_take(2).is_none());
        drop((clone, second));
        assert_eq!(load.in_flight.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn slots_never_exceed_the_limit_however_many_threads_take_them() {
        const MOST: usize = 3;
        let (load, begin) = (Arc::<Load>::default(), Barrier::new(8));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    begin.wait();
                    for _ in 0..2000 {
                        let slot = load.try_take(MOST);
                        assert!(load.in_flight.load(Ordering::SeqCst) <= MOST);
                        drop(slot);
                    }
                });
            }
        });
        assert_eq!(load.in_flight.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "local")]
    async fn a_request_that_waits_gets_the_next_free_slot() {
        let load = Arc::<Load>::default();
        let slot = load.try_take(1).unwrap();
        let waiting = Arc::clone(&load);
        let waits = spawn_local(async move { waiting.take_within(1, Duration::MAX).await });
        yield_now().await;
        assert!(load.take_within(1, Duration::MAX).await.is_none(), "no more wait than there may be slots");
        drop(slot);
        assert!(waits.await.unwrap().is_some());
        assert_eq!(load.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "local")]
    async fn a_request_does_not_wait_for_ever() {
        let load = Arc::<Load>::default();
        let _slot = load.try_take(1).unwrap();
        assert!(load.take_within(1, Duration::from_millis(1)).await.is_none());
        assert_eq!(load.waiting.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_user_is_not_counted_with_the_address_and_an_ipv6_network_is_one_address() {
        let (all, last) = (InFlight::default(), LastLoad::default());
        let take = |counted| last.try_take(counted, 1, &all);
        let address = |text: &str| Counted::address(text.parse().unwrap());
        let _first = take(address("2001:db8::1")).unwrap();
        assert!(take(address("2001:db8::2")).is_err());
        assert!(take(address("2001:db8:0:1::1")).is_ok());
        let _alice = take(Counted::User(UserId(1))).unwrap();
        assert!(take(Counted::User(UserId(1))).is_err());
        assert!(take(Counted::User(UserId(2))).is_ok());
    }

    #[test]
    fn unused_loads_are_removed() {
        let all = InFlight::default();
        let held = LastLoad::default();
        let slot = held.try_take(Counted::address([192, 0, 2, 1].into()), 1, &all).unwrap();
        for number in 0..10 * u32::try_from(FEW_LOADS).unwrap() {
            all.load(Counted::address(number.to_be_bytes().into()));
        }
        assert!(all.loads.lock().unwrap().of.len() <= FEW_LOADS + 1);
        assert!(held.try_take(Counted::address([192, 0, 2, 1].into()), 1, &all).is_err());
        drop(slot);
    }
}
