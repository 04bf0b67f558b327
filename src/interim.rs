//! Interim responses (1xx) between an upstream and a client of HTTP/1.1 (RFC 9110 §15.2).
//!
//! hyper's server cannot send one. `forward` puts it into the [`InterimSlot`] of the client's connection, and `server` writes
//! it when hyper flushes: hyper's own buffer is empty then, so that the bytes written before end with a whole message. The
//! slot is filled only while a request waits for its final response, and emptied when that begins: an interim response
//! that is not written by then is dropped.
//!
//! HTTP/2 is left out, because hyper gives no access to the frames of its streams.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The interim responses of a connection that wait to be written. A connection belongs to one worker; the lock is there
/// because its stream may be handed to another task.
#[derive(Clone, Debug, Default)]
pub struct InterimSlot(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_filled: AtomicBool,
    heads: Mutex<Vec<u8>>,
}

impl InterimSlot {
    /// Adds the whole head of an interim response, or drops it if there is no room.
    pub fn put(&self, head: &[u8]) {
        let mut heads = self.lock();
        if heads.len() + head.len() <= MAX_BYTES {
            heads.extend_from_slice(head);
            self.0.is_filled.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there is an interim response.
    pub fn is_filled(&self) -> bool {
        self.0.is_filled.load(Ordering::Relaxed)
    }

    /// Takes all of them. They have to be written whole, and before other bytes.
    pub fn take(&self) -> Vec<u8> {
        let mut heads = self.lock();
        self.0.is_filled.store(false, Ordering::Relaxed);
        std::mem::take(&mut *heads)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maximum size of the interim responses of one request that are not written yet.
const MAX_BYTES: usize = 16 * 1024;
