//! The number of open connections of each address.
//!
//! Each worker's accept loop takes an [`AddressSlot`] for every connection. All workers share one table, locked when a
//! connection starts and when it ends. An address without a connection is not in it, so it is never larger than the number
//! of connections.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::request::subscriber;

/// The connections of each address.
#[derive(Debug)]
pub(super) struct Addresses {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection among those of its address; counted until this is dropped.
#[derive(Debug)]
pub(super) struct AddressSlot {
    addresses: Arc<Addresses>,
    of: IpAddr,
}

impl Addresses {
    /// At most `most` connections for each address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// Counts one connection more of this address; `None` if it has as many as it may.
    pub(super) fn slot(self: &Arc<Self>, addr: IpAddr) -> Option<AddressSlot> {
        let of = subscriber(addr);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(of).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(AddressSlot { addresses: Arc::clone(self), of })
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.of) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_more_connections_than_it_may() {
        let addresses = Addresses::new(2);
        let slot = |addr: &str| addresses.slot(addr.parse().unwrap());
        let (first, _second) = (slot("192.0.2.1").unwrap(), slot("::ffff:192.0.2.1").unwrap());
        assert!(slot("192.0.2.1").is_none());
        assert!(slot("192.0.2.2").is_some());
        drop(first);
        assert!(slot("192.0.2.1").is_some());
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        let addresses = Addresses::new(1);
        let slot = |addr: &str| addresses.slot(addr.parse().unwrap());
        let _first = slot("2001:db8:0:1::1").unwrap();
        assert!(slot("2001:db8:0:1:ffff::2").is_none());
        assert!(slot("2001:db8:0:2::1").is_some());
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let addresses = Addresses::new(1);
        for last in 0..=255 {
            addresses.slot(IpAddr::from([192, 0, 2, last])).unwrap();
        }
        assert!(addresses.open.lock().unwrap().is_empty());
    }
}
