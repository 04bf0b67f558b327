//! Interim responses of an upstream (RFC 9110 §15.2), passed on to clients of HTTP/1.1.

use super::{header_table::HeaderClass, headers, http1::ResponseHead};
use crate::interim::InterimSlot;

/// The way of one request's interim responses to its client; nothing is left of them when this is dropped.
#[derive(Debug)]
pub(super) struct InterimWay<'a>(Option<&'a InterimSlot>);

impl<'a> InterimWay<'a> {
    /// `None`: the client cannot be sent any.
    pub(super) fn to(slot: Option<&'a InterimSlot>) -> Self {
        Self(slot)
    }

    /// Passes one on; says whether its client's connection has to write it.
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

/// What holds for the headers of a final response holds here. What the gateway completes there, and cannot here, does
/// not pass.
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
