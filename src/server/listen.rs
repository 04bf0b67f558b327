//! Sockets to listen on: our own, or those that systemd passes on.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};

/// All sockets, bound.
#[derive(Debug)]
pub struct Listeners {
    https: Vec<Listener>,
    http: Vec<Listener>,
    status: Option<TcpListener>,
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Our own.
    #[error("cannot listen on {addr}: {source}{}", advice(.source))]
    Address {
        /// The address as configured.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Passed on by systemd.
    #[error("cannot use the socket that the service manager passes on: {0}")]
    Passed(#[source] io::Error),
}

#[derive(Debug)]
enum Listener {
    /// Every worker listens with a socket of its own, and the kernel shares the connections out.
    Own(Vec<TcpListener>, SocketAddr),
    /// One socket that all workers accept from.
    Passed(TcpListener, SocketAddr),
}

/// What each thread gets.
pub(super) struct Sockets {
    pub(super) workers: Vec<WorkerSockets>,
    pub(super) status: Option<TcpListener>,
}

/// One worker's sockets.
#[derive(Debug, Default)]
pub(super) struct WorkerSockets {
    pub(super) https: Vec<TcpListener>,
    pub(super) http: Vec<TcpListener>,
}

impl Listeners {
    /// Binds every address. With socket activation, the sockets that are passed on take the place of
    /// `https`, those named `http` that of `http` (see `sd_listen_fds_with_names(3)`).
    pub fn bind(
        https: &[SocketAddr],
        http: &[SocketAddr],
        status: Option<SocketAddr>,
    ) -> Result<Self, BindError> {
        let passed = passed_on()?;
        let own = |addrs: &[SocketAddr]| {
            addrs.iter().map(|addr| Listener::bind(*addr)).collect::<Result<Vec<_>, _>>()
        };
        let status = status.map(|addr| plain(addr).map_err(|source| BindError::Address { addr, source }));
        Ok(Self {
            https: if passed.https.is_empty() { own(https)? } else { passed.https },
            http: if passed.http.is_empty() { own(http)? } else { passed.http },
            status: status.transpose()?,
        })
    }

    /// Where HTTPS is served; ports chosen by the system are filled in.
    pub fn https_addrs(&self) -> Vec<SocketAddr> {
        self.https.iter().map(Listener::addr).collect()
    }

    /// Where plain HTTP is redirected.
    pub fn http_addrs(&self) -> Vec<SocketAddr> {
        self.http.iter().map(Listener::addr).collect()
    }

    /// Where the status is told.
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
        Ok(Sockets { workers: shares, status: self.status })
    }
}

impl Listener {
    fn bind(addr: SocketAddr) -> Result<Self, BindError> {
        let wrong = |source| BindError::Address { addr, source };
        // Sockets that share a port hide that another process has it already: look first.
        let probe = plain(addr).map_err(wrong)?;
        let actual = probe.local_addr().map_err(wrong)?;
        drop(probe);
        let first = sharing(actual).map_err(wrong)?;
        Ok(Self::Own(vec![first], actual))
    }

    fn addr(&self) -> SocketAddr {
        match self {
            Self::Own(_, addr) | Self::Passed(_, addr) => *addr,
        }
    }

    fn share(self, workers: NonZeroUsize) -> io::Result<Vec<TcpListener>> {
        match self {
            Self::Own(mut sockets, addr) => {
                while sockets.len() < workers.get() {
                    sockets.push(sharing(addr)?);
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

fn plain(addr: SocketAddr) -> io::Result<TcpListener> {
    listening(addr, false)
}

fn sharing(addr: SocketAddr) -> io::Result<TcpListener> {
    listening(addr, true)
}

fn listening(addr: SocketAddr, shares_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shares_port {
        socket.set_reuse_port(true)?;
    }
    if addr.ip().is_unspecified() && addr.is_ipv6() {
        // `[::]` serves IPv4 too, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
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
