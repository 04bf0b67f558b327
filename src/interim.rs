//! Interim responses (1xx) on their way from an upstream to a client of HTTP/1.1 (RFC 9110 §15.2).
//!
//! hyper's server cannot send one. `forward` leaves it in the [`InterimSlot`] of the client's connection, and that
//! connection takes it out when hyper flushes: hyper's own buffer is empty by then, so the bytes that went
//! out before end with a whole message. The slot is filled only while a request waits for its final response, and
//! is emptied when that begins: an interim response that its client has not taken by then is dropped.
//!
//! Responses over HTTP/2 are left out, because hyper gives no access to their streams.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Where a connection's interim responses wait to be written. A connection belongs to one worker; the lock is
/// there because its stream may be handed to another task, and is taken only where there is something to pass.
#[derive(Clone, Debug, Default)]
pub struct InterimSlot(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_filled: AtomicBool,
    heads: Mutex<Vec<u8>>,
}

impl InterimSlot {
    /// Leaves the whole head of an interim response. One that finds no room is dropped.
    pub fn put(&self, head: &[u8]) {
        let mut heads = self.lock();
        if heads.len() + head.len() <= MAX_BYTES {
            heads.extend_from_slice(head);
            self.0.is_filled.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is something to take.
    pub fn is_filled(&self) -> bool {
        self.0.is_filled.load(Ordering::Relaxed)
    }

    /// Takes everything out; all of it has to be written, and before anything else.
    pub fn take(&self) -> Vec<u8> {
        let mut heads = self.lock();
        self.0.is_filled.store(false, Ordering::Relaxed);
        std::mem::take(&mut *heads)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the interim responses of one request that its client has not taken.
const MAX_BYTES: usize = 16 * 1024;
