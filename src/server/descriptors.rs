//! File descriptors: how many the process may have, and the wait for them when there are none.
//!
//! A client takes one, and so does each connection to an upstream. A shell grants 1,024 and allows far more; `assembly`
//! raises the limit as far as it is allowed. Where the configured number of connections needs more than that, fewer are served
//! at a time, and a log message says so: a gateway that runs out can neither accept a client nor reach an application.

use std::{fmt, io, thread, time::Duration};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use super::shutdown::Shutdown;

/// Raises the limit as far as the system allows, and returns it; `None`: there is no limit.
pub fn raise_descriptor_limit() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "limit on file descriptors not raised");
            current
        }
    }
}

/// As far as the system would let this process raise it; `None`: there is no limit.
pub fn highest_descriptor_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// The configuration may need more file descriptors than the system allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorShortage {
    /// Descriptors for all connections of clients, and one to an upstream for each request.
    needed: u64,
    allowed: u64,
    /// How many connections are served at a time.
    pub connections: usize,
}

impl DescriptorShortage {
    /// Whether so many connections of clients, and so many requests in flight, may need more than is allowed.
    pub fn of(connections: usize, requests: usize, allowed: Option<u64>) -> Option<Self> {
        let (connections, allowed) = (connections as u64, allowed?);
        // A client of HTTP/1.1 has one request at a time. With HTTP/2 it may be more, which `requests_per_address` limits.
        let needed = connections + connections.min(requests as u64) + OTHER_DESCRIPTORS;
        if needed <= allowed {
            return None;
        }
        let left = allowed.saturating_sub(OTHER_DESCRIPTORS);
        // As many as have room for one request each, or for all requests that there may be.
        let fit =
            (left / 2).max(left.saturating_sub(requests as u64)).max(FEWEST_CONNECTIONS).min(connections);
        Some(Self { needed, allowed, connections: usize::try_from(fit).unwrap_or(usize::MAX) })
    }
}

impl fmt::Display for DescriptorShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed, allowed, connections } = self;
        write!(
            f,
            "a process may have {allowed} file descriptors, enough for {connections} connections at a time, while `connections` of \
             [limits] may need {needed}: raise the limit (LimitNOFILE= of the systemd unit, `ulimit -Hn` in a shell), or lower \
             `connections`"
        )
    }
}

/// Makes something that needs file descriptors, and waits while there are none: those of clients come back. Gives up when
/// the server drains.
pub(super) fn when_there_are_descriptors<T>(
    shutdown: &Shutdown,
    mut make: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut is_logged = false;
    loop {
        match make() {
            Err(error) if are_exhausted(&error) && !shutdown.draining.is_cancelled() => {
                if !std::mem::replace(&mut is_logged, true) {
                    tracing::warn!(%error, "no file descriptors left: a worker waits before it starts");
                }
                thread::sleep(BEFORE_TRYING_AGAIN);
            }
            result => return result,
        }
    }
}

fn are_exhausted(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Databases, listeners, runtimes, logs, and idle connections to upstreams.
const OTHER_DESCRIPTORS: u64 = 256;
const FEWEST_CONNECTIONS: u64 = 16;
const BEFORE_TRYING_AGAIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Stopper;

    #[test]
    fn a_shortage_is_what_does_not_fit() {
        let shortage = |connections, requests, allowed| {
            DescriptorShortage::of(connections, requests, allowed).map(|it| (it.needed, it.connections))
        };
        assert_eq!(shortage(20_000, 4096, Some(65_536)), None);
        assert_eq!(shortage(20_000, 4096, None), None);
        assert_eq!(shortage(20_000, 4096, Some(24_352)), None);
        assert_eq!(shortage(20_000, 4096, Some(24_351)), Some((24_352, 19_999)));
        assert_eq!(shortage(20_000, 100_000, Some(1024)), Some((40_256, 384)));
        assert_eq!(shortage(300, 300, Some(512)), Some((856, 128)));
        assert_eq!(shortage(8, 8, Some(20)), Some((272, 8)));
        assert_eq!(shortage(20_000, 4096, Some(20)), Some((24_352, 16)));
    }

    #[test]
    fn a_worker_without_descriptors_waits_for_them_until_the_server_drains() {
        let stopper = Stopper::new();
        let shutdown = stopper.shutdown();
        let mut tries = 0;
        let made = when_there_are_descriptors(&shutdown, || {
            tries += 1;
            match tries {
                1 => Err(Errno::MFILE.into()),
                2 => Err(Errno::NFILE.into()),
                _ => Ok(tries),
            }
        });
        assert_eq!(made.unwrap(), 3);
        let other = when_there_are_descriptors::<()>(&shutdown, || Err(Errno::ACCESS.into()));
        assert_eq!(other.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        stopper.drain();
        let given_up = when_there_are_descriptors::<()>(&shutdown, || Err(Errno::MFILE.into()));
        assert!(are_exhausted(&given_up.unwrap_err()));
    }
}
