//! The stream of a connection to an upstream: TCP, UNIX socket, TLS or a pipe.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::AsFd,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf},
    net::{TcpStream, UnixStream},
    task::coop::unconstrained,
};
use tokio_rustls::client::TlsStream;

/// A stream to an upstream. An enum, so that TCP, the most common, costs no indirect call.
#[derive(Debug)]
pub(in crate::forward) enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A UNIX domain socket.
    Unix(UnixStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
    /// A pipe in memory, to the built-in application.
    Pipe(DuplexStream),
}

impl Stream {
    /// Whether the upstream has neither closed the connection nor sent bytes that are unread.
    ///
    /// The kernel is asked and not the runtime, which learns of events only when the worker polls its sockets. On a busy
    /// worker Mallory's upstream could send bytes in between, which would be taken for the response to Alice's request. A
    /// TLS record counts as data whatever it has: session tickets come before the first response.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Tcp(stream) => has_nothing_to_read(stream),
            Self::Unix(stream) => has_nothing_to_read(stream),
            Self::Tls(stream) => {
                let (socket, session) = stream.get_ref();
                // Otherwise rustls has decrypted data or the end.
                session.wants_read() && has_nothing_to_read(socket)
            }
            Self::Pipe(stream) => {
                let mut byte = [0];
                let reading = pin!(unconstrained(stream.read(&mut byte)));
                reading.poll(&mut Context::from_waker(Waker::noop())).is_pending()
            }
        }
    }
}

/// Whether a read from the non-blocking socket would have to wait. Neither the end nor an error would.
fn has_nothing_to_read(socket: &impl AsFd) -> bool {
    let peeked = SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]);
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Pipe(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Pipe(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Pipe(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Pipe(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Pipe(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
