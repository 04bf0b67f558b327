//! Interim responses between responses of hyper, over a socket that takes few bytes at a time.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    super::{
        activity::{Activity, ConnectionSlot, ConnectionTerms},
        limits::Limits,
    },
    CountedSocket, Protocol,
};
use crate::telemetry::Counters;

/// A socket that takes so many bytes and then no more until there is room again.
#[derive(Debug, Default)]
struct Narrow {
    taken: Vec<u8>,
    room: usize,
}

impl AsyncWrite for Narrow {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = self.room.min(buf.len());
        if count == 0 {
            return Poll::Pending;
        }
        self.room -= count;
        self.taken.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Narrow {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// hyper may still have the end of a response when the next request gets an interim one.
#[tokio::test]
async fn an_interim_response_is_written_whole_and_between_two_responses() {
    const BEFORE: &[u8] = b"the response before";
    const INTERIM: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    const FINAL: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    for room in 1..80 {
        let permit = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned().unwrap();
        let slot = ConnectionSlot { _of_all: permit, _of_address: None };
        let activity = Activity::new(slot, ConnectionTerms { requests: 1, age: Duration::MAX });
        let counters = Arc::<Counters>::default();
        let mut io =
            CountedSocket::new(Narrow::default(), activity, counters, &Limits::default(), Protocol::Http1);
        let interim = io.interim().expect("HTTP/1.1 has a slot");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut hyper = BEFORE;
        let mut has_started = false;
        // As hyper does: it writes what it has, and flushes once that has left.
        for round in 0..200 {
            io.stream.room = room;
            if round == 0 {
                interim.put(INTERIM);
            }
            while !hyper.is_empty() {
                match Pin::new(&mut io).poll_write_vectored(&mut cx, &[IoSlice::new(hyper)]) {
                    Poll::Ready(written) => hyper = &hyper[written.unwrap()..],
                    Poll::Pending => break,
                }
            }
            if hyper.is_empty() {
                let _flushed = Pin::new(&mut io).poll_flush(&mut cx);
                if !has_started && !interim.is_filled() {
                    (hyper, has_started) = (FINAL, true);
                }
            }
        }
        assert_eq!(io.stream.taken, [BEFORE, INTERIM, FINAL].concat(), "{room} bytes at a time");
    }
}
