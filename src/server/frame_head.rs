//! The head of each HTTP/2 frame, found in bytes that come in any pieces.
//!
//! `http2_guard` follows both directions of a connection with a [`FrameCursor`] each. Of what a frame holds, it reads the
//! error code of `RST_STREAM` and GOAWAY, and passes over the rest.

/// The nine bytes before a frame, and the error code of those that have one.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHead {
    pub(super) len: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) code: u32,
    /// Number of bytes of the frame that this is, up to the end of an error code.
    pub(super) read: usize,
}

impl FrameHead {
    fn of(bytes: &[u8; LOOKED_AT]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, payload @ ..] = *bytes;
        let [r0, r1, r2, r3, g0, g1, g2, g3] = payload;
        let code = if kind == RST_STREAM { [r0, r1, r2, r3] } else { [g0, g1, g2, g3] };
        let len = u32::from_be_bytes([0, l0, l1, l2]);
        let payload = match (kind, len) {
            (RST_STREAM, 4) => 4,
            (GOAWAY, 8..) => 8,
            _ => 0,
        };
        Self {
            len,
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
            code: u32::from_be_bytes(code),
            read: HEAD_BYTES + payload,
        }
    }
}

/// Finds the heads of frames in bytes that come in any pieces.
#[derive(Debug, Default)]
pub(super) struct FrameCursor {
    /// Bytes to pass over: the rest of a frame.
    skip: usize,
    head: [u8; LOOKED_AT],
    have: usize,
}

impl FrameCursor {
    /// At the beginning of what a client sends.
    pub(super) fn after_preface() -> Self {
        Self { skip: PREFACE_BYTES, ..Self::default() }
    }

    /// Whether all that came belongs to frames that have come whole.
    pub(super) fn is_between(&self) -> bool {
        self.skip == 0 && self.have == 0
    }

    /// The next head; the bytes up to its end are taken from `bytes`.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<FrameHead> {
        let skipped = self.skip.min(bytes.len());
        *bytes = bytes.get(skipped..).unwrap_or_default();
        self.skip -= skipped;
        if self.skip > 0 {
            return None;
        }
        // Nearly always all that is ever looked at is there in one piece.
        if self.have == 0
            && let Some(all) = bytes.first_chunk()
        {
            let head = FrameHead::of(all);
            *bytes = bytes.get(head.read..).unwrap_or_default();
            return Some(self.found(head));
        }
        loop {
            let wanted = if self.have < HEAD_BYTES { HEAD_BYTES } else { FrameHead::of(&self.head).read };
            if self.have == wanted {
                self.have = 0;
                return Some(self.found(FrameHead::of(&self.head)));
            }
            let (came, rest) = bytes.split_at((wanted - self.have).min(bytes.len()));
            if came.is_empty() {
                return None;
            }
            *bytes = rest;
            if let Some(places) = self.head.get_mut(self.have..self.have + came.len()) {
                places.copy_from_slice(came);
            }
            self.have += came.len();
        }
    }

    fn found(&mut self, head: FrameHead) -> FrameHead {
        self.skip = (head.len as usize + HEAD_BYTES).saturating_sub(head.read);
        head
    }
}

pub(super) const PREFACE_BYTES: usize = 24;
pub(super) const HEAD_BYTES: usize = 9;
/// Maximum number of bytes of a frame that are read: a GOAWAY up to its debug data.
const LOOKED_AT: usize = 17;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
pub(super) const END_STREAM: u8 = 1;
