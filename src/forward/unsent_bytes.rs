//! What a connection's HTTP/2 streams hold for a client that does not take it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// How many bytes of responses have been handed to a connection that has not sent them. A client that gives its streams
/// no room (RFC 9113 §5.2) has them stay there.
#[derive(Clone, Debug, Default)]
pub struct UnsentBytes(Arc<AtomicUsize>);

/// Bytes that are counted until they have been sent, or their stream was reset.
struct Counted<G> {
    data: Bytes,
    unsent: UnsentBytes,
    _held: G,
}

impl UnsentBytes {
    /// Counts these bytes until they have been sent, and drops `held` then.
    pub fn hold<G: Send + 'static>(&self, data: Bytes, held: G) -> Bytes {
        self.0.fetch_add(data.len(), Ordering::Relaxed);
        Bytes::from_owner(Counted { data, unsent: self.clone(), _held: held })
    }

    /// Whether it is so much that no stream should add a large piece to it.
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

/// As much as the connection's own window is, which clients fill that read.
const MUCH_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_the_last_piece_of_them_is_dropped() {
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
