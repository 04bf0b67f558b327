//! Interim responses (RFC 9110 §15.2) of an upstream, for clients of HTTP/1.1.
//!
//! `round_trip` passes them on while it waits for the final response. How they reach the client is left to
//! [`crate::interim`].

use super::{header_table::HeaderClass, headers, http1::ResponseHead};
use crate::interim::InterimSlot;

/// Passes the interim responses of one request to its client. Dropping it removes those that the client has not taken.
#[derive(Debug)]
pub(super) struct InterimWay<'a>(Option<&'a InterimSlot>);

impl<'a> InterimWay<'a> {
    /// `None`: the client cannot receive any.
    pub(super) fn to(slot: Option<&'a InterimSlot>) -> Self {
        Self(slot)
    }

    /// Passes one on; returns whether the client's connection has to write it.
    pub(super) fn pass(&self, head: ResponseHead) -> bool {
        let Some(slot) = self.0 else { return false };
        slot.put(&written(head));
        slot.is_filled()
    }
}

impl Drop for InterimWay<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.0.filter(|slot| slot.is_filled()) {
            drop(slot.take());
        }
    }
}

/// The head as the client receives it: with the headers that would pass in a final response, but for those that mean
/// something only there.
fn written(head: ResponseHead) -> Vec<u8> {
    let ResponseHead { status, mut headers, options, class, .. } = head;
    headers::to_client(&mut headers, &options, class);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in &headers {
        if HeaderClass::of(name).has(HeaderClass::FINAL_ONLY) {
            continue;
        }
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
