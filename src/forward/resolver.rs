//! Name resolution for upstreams that are configured by name.
//!
//! [`Resolver`] asks the system (`/etc/hosts`, DNS, whatever `nsswitch.conf` says). All workers share it, and `connect`
//! asks it for each new connection; a request on a pooled connection needs no address.
//!
//! At most one look-up of a name is under way at a time, on a thread of its own: a name server that does not respond
//! delays only the names that it is asked for. Addresses stay in use while a later look-up fails or takes long, but not
//! once a look-up says that the name does not exist: the address may belong to another application by then, which would
//! receive this one's requests.
//!
//! Times to live of DNS are left out, because `getaddrinfo` does not return them.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
use foldhash::fast::RandomState;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Resolves the names of upstreams, with a cache.
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    look_up: Box<LookUp>,
    /// By name. The operator chooses the names, so that no client can make keys collide.
    entries: Mutex<HashMap<Box<str>, Entry, RandomState>>,
}

type LookUp = dyn Fn(&str) -> Result<Vec<IpAddr>, ResolveError> + Send + Sync;

/// Reason for which a name has no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has no address.
    #[error("the upstream's name does not exist")]
    NotFound,
    /// The look-up failed.
    #[error("looking the upstream's name up: {0}")]
    Failed(Arc<str>),
}

/// The addresses of a name; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// In the order in which they are to be tried.
    pub(super) addrs: Vec<IpAddr>,
    /// Whether they come from an earlier look-up, and may have changed since.
    pub(super) is_cached: bool,
}

/// The age of addresses that a caller accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Addresses that may be a few seconds old.
    Cached,
    /// Addresses of a new look-up, because the known ones accept no connection.
    Fresh,
}

/// The cached addresses of one name.
#[derive(Debug, Default)]
struct Entry {
    found: Option<(Arc<[IpAddr]>, Instant)>,
    /// The address that accepted a connection where one before it did not.
    preferred: Option<(IpAddr, Instant)>,
    under_way: Option<UnderWay>,
}

#[derive(Clone, Debug)]
struct UnderWay {
    since: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<Arc<[IpAddr]>, ResolveError>;

impl Resolver {
    /// A resolver that asks the system.
    pub fn system() -> Self {
        Self::of(look_up_in_system)
    }

    /// A resolver that asks this function, which may block.
    pub fn of(look_up: impl Fn(&str) -> Result<Vec<IpAddr>, ResolveError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { look_up: Box::new(look_up), entries: Mutex::default() }))
    }

    /// The addresses of a host. Waits for a look-up only while nothing is known, or for a quarter of a second.
    pub(super) async fn find(&self, host: &str, freshness: Freshness) -> Result<Addresses, ResolveError> {
        let (known, UnderWay { since, mut outcome }) = {
            let mut entries = self.0.lock();
            let running = entries.values().filter(|entry| entry.under_way.is_some()).count();
            let entry = match entries.get_mut(host) {
                Some(entry) => entry,
                None => entries.entry(host.into()).or_default(),
            };
            let now = Instant::now();
            if let Some((addrs, at)) = &entry.found
                && freshness == Freshness::Cached
                && now.duration_since(*at) < FRESH
            {
                return Ok(entry.in_order(addrs, now, true));
            }
            let known = entry.found.as_ref().filter(|(_, at)| now.duration_since(*at) < KEPT);
            let known = known.map(|(addrs, _)| entry.in_order(addrs, now, true));
            // A look-up that panicked has closed its channel.
            let under_way = entry.under_way.clone().filter(|it| it.outcome.has_changed().is_ok());
            let under_way = match under_way {
                Some(under_way) => under_way,
                None if running >= MAX_LOOK_UPS => {
                    return known.ok_or_else(|| ResolveError::failed("too many look-ups"));
                }
                None => match self.start(host) {
                    Ok(under_way) => entry.under_way.insert(under_way).clone(),
                    Err(error) => return known.ok_or_else(|| ResolveError::failed(&error.to_string())),
                },
            };
            (known, under_way)
        };
        let ended =
            async { outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone()) };
        let ended = match known {
            None => ended.await,
            Some(_) => timeout_at(since + WAIT, ended).await.ok().flatten(),
        };
        match (ended, known) {
            (Some(Ok(addrs)), _) => {
                let entries = self.0.lock();
                let (entry, now) = (entries.get(host), Instant::now());
                let in_order = entry.map(|entry| entry.in_order(&addrs, now, false));
                Ok(in_order.unwrap_or(Addresses { addrs: addrs.to_vec(), is_cached: false }))
            }
            (Some(Err(ResolveError::NotFound)), _) => Err(ResolveError::NotFound),
            (_, Some(known)) => Ok(known),
            (Some(Err(error)), None) => Err(error),
            (None, None) => Err(ResolveError::failed("the look-up broke off")),
        }
    }

    /// Tries this address first for a while, because it accepted a connection where one before it did not.
    pub(super) fn prefer(&self, host: &str, addr: IpAddr) {
        if let Some(entry) = self.0.lock().get_mut(host) {
            entry.preferred = Some((addr, Instant::now()));
        }
    }

    /// Starts a look-up.
    fn start(&self, host: &str) -> std::io::Result<UnderWay> {
        let (sender, outcome) = watch::channel(None);
        let (shared, host) = (Arc::clone(&self.0), Box::<str>::from(host));
        thread::Builder::new().name("look-up".into()).spawn(move || {
            let outcome = match (shared.look_up)(&host) {
                Ok(addrs) if addrs.is_empty() => Err(ResolveError::NotFound),
                Ok(addrs) => Ok(Arc::from(addrs)),
                Err(error) => Err(error),
            };
            shared.note(&host, &outcome);
            sender.send_replace(Some(outcome));
        })?;
        Ok(UnderWay { since: Instant::now(), outcome })
    }
}

impl Shared {
    fn note(&self, host: &str, outcome: &Outcome) {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(host) else { return };
        entry.under_way = None;
        match outcome {
            Ok(addrs) => entry.found = Some((Arc::clone(addrs), Instant::now())),
            Err(ResolveError::NotFound) => entry.found = None,
            Err(error) if entry.found.is_some() => {
                tracing::warn!(host, %error, "name look-up failed; cached addresses stay in use");
            }
            Err(_) => {}
        }
    }

    /// Each change is one assignment, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry, RandomState>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn in_order(&self, addrs: &[IpAddr], now: Instant, is_cached: bool) -> Addresses {
        let mut addrs = interleaved(addrs);
        if let Some((preferred, since)) = self.preferred
            && now.duration_since(since) < PREFERRED
            && let Some(place) = addrs.iter().position(|addr| *addr == preferred)
        {
            let preferred = addrs.remove(place);
            addrs.insert(0, preferred);
        }
        addrs.truncate(MAX_ADDRS);
        Addresses { addrs, is_cached }
    }
}

/// One address of each family in turn, beginning with that of the first (RFC 8305 §4): where a whole family does
/// not work, the second attempt is one of the other.
fn interleaved(addrs: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addrs.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) =
        addrs.iter().partition(|addr| addr.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(addrs.len());
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

impl ResolveError {
    fn failed(why: &str) -> Self {
        Self::Failed(why.into())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

fn look_up_in_system(host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    match getaddrinfo(Some(host), None, Some(hints)) {
        // Addresses of other families are left out.
        Ok(found) => Ok(found.flatten().map(|info| info.sockaddr.ip()).collect()),
        Err(error) => Err(match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => ResolveError::NotFound,
            _ => ResolveError::failed(&error.to_string()),
        }),
    }
}

/// Age up to which addresses are used without a new look-up. Connections that are opened together need one; an address
/// that has changed is noticed earlier if it accepts no connection.
const FRESH: Duration = Duration::from_secs(5);
/// Age up to which addresses stay in use while look-ups fail; RFC 8767 §5 recommends one to three days.
const KEPT: Duration = Duration::from_hours(24);
/// Time limit for a look-up where older addresses are known.
const WAIT: Duration = Duration::from_millis(250);
/// Time for which the address that accepted a connection is tried first.
const PREFERRED: Duration = Duration::from_mins(10);
/// Maximum number of look-ups at a time, each a thread. Reaching it takes as many names whose name server does not respond.
const MAX_LOOK_UPS: usize = 256;
/// Maximum number of addresses that are tried; further ones would not be reached within any usual `connect_timeout`.
const MAX_ADDRS: usize = 16;

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    };

    use tokio::time::timeout;

    use super::*;

    type LookUpResult = Result<Vec<IpAddr>, ResolveError>;

    fn addrs(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|addr| addr.parse().unwrap()).collect()
    }

    /// Resolver of which each look-up waits for a result from the test; and the number of started look-ups.
    fn resolver_of_test() -> (Resolver, Sender<LookUpResult>, Arc<AtomicUsize>) {
        let (sender, receiver): (Sender<LookUpResult>, Receiver<LookUpResult>) = channel();
        let (receiver, started) = (Mutex::new(receiver), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&started);
        let resolver = Resolver::of(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            receiver.lock().unwrap().recv().unwrap_or(Err(ResolveError::NotFound))
        });
        (resolver, sender, started)
    }

    async fn found(resolver: &Resolver, freshness: Freshness) -> Result<Vec<IpAddr>, ResolveError> {
        let found = timeout(Duration::from_secs(20), resolver.find("app.example", freshness)).await;
        found.expect("nothing that is waited for here takes long").map(|found| found.addrs)
    }

    #[tokio::test]
    async fn many_callers_share_one_look_up() {
        let (resolver, result, started) = resolver_of_test();
        let asking: Vec<_> = (0..24)
            .map(|_| {
                let resolver = resolver.clone();
                tokio::spawn(async move { found(&resolver, Freshness::Cached).await })
            })
            .collect();
        // All of them wait by then.
        tokio::task::yield_now().await;
        result.send(Ok(addrs("10.0.0.1"))).unwrap();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), Ok(addrs("10.0.0.1")));
        }
        assert_eq!(started.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_look_up_that_hangs_delays_no_other_name() {
        let (hangs, until) = channel::<()>();
        let until = Mutex::new(until);
        let resolver = Resolver::of(move |host| {
            if host == "dead.example" {
                until.lock().unwrap().recv().ok();
            }
            Ok(addrs("10.0.0.1"))
        });
        let asking: Vec<_> = (0..24)
            .map(|_| {
                let resolver = resolver.clone();
                tokio::spawn(async move { resolver.find("dead.example", Freshness::Cached).await.is_ok() })
            })
            .collect();
        for number in 0..24 {
            assert!(resolver.find(&format!("{number}.example"), Freshness::Cached).await.is_ok());
        }
        drop(hangs);
        for asked in asking {
            assert!(asked.await.unwrap());
        }
    }

    #[tokio::test]
    async fn the_last_addresses_stay_in_use_while_a_look_up_fails_or_hangs() {
        let (resolver, result, started) = resolver_of_test();
        result.send(Ok(addrs("10.0.0.1"))).unwrap();
        assert_eq!(found(&resolver, Freshness::Cached).await, Ok(addrs("10.0.0.1")));
        // One that fails.
        result.send(Err(ResolveError::failed("no server responds"))).unwrap();
        assert_eq!(found(&resolver, Freshness::Fresh).await, Ok(addrs("10.0.0.1")));
        // One that hangs, and is not started a second time.
        for _ in 0..3 {
            assert_eq!(found(&resolver, Freshness::Fresh).await, Ok(addrs("10.0.0.1")));
        }
        assert!(started.load(Ordering::SeqCst) <= 3);
    }

    #[tokio::test]
    async fn a_name_that_no_longer_exists_loses_its_addresses() {
        let (resolver, result, _) = resolver_of_test();
        result.send(Ok(addrs("10.0.0.1"))).unwrap();
        assert_eq!(found(&resolver, Freshness::Cached).await, Ok(addrs("10.0.0.1")));
        // From now on it does not exist.
        drop(result);
        while found(&resolver, Freshness::Fresh).await.is_ok() {}
        assert_eq!(found(&resolver, Freshness::Cached).await, Err(ResolveError::NotFound));
    }

    #[tokio::test]
    async fn a_look_up_that_panics_can_be_repeated() {
        let panicked = Arc::new(AtomicUsize::new(0));
        let resolver = Resolver::of(move |_| {
            assert!(panicked.fetch_add(1, Ordering::SeqCst) > 0, "the first one");
            Ok(addrs("10.0.0.1"))
        });
        assert!(found(&resolver, Freshness::Cached).await.is_err());
        assert_eq!(found(&resolver, Freshness::Cached).await, Ok(addrs("10.0.0.1")));
    }

    #[tokio::test]
    async fn an_address_that_accepted_a_connection_is_tried_first() {
        let (resolver, result, _) = resolver_of_test();
        result.send(Ok(addrs("::1 ::2 10.0.0.1"))).unwrap();
        assert_eq!(found(&resolver, Freshness::Cached).await, Ok(addrs("::1 10.0.0.1 ::2")));
        resolver.prefer("app.example", "10.0.0.1".parse().unwrap());
        assert_eq!(found(&resolver, Freshness::Cached).await, Ok(addrs("10.0.0.1 ::1 ::2")));
    }

    #[test]
    fn families_alternate() {
        for (given, mixed) in [
            ("::1 ::2 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2"),
            ("10.0.0.1 ::1", "10.0.0.1 ::1"),
            ("10.0.0.1 10.0.0.2 10.0.0.3 ::1", "10.0.0.1 ::1 10.0.0.2 10.0.0.3"),
            ("::1", "::1"),
        ] {
            assert_eq!(interleaved(&addrs(given)), addrs(mixed));
        }
    }

    #[test]
    fn the_system_knows_localhost() {
        let found = look_up_in_system("localhost").unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    }
}
