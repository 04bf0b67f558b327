//! The keys of counters: whose failures are counted.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use data_encoding::HEXLOWER;

use crate::identity::UserId;

/// The owner of a counter. Prints in the form in which stores hold it: `a:7`, `d:7:HEX`, `n:HEX`, `i:192.0.2.1`,
/// `i:2001:db8::`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThrottleKey {
    /// A user.
    Account(UserId),
    /// A browser in which this user has signed in before.
    Device(UserId, DeviceId),
    /// A name that no user has.
    Name(NameDigest),
    /// An IPv4 address, or an IPv6 network of 64 bits.
    Address(Network),
}

/// The random name of a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub(super) [u8; 16]);

/// The digest of a name that no user has, under a key of the gateway's own: the name may be a password that was typed into
/// the wrong field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameDigest(pub(super) [u8; 16]);

/// The network of a client: an IPv4 address, or the /64 of an IPv6 address, because one customer has at least a /64 to
/// choose addresses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

/// The kinds of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Account,
    Device,
    Name,
    Address,
}

impl ThrottleKey {
    /// Reads what [`ThrottleKey`] prints.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (letter, rest) = text.split_once(':')?;
        Some(match Kind::ALL.into_iter().find(|kind| kind.letter() == letter)? {
            Kind::Account => Self::Account(user(rest)?),
            Kind::Device => {
                let (id, device) = rest.split_once(':')?;
                Self::Device(user(id)?, DeviceId(sixteen(device)?))
            }
            Kind::Name => Self::Name(NameDigest(sixteen(rest)?)),
            Kind::Address => Self::Address(Network::of(rest.parse().ok()?)),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Account(_) => Kind::Account,
            Self::Device(..) => Kind::Device,
            Self::Name(_) => Kind::Name,
            Self::Address(_) => Kind::Address,
        }
    }
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Account, Self::Device, Self::Name, Self::Address];

    /// The kind in listings and in the audit stream.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Device => "device",
            Self::Name => "unknown-name",
            Self::Address => "address",
        }
    }

    /// The first letter of its keys.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Account => "a",
            Self::Device => "d",
            Self::Name => "n",
            Self::Address => "i",
        }
    }

    /// Maximum number of its counters; `None`: as many as there are users.
    pub(super) fn most(self) -> Option<usize> {
        (self != Self::Account).then_some(MOST)
    }
}

impl Network {
    /// The octets of its first address, those of an IPv4 address mapped into IPv6.
    pub fn octets(&self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
            IpAddr::V6(addr) => addr.octets(),
        }
    }

    /// The network of an address; an IPv4-mapped IPv6 address is that IPv4 address.
    pub fn of(addr: IpAddr) -> Self {
        Self(match addr.to_canonical() {
            IpAddr::V4(addr) => IpAddr::V4(addr),
            IpAddr::V6(addr) => {
                let [a, b, c, d, ..] = addr.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

/// As people write it: `192.0.2.1`, `2001:db8::/64`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(addr) => f.pad(&addr.to_string()),
            IpAddr::V6(addr) => f.pad(&format!("{addr}/64")),
        }
    }
}

impl fmt::Display for ThrottleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = self.kind().letter();
        match self {
            Self::Account(user) => write!(f, "{letter}:{user}"),
            Self::Device(user, DeviceId(id)) => write!(f, "{letter}:{user}:{}", HEXLOWER.encode(id)),
            Self::Name(NameDigest(digest)) => write!(f, "{letter}:{}", HEXLOWER.encode(digest)),
            Self::Address(Network(addr)) => write!(f, "{letter}:{addr}"),
        }
    }
}

fn user(text: &str) -> Option<UserId> {
    text.parse().ok().map(UserId)
}

fn sixteen(hex: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

/// Maximum number of counters of names, of addresses and of devices, each. About 10 MB when all are full.
const MOST: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let keys = [
            ThrottleKey::Account(UserId(7)),
            ThrottleKey::Device(UserId(-1), DeviceId([0xab; 16])),
            ThrottleKey::Name(NameDigest([1; 16])),
            ThrottleKey::Address(Network::of("192.0.2.1".parse().unwrap())),
            ThrottleKey::Address(Network::of("2001:db8::1".parse().unwrap())),
        ];
        for key in keys {
            assert_eq!(ThrottleKey::parse(&key.to_string()), Some(key), "{key}");
        }
        for text in ["", "a", "a:", "a:x", "b:1", "d:1", "d:1:ab", "n:", "i:", "i:1.2.3", "*"] {
            assert_eq!(ThrottleKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_ipv6_client_is_its_64_bits_and_a_mapped_address_is_an_ipv4_one() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
    }
}
