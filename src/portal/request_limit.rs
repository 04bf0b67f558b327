//! A limit on requests that send mail, for each network of clients.
//!
//! The limit for each account and address is kept with the links, in the users' database. This one keeps one client from
//! sending mail to many people. It is in memory, and each gateway has its own.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{clock::Timestamp, throttle::Network};

/// Counts requests of each network.
#[derive(Debug, Default)]
pub(super) struct RequestLimit(Mutex<HashMap<Network, Window>>);

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    requests: u32,
}

impl RequestLimit {
    /// Counts a request; the time to wait if there were too many, or if requests come from too many networks.
    pub(super) fn admit(&self, client: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = Network::of(client);
        let is_open = |window: &Window| now.since(window.since) < LENGTH;
        if windows.len() >= MAX_NETWORKS && !windows.contains_key(&network) {
            windows.retain(|_, window| is_open(window));
            if windows.len() >= MAX_NETWORKS {
                return Err(LENGTH);
            }
        }
        let window = windows.entry(network).or_insert(Window { since: now, requests: 0 });
        if !is_open(window) {
            *window = Window { since: now, requests: 0 };
        }
        if window.requests >= MAX_REQUESTS {
            return Err((window.since + LENGTH).since(now));
        }
        window.requests += 1;
        Ok(())
    }
}

const MAX_REQUESTS: u32 = 10;
const LENGTH: Duration = Duration::from_hours(1);
/// About a megabyte.
const MAX_NETWORKS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_sends_ten_requests_in_an_hour() {
        let (limit, start) = (RequestLimit::default(), Timestamp::from_millis(0));
        let here: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff".parse().unwrap();
        let elsewhere: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..5 {
            assert_eq!((limit.admit(here, start), limit.admit(neighbour, start)), (Ok(()), Ok(())));
        }
        let later = start + Duration::from_mins(20);
        assert_eq!(limit.admit(neighbour, later), Err(Duration::from_mins(40)));
        assert_eq!(limit.admit(elsewhere, later), Ok(()));
        assert_eq!(limit.admit(here, start + LENGTH), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_makes_room_for_others_after_an_hour() {
        let (limit, start) = (RequestLimit::default(), Timestamp::from_millis(0));
        let address = |number: usize| {
            let [.., high, middle, low] = number.to_be_bytes();
            IpAddr::from([10, high, middle, low])
        };
        for number in 0..MAX_NETWORKS {
            assert_eq!(limit.admit(address(number), start), Ok(()));
        }
        assert!(limit.admit(address(MAX_NETWORKS), start).is_err());
        assert_eq!(limit.admit(address(0), start), Ok(()), "one that is known");
        assert_eq!(limit.admit(address(MAX_NETWORKS), start + LENGTH), Ok(()));
        assert_eq!(limit.0.lock().unwrap().len(), 1);
    }
}
