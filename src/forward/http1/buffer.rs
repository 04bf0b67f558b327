//! The read buffer that the connections of a worker share.

use std::{cell::RefCell, fmt, mem};

use bytes::BytesMut;

/// A worker's read buffer while no connection reads. A connection that waits holds none: thousands of them need no
/// more memory than the one that is being read from.
#[derive(Default)]
pub(in crate::forward) struct SharedBuffer(RefCell<BytesMut>);

impl SharedBuffer {
    /// Puts a buffer to read into in the place of one that has no room; it may have none either.
    pub(super) fn take(&self, buf: &mut BytesMut) {
        mem::swap(&mut *self.0.borrow_mut(), buf);
    }

    /// Takes a buffer back that nothing is in.
    pub(super) fn give_back(&self, buf: &mut BytesMut) {
        debug_assert!(buf.is_empty(), "what was read belongs to its connection");
        mem::swap(&mut *self.0.borrow_mut(), buf);
        // Another connection had one, too.
        if buf.capacity() > 0 {
            *buf = BytesMut::new();
        }
    }
}

impl fmt::Debug for SharedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBuffer").finish_non_exhaustive()
    }
}
