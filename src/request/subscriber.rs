//! The network that counts as one client.

use std::net::{IpAddr, Ipv6Addr};

/// The address by which a subscriber is counted: of IPv6, one subscriber has a whole /64 (RFC 6177) and could use another
/// address for each connection.
pub fn subscriber(addr: IpAddr) -> IpAddr {
    match addr.to_canonical() {
        IpAddr::V4(addr) => addr.into(),
        IpAddr::V6(addr) => Ipv6Addr::from_bits(addr.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
