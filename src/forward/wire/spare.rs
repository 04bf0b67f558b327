//! Memory that is lent to whichever connection of a worker has something to read or to say.

use std::{
    cell::{Cell, RefCell},
    fmt, mem,
    pin::Pin,
};

use bytes::BytesMut;
use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep_until};

/// A worker's spare buffers. A connection that waits holds none: thousands of them need no more
/// memory than the one that is being read from.
#[derive(Default)]
pub(in crate::forward) struct Spare {
    read: RefCell<BytesMut>,
    head: Cell<Vec<u8>>,
    /// `None` and not an empty one, because that would have to be dropped.
    headers: Cell<Option<HeaderMap>>,
    sleeps: RefCell<Vec<Pin<Box<Sleep>>>>,
}

impl Spare {
    /// Puts a buffer to read into in the place of one that has no room; it may have none either.
    pub(super) fn take_read(&self, buf: &mut BytesMut) {
        mem::swap(&mut *self.read.borrow_mut(), buf);
    }

    /// Takes a buffer back that nothing is in.
    pub(super) fn keep_read(&self, buf: &mut BytesMut) {
        debug_assert!(buf.is_empty(), "what was read belongs to its connection");
        mem::swap(&mut *self.read.borrow_mut(), buf);
        // Another connection had one, too.
        if buf.capacity() > 0 {
            *buf = BytesMut::new();
        }
    }

    /// A buffer to write a head into.
    pub(in crate::forward) fn take_head(&self) -> Vec<u8> {
        let mut head = self.head.take();
        head.clear();
        head
    }

    /// Gives it back.
    pub(in crate::forward) fn keep_head(&self, head: Vec<u8>) {
        if (1..=MAX_KEPT_HEAD).contains(&head.capacity()) {
            self.head.set(head);
        }
    }

    /// A map to put headers into, with room for about as many as there usually are.
    pub(super) fn take_headers(&self) -> HeaderMap {
        self.headers.take().unwrap_or_default()
    }

    /// Gives a map back, whatever is in it: that of a request becomes that of the next answer.
    pub(in crate::forward) fn keep_headers(&self, mut headers: HeaderMap) {
        if headers.capacity() <= MAX_KEPT_HEADERS {
            headers.clear();
            self.headers.set(Some(headers));
        }
    }

    /// A timer that goes off when `due`, or before: most never do, and to be put off by whom it wakes too early is the
    /// cheapest. To set one up and to take it down costs five times as much as to use it again.
    pub(in crate::forward) fn take_sleep(&self, due: Instant) -> Pin<Box<Sleep>> {
        match self.sleeps.borrow_mut().pop() {
            Some(mut sleep) => {
                if sleep.is_elapsed() || sleep.deadline() > due {
                    sleep.as_mut().reset(due);
                }
                sleep
            }
            None => Box::pin(sleep_until(due)),
        }
    }

    /// Gives it back, whether it has gone off or not. Until it does, or is used again, it has the waker of whoever
    /// used it last, which is why few are kept.
    pub(in crate::forward) fn keep_sleep(&self, sleep: Pin<Box<Sleep>>) {
        let mut sleeps = self.sleeps.borrow_mut();
        if sleeps.len() < MAX_KEPT_SLEEPS {
            sleeps.push(sleep);
        }
    }
}

impl fmt::Debug for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

const MAX_KEPT_HEAD: usize = 64 * 1024;
const MAX_KEPT_HEADERS: usize = 96;
const MAX_KEPT_SLEEPS: usize = 16;
