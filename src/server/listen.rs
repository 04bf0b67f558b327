//! Sockets to listen on, bound here or passed on by systemd.
//!
//! `assembly` binds [`Listeners`] before anything runs; `server` shares them out to the workers. `config` asks
//! [`ListenAddr`] which addresses overlap, and whether an upstream would be the gateway itself.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    num::NonZeroUsize,
};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

/// All sockets, bound.
#[derive(Debug)]
pub struct Listeners {
    https: Vec<Listener>,
    http: Vec<Listener>,
    checks: Vec<Listener>,
    status: Option<TcpListener>,
}

/// The addresses to listen on.
#[derive(Clone, Copy, Debug)]
pub struct ListenAddrs<'a> {
    /// HTTPS.
    pub https: &'a [SocketAddr],
    /// Plain HTTP, which is redirected.
    pub http: &'a [SocketAddr],
    /// Checks of other proxies.
    pub checks: &'a [SocketAddr],
    /// The status.
    pub status: Option<SocketAddr>,
}

/// An address to listen on, and whether its socket takes IPv4 beside IPv6.
///
/// `[::]` takes both, unless `0.0.0.0` is listed on the same port beside it: then each has its own family, and
/// both can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddr {
    addr: SocketAddr,
    is_dual_stack: bool,
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// One that the gateway binds itself.
    #[error("cannot listen on {addr}: {source}{}", advice(.source))]
    Address {
        /// The address, as configured.
        addr: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// One that systemd passes on.
    #[error("cannot use the socket that the service manager passes on: {0}")]
    Passed(#[source] io::Error),
}

#[derive(Debug)]
enum Listener {
    /// Every worker listens with a socket of its own, and the kernel shares the connections out.
    Own(Vec<TcpListener>, ListenAddr),
    /// One socket that all workers accept from.
    Passed(TcpListener, SocketAddr),
}

/// The sockets of each thread.
pub(super) struct Sockets {
    pub(super) workers: Vec<WorkerSockets>,
    pub(super) status: Option<TcpListener>,
}

/// One worker's sockets.
#[derive(Debug, Default)]
pub(super) struct WorkerSockets {
    pub(super) https: Vec<TcpListener>,
    pub(super) http: Vec<TcpListener>,
    pub(super) checks: Vec<TcpListener>,
}

impl Listeners {
    /// Binds every address. With socket activation, the sockets that are passed on take the place of
    /// `https`, those named `http` that of `http` (see `sd_listen_fds_with_names(3)`).
    pub fn bind(addrs: ListenAddrs<'_>) -> Result<Self, BindError> {
        let ListenAddrs { https, http, checks, status } = addrs;
        let passed = passed_on()?;
        let own = |addrs: &[SocketAddr]| {
            addrs
                .iter()
                .map(|addr| Listener::bind(ListenAddr::of(*addr, addrs)))
                .collect::<Result<Vec<_>, _>>()
        };
        let status = status.map(|addr| {
            plain(ListenAddr::of(addr, &[])).map_err(|source| BindError::Address { addr, source })
        });
        Ok(Self {
            https: if passed.https.is_empty() { own(https)? } else { passed.https },
            http: if passed.http.is_empty() { own(http)? } else { passed.http },
            checks: own(checks)?,
            status: status.transpose()?,
        })
    }

    /// The addresses of HTTPS; ports chosen by the system are filled in.
    pub fn https_addrs(&self) -> Vec<SocketAddr> {
        self.https.iter().map(Listener::addr).collect()
    }

    /// The addresses of plain HTTP, which is redirected.
    pub fn http_addrs(&self) -> Vec<SocketAddr> {
        self.http.iter().map(Listener::addr).collect()
    }

    /// The addresses at which other proxies ask.
    pub fn check_addrs(&self) -> Vec<SocketAddr> {
        self.checks.iter().map(Listener::addr).collect()
    }

    /// The address of the status listener.
    pub fn status_addr(&self) -> Option<SocketAddr> {
        self.status.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    pub(super) fn for_workers(self, workers: NonZeroUsize) -> io::Result<Sockets> {
        let mut shares: Vec<WorkerSockets> = Vec::new();
        shares.resize_with(workers.get(), WorkerSockets::default);
        for listener in self.https {
            for (share, socket) in shares.iter_mut().zip(listener.share(workers)?) {
                share.https.push(socket);
            }
        }
        for listener in self.http {
            for (share, socket) in shares.iter_mut().zip(listener.share(workers)?) {
                share.http.push(socket);
            }
        }
        for listener in self.checks {
            for (share, socket) in shares.iter_mut().zip(listener.share(workers)?) {
                share.checks.push(socket);
            }
        }
        Ok(Sockets { workers: shares, status: self.status })
    }
}

impl ListenAddr {
    /// One of the addresses of a list.
    pub fn of(addr: SocketAddr, list: &[SocketAddr]) -> Self {
        let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()));
        let has_ipv4_beside = || list.iter().any(|other| canonical(*other) == ipv4);
        // Port 0 asks for a free port each time, so two of them never share one.
        let is_dual_stack = is_ipv6_wildcard(addr.ip()) && (addr.port() == 0 || !has_ipv4_beside());
        Self { addr, is_dual_stack }
    }

    /// Whether the two cannot be bound at the same time: one takes connections that are the other's.
    pub fn overlaps(self, other: Self) -> bool {
        self.addr.port() == other.addr.port()
            && self.addr.port() != 0
            && (self.covers(other) || other.covers(self))
    }

    /// Whether a program on this machine that connects to `target` reaches this listener.
    pub fn is_reached_by(self, target: SocketAddr) -> bool {
        let own = canonical(self.addr).ip();
        // The system takes a connection to `0.0.0.0` or `[::]` for one to the loopback address.
        let target_ip = match canonical(target).ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let takes_family = own.is_ipv4() == target_ip.is_ipv4() || self.is_dual_stack;
        let is_wildcard = own.is_unspecified() && takes_family && target_ip.is_loopback();
        self.addr.port() == target.port() && (own == target_ip || is_wildcard)
    }

    fn covers(self, other: Self) -> bool {
        let (own, theirs) = (canonical(self.addr), canonical(other.addr));
        let takes_family = own.is_ipv4() == theirs.is_ipv4() || self.is_dual_stack;
        own == theirs || (own.ip().is_unspecified() && takes_family)
    }

    fn with_port_of(self, actual: SocketAddr) -> Self {
        Self { addr: actual, ..self }
    }
}

impl Listener {
    fn bind(listen: ListenAddr) -> Result<Self, BindError> {
        let wrong = |source| BindError::Address { addr: listen.addr, source };
        // Sockets that share a port hide that another process has it already: look first.
        let probe = plain(listen).map_err(wrong)?;
        let actual = listen.with_port_of(probe.local_addr().map_err(wrong)?);
        drop(probe);
        let first = sharing(actual).map_err(wrong)?;
        Ok(Self::Own(vec![first], actual))
    }

    fn addr(&self) -> SocketAddr {
        match self {
            Self::Own(_, listen) => listen.addr,
            Self::Passed(_, addr) => *addr,
        }
    }

    fn share(self, workers: NonZeroUsize) -> io::Result<Vec<TcpListener>> {
        match self {
            Self::Own(mut sockets, listen) => {
                while sockets.len() < workers.get() {
                    sockets.push(sharing(listen)?);
                }
                Ok(sockets)
            }
            Self::Passed(socket, _) => (0..workers.get()).map(|_| socket.try_clone()).collect(),
        }
    }
}

#[derive(Default)]
struct Passed {
    https: Vec<Listener>,
    http: Vec<Listener>,
}

fn passed_on() -> Result<Passed, BindError> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut descriptors = ListenFd::from_env();
    let mut passed = Passed::default();
    for index in 0..descriptors.len() {
        let Some(socket) = descriptors.take_tcp_listener(index).map_err(BindError::Passed)? else { continue };
        socket.set_nonblocking(true).map_err(BindError::Passed)?;
        let addr = socket.local_addr().map_err(BindError::Passed)?;
        let listener = Listener::Passed(socket, addr);
        let name = names.get(index).copied().unwrap_or_default();
        let is_http = name == "http" || name.starts_with("http.") || name.ends_with("-http.socket");
        if is_http { passed.http.push(listener) } else { passed.https.push(listener) }
    }
    Ok(passed)
}

fn plain(listen: ListenAddr) -> io::Result<TcpListener> {
    listening(listen, false)
}

fn sharing(listen: ListenAddr) -> io::Result<TcpListener> {
    listening(listen, true)
}

fn listening(listen: ListenAddr, shares_port: bool) -> io::Result<TcpListener> {
    let addr = listen.addr;
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shares_port {
        socket.set_reuse_port(true)?;
    }
    if is_ipv6_wildcard(addr.ip()) {
        // Set either way, whatever the system's default is.
        socket.set_only_v6(!listen.is_dual_stack)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn is_ipv6_wildcard(ip: IpAddr) -> bool {
    ip.is_ipv6() && ip.is_unspecified()
}

/// `[::ffff:192.0.2.1]` is `192.0.2.1`.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, addr.port())),
        // The address keeps its scope.
        IpAddr::V6(_) => addr,
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another process listens there already",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE, which the systemd unit grants"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

const BACKLOG: i32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(list: &[&str]) -> Vec<ListenAddr> {
        let addrs: Vec<SocketAddr> = list.iter().map(|addr| addr.parse().unwrap()).collect();
        addrs.iter().map(|addr| ListenAddr::of(*addr, &addrs)).collect()
    }

    /// Two addresses overlap if the kernel refuses to bind the second.
    #[test]
    fn two_addresses_overlap_when_the_kernel_refuses_the_second() {
        for (one, other, overlaps) in [
            ("0.0.0.0", "[::]", false),
            ("[::]", "0.0.0.0", false),
            ("[::]", "[::ffff:0.0.0.0]", false),
            ("127.0.0.1", "[::1]", false),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("[::]", "127.0.0.1", true),
            ("127.0.0.1", "[::]", true),
            ("[::]", "[::1]", true),
            ("[::ffff:127.0.0.1]", "127.0.0.1", true),
        ] {
            let port = {
                let free = plain(listen(&["[::]:0"])[0]).unwrap();
                free.local_addr().unwrap().port()
            };
            let both = listen(&[&format!("{one}:{port}"), &format!("{other}:{port}")]);
            let first = Listener::bind(both[0]).unwrap();
            let second = Listener::bind(both[1]);
            assert_eq!(both[0].overlaps(both[1]), overlaps, "{one} {other}");
            assert_eq!(second.is_err(), overlaps, "{one} {other}: {second:?}");
            drop(first);
        }
    }

    #[test]
    fn a_wildcard_of_ipv6_serves_ipv4_unless_that_is_listed_beside_it() {
        let alone = listen(&["[::]:443", "0.0.0.0:80"]);
        assert!(alone[0].is_dual_stack && !alone[1].is_dual_stack);
        let beside = listen(&["[::]:443", "0.0.0.0:443"]);
        assert!(!beside[0].is_dual_stack && !beside[1].is_dual_stack);
    }

    #[test]
    fn a_target_on_this_machine_reaches_the_listener_of_its_address_and_port() {
        for (listener, target, reached) in [
            ("0.0.0.0:443", "127.0.0.1:443", true),
            ("0.0.0.0:443", "127.0.0.1:80", false),
            ("0.0.0.0:443", "127.9.9.9:443", true),
            ("0.0.0.0:443", "0.0.0.0:443", true),
            ("0.0.0.0:443", "[::1]:443", false),
            ("0.0.0.0:443", "192.0.2.1:443", false),
            ("[::]:443", "127.0.0.1:443", true),
            ("[::]:443", "[::1]:443", true),
            ("127.0.0.1:443", "127.0.0.1:443", true),
            ("127.0.0.1:443", "127.0.0.2:443", false),
            ("192.0.2.1:443", "192.0.2.1:443", true),
            ("192.0.2.1:443", "127.0.0.1:443", false),
        ] {
            let is_reached = listen(&[listener])[0].is_reached_by(target.parse().unwrap());
            assert_eq!(is_reached, reached, "{listener} {target}");
        }
    }
}
