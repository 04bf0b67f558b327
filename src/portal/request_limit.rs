//! A limit on events within an hour, for each of those who cause them.
//!
//! It keeps one client from sending mail to many people, and the events of one account from filling the queue of mail. The
//! limit on links for each account and address is kept with the links, in the users' database. This one is in memory, and
//! each gateway has its own.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Timestamp;

/// Counts events under keys.
#[derive(Debug)]
pub(super) struct RequestLimit<K> {
    most: u32,
    windows: Mutex<HashMap<K, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    requests: u32,
}

impl<K: Eq + Hash> RequestLimit<K> {
    /// At most `most` events under each key within an hour.
    pub(super) fn new(most: u32) -> Self {
        Self { most, windows: Mutex::default() }
    }

    /// Counts an event; the time to wait if there were too many under this key.
    pub(super) fn admit(&self, key: K, now: Timestamp) -> Result<(), Duration> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_KEYS && !windows.contains_key(&key) {
            self.make_room(&mut windows, now);
        }
        let window = windows.entry(key).or_insert(Window { since: now, requests: 0 });
        if !window.is_open(now) {
            *window = Window { since: now, requests: 0 };
        }
        if window.requests >= self.most {
            return Err((window.since + LENGTH).since(now));
        }
        window.requests += 1;
        Ok(())
    }

    /// Forgets windows that have ended, then those that are far from their limit, then all. Newcomers are never turned away:
    /// Mallory, who comes from a hundred thousand networks, would shut everybody else out.
    fn make_room(&self, windows: &mut HashMap<K, Window>, now: Timestamp) {
        windows.retain(|_, window| window.is_open(now));
        if windows.len() >= MAX_KEYS {
            windows.retain(|_, window| window.requests > self.most / 2);
        }
        if windows.len() >= MAX_KEYS {
            windows.clear();
        }
    }
}

impl Window {
    /// One that begins in the future has ended: the clock was set back.
    fn is_open(&self, now: Timestamp) -> bool {
        self.since <= now && now.since(self.since) < LENGTH
    }
}

const LENGTH: Duration = Duration::from_hours(1);
/// About a megabyte.
const MAX_KEYS: usize = 20_000;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::throttle::Network;

    const MOST: u32 = 10;

    fn limit() -> RequestLimit<Network> {
        RequestLimit::new(MOST)
    }

    fn network(number: usize) -> Network {
        let [.., high, middle, low] = number.to_be_bytes();
        Network::of(IpAddr::from([10, high, middle, low]))
    }

    #[test]
    fn a_network_sends_ten_requests_in_an_hour() {
        let (limit, start) = (limit(), Timestamp::from_millis(0));
        let at = |text: &str| Network::of(text.parse().unwrap());
        let (here, neighbour, elsewhere) = ("2001:db8::1", "2001:db8::ffff", "192.0.2.1");
        for _ in 0..5 {
            assert_eq!((limit.admit(at(here), start), limit.admit(at(neighbour), start)), (Ok(()), Ok(())));
        }
        let later = start + Duration::from_mins(20);
        assert_eq!(limit.admit(at(neighbour), later), Err(Duration::from_mins(40)));
        assert_eq!(limit.admit(at(elsewhere), later), Ok(()));
        assert_eq!(limit.admit(at(here), start + LENGTH), Ok(()));
    }

    #[test]
    fn a_full_table_forgets_who_asks_seldom_and_turns_no_newcomer_away() {
        let (limit, start) = (limit(), Timestamp::from_millis(0));
        for _ in 0..MOST {
            assert_eq!(limit.admit(network(0), start), Ok(()));
        }
        for number in 1..=2 * MAX_KEYS {
            assert_eq!(limit.admit(network(number), start), Ok(()), "{number}");
            assert!(limit.windows.lock().unwrap().len() <= MAX_KEYS);
        }
        assert!(limit.admit(network(0), start).is_err(), "whoever is at the limit stays there");
        for number in 1..=2 * MAX_KEYS {
            for _ in 0..MOST {
                limit.admit(network(number), start).ok();
            }
        }
        assert!(limit.windows.lock().unwrap().len() <= MAX_KEYS);
        assert_eq!(limit.admit(network(3 * MAX_KEYS), start), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let (limit, start) = (limit(), Timestamp::from_millis(1_000_000_000));
        for _ in 0..MOST {
            assert_eq!(limit.admit(network(0), start), Ok(()));
        }
        assert_eq!(limit.admit(network(0), Timestamp::from_millis(0)), Ok(()));
    }
}
