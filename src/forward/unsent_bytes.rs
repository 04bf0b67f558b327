//! The response bytes of an HTTP/2 connection that its client does not take.
//!
//! The server counts them with [`UnsentBytes`], one for each client connection; `download` reads in small pieces while
//! there are many.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Number of response bytes that were handed to a client connection and are not sent. They stay in memory while a client
/// opens no window for its streams (RFC 9113 §5.2).
#[derive(Clone, Debug, Default)]
pub struct UnsentBytes(Arc<AtomicUsize>);

/// Bytes that are counted until they were sent, or their stream was reset.
struct Counted<G> {
    data: Bytes,
    unsent: UnsentBytes,
    _held: G,
}

impl UnsentBytes {
    /// Counts these bytes until they were sent, and drops `held` then.
    pub fn hold<G: Send + 'static>(&self, data: Bytes, held: G) -> Bytes {
        self.0.fetch_add(data.len(), Ordering::Relaxed);
        Bytes::from_owner(Counted { data, unsent: self.clone(), _held: held })
    }

    /// Whether there are so many that a stream should add small pieces only.
    pub(super) fn is_much(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MUCH_BYTES
    }
}

impl<G> AsRef<[u8]> for Counted<G> {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl<G> Drop for Counted<G> {
    fn drop(&mut self) {
        self.unsent.0.fetch_sub(self.data.len(), Ordering::Relaxed);
    }
}

/// The size of the connection's own window, which a client that reads fills.
const MUCH_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_piece_is_dropped() {
        let (unsent, held) = (UnsentBytes::default(), Arc::new(()));
        let mut bytes = unsent.hold(Bytes::from(vec![1; MUCH_BYTES + 1]), Arc::clone(&held));
        let first = bytes.split_to(1);
        assert!(unsent.is_much());
        drop(bytes);
        assert!(unsent.is_much() && Arc::strong_count(&held) == 2);
        drop(first);
        assert!(!unsent.is_much() && Arc::strong_count(&held) == 1);
    }
}
