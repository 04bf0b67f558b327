//! Connecting to the first of several addresses that accepts (RFC 8305, Happy Eyeballs).
//!
//! `forward` connects to upstreams with it, and `auth` to directories and providers. An address that drops packets costs a
//! quarter of a second and not a whole time limit. Looking names up and limiting the time are for the caller.

use std::{future::pending, io, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{net::TcpStream, time::sleep};

/// Connects to the address that accepts first. The next one is tried after a quarter of a second, or at once when one
/// fails, while the attempts before it go on (§5). If all fail, the error is that of the address that failed first, which
/// is mostly the one that the system prefers.
pub async fn connect(mut untried: impl ExactSizeIterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut failed = None;
    loop {
        if let Some(addr) = untried.next() {
            attempts.push(TcpStream::connect(addr));
        } else if attempts.is_empty() {
            let no_address = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            return Err(failed.unwrap_or_else(no_address));
        }
        let next_attempt = async {
            match untried.len() {
                0 => pending().await,
                _ => sleep(ATTEMPT_DELAY).await,
            }
        };
        tokio::select! {
            biased;
            Some(connected) = attempts.next() => match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => drop(failed.get_or_insert(error)),
            },
            () = next_attempt => {}
        }
    }
}

/// RFC 8305 §5 (Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// An address of this machine at which nothing listens.
    async fn refusing() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = listener.local_addr().unwrap();
        let stream = connect([refusing().await, refusing().await, accepting].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), accepting);
    }

    #[tokio::test]
    async fn without_an_address_that_accepts_there_is_an_error() {
        let refused = connect([refusing().await].into_iter()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect([].into_iter()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
