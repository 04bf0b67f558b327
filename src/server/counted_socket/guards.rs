//! The two guards of what is read: for HTTP/1.1 and for HTTP/2.

use tokio::io::ReadBuf;

use super::{
    super::{header_blocks::BlockFault, http1_guard::Followed, http2_guard::Flood},
    CountedSocket,
};
use crate::telemetry::Limit;

impl<T> CountedSocket<T> {
    /// The first byte that [`Http1Guard`](super::super::http1_guard::Http1Guard) refuses is replaced by a NUL, which hyper refuses wherever it stands:
    /// in a head with 400, in a body by breaking it off. Nothing is read from the socket after it. What comes behind a request that
    /// wants another protocol is held back: it may be bytes of that protocol, in which no line ends as it must.
    pub(super) fn guard_http1(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        if self.activity.is_switched() {
            self.http1 = None;
        }
        let Some(guard) = &mut self.http1 else { return };
        let read = buf.filled().get(before..).unwrap_or_default();
        let followed = guard.follow_to_upgrade(read);
        // hyper is about to refuse it, and does not say which of the two limits it was.
        if guard.most_fields() > self.max_headers && self.activity.note_many_fields() {
            self.counters.reached(Limit::MaxHeaders);
        }
        match followed {
            Followed::All => {}
            Followed::Upgrade(end) => {
                self.held.hold(read.get(end..).unwrap_or_default());
                self.activity.hold();
                buf.set_filled(before + end);
            }
            Followed::Misplaced(misplaced) => {
                // hyper refuses the request line as a whole, and the rest of the head is there for the access log.
                let passed_on = if guard.is_in_request_line() { read.len() } else { misplaced + 1 };
                if let Some(byte) = buf.filled_mut().get_mut(before + misplaced) {
                    *byte = 0;
                }
                buf.set_filled(before + passed_on);
                self.ended = true;
            }
        }
    }

    /// From the frame of HTTP/2 on that is one too many, or that holds what must not be, nothing is read.
    pub(super) fn guard_http2(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let Some(guard) = &mut self.http2 else { return };
        let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if let Err(fault) = guard.check_blocks(read) {
            buf.set_filled(before);
            if fault == BlockFault::TooLarge {
                self.counters.reached(Limit::HeaderSize);
                self.activity.note_large_head();
            }
            tracing::debug!(?fault, "HTTP/2 connection closed for a header block");
            self.ended = true;
            return;
        }
        let followed = match guard.follow_incoming(read) {
            Ok(()) if guard.resets_too_many() => Err(Flood { limit: Limit::Http2Resets, before: 0 }),
            followed => followed,
        };
        if let Err(Flood { limit, before: fine }) = followed {
            buf.set_filled(before + fine);
            self.counters.reached(limit);
            tracing::debug!(limit = limit.as_str(), "HTTP/2 connection closed for too many frames of a kind");
            self.ended = true;
        }
    }
}
