//! Floods of HTTP/2 frames, counted as they pass by.
//!
//! h2 reads every frame that a client sends, and replies where the protocol wants a reply. A PING or SETTINGS costs the client
//! nothing and the gateway a reply each; a stream that is reset costs the gateway a request whose response is thrown away. Sent
//! by the million, they are a flood. `counted_socket` has [`Http2Guard`] follow what is read and what is written; it ends the
//! connection at the first frame that is one too many of its kind. It reads the nine bytes before each frame (RFC 9113 §4.1)
//! and has [`HeaderBlocks`] read header blocks; other contents of frames are h2's to judge.
//!
//! Frames on the way out count too, because a client can make the *gateway* reset its streams (CVE-2025-8671), by whatever
//! trick.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    frame_head::{
        CONTINUATION, DATA, END_STREAM, FrameCursor, FrameHead, GOAWAY, HEAD_BYTES, HEADERS, PING,
        RST_STREAM, SETTINGS, WINDOW_UPDATE,
    },
    header_blocks::{BlockFault, HeaderBlocks},
    limits::{Http2Limits, Limits},
};
use crate::telemetry::Limit;

/// Follows the frames of one connection, both ways.
#[derive(Debug)]
pub(super) struct Http2Guard {
    limits: Http2Limits,
    incoming: FrameCursor,
    outgoing: FrameCursor,
    blocks: HeaderBlocks,
    /// The error with which the connection ends (RFC 9113 §7).
    error: u32,
    /// CONTINUATION frames of the head that is being read.
    continuations: u32,
    recent: Recent,
    /// The highest stream that the client has opened.
    last_stream: u32,
    /// How many it has opened.
    opened: u32,
    /// Streams whose response has started and not ended; never more than there may be streams.
    responding: Vec<u32>,
    /// The streams that the client has reset last: their responses may be on their way out already.
    reset: [u32; REMEMBERED_RESETS],
    next_reset: usize,
}

/// A client sent more frames of a kind than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood {
    /// The limit that it exceeded.
    pub(super) limit: Limit,
    /// The number of bytes before the frame that was one too many.
    pub(super) before: usize,
}

/// An action that h2 took against a client by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByH2 {
    /// It enforced this limit.
    Limit(Limit),
    /// It reset a stream, or ended the connection, because of a malformed request.
    Malformed,
}

/// The counts of the ten seconds since `start`.
#[derive(Debug)]
struct Recent {
    start: Instant,
    resets: u32,
    settings: u32,
    pings: u32,
    window_updates: u32,
    empty_frames: u32,
    priorities: u32,
    /// Bytes of bodies that went out.
    sent: u64,
}

impl Http2Guard {
    /// At the beginning of a connection.
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.http2,
            incoming: FrameCursor::after_preface(),
            outgoing: FrameCursor::default(),
            blocks: HeaderBlocks::new(max_head_bytes(limits)),
            error: ENHANCE_YOUR_CALM,
            continuations: 0,
            recent: Recent::new(Instant::now()),
            last_stream: 0,
            opened: 0,
            responding: Vec::new(),
            reset: [0; REMEMBERED_RESETS],
            next_reset: 0,
        }
    }

    /// Looks through the header blocks that a client sends, and has h2 refuse what it would forgive.
    pub(super) fn check_blocks(&mut self, bytes: &mut [u8]) -> Result<(), BlockFault> {
        self.blocks.follow(bytes).inspect_err(|fault| {
            if *fault == BlockFault::PseudoInTrailers {
                self.error = PROTOCOL_ERROR;
            }
        })
    }

    /// Follows what the client sends.
    pub(super) fn follow_incoming(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        let mut rest = bytes;
        loop {
            let Some(head) = self.incoming.next(&mut rest) else { return Ok(()) };
            if let Some(limit) = self.count(head) {
                // The frame may have started in bytes that h2 has already.
                let before = (bytes.len() - rest.len()).saturating_sub(head.read);
                return Err(Flood { limit, before });
            }
        }
    }

    /// Follows what the gateway sends; calls `by_h2` for each action that h2 took by itself.
    pub(super) fn follow_outgoing(&mut self, bytes: &[u8], mut by_h2: impl FnMut(ByH2)) {
        let mut rest = bytes;
        while let Some(head) = self.outgoing.next(&mut rest) {
            match head.kind {
                DATA => self.recent.sent += u64::from(head.len),
                RST_STREAM if head.code == REFUSED_STREAM => by_h2(ByH2::Limit(Limit::Http2Streams)),
                RST_STREAM if head.code == PROTOCOL_ERROR => by_h2(ByH2::Malformed),
                GOAWAY if head.code == ENHANCE_YOUR_CALM => by_h2(ByH2::Limit(Limit::Http2Resets)),
                // Among others, for a block that cannot be read.
                GOAWAY if head.code == PROTOCOL_ERROR || head.code == COMPRESSION_ERROR => {
                    by_h2(ByH2::Malformed);
                }
                _ => {}
            }
            if head.kind == RST_STREAM {
                self.recent.resets = self.recent.resets.saturating_add(1);
            }
            let ends = matches!(head.kind, DATA | HEADERS) && head.flags & END_STREAM != 0;
            if ends || head.kind == RST_STREAM {
                self.stream_ended(head.stream);
            } else if head.kind == HEADERS
                && !self.responding.contains(&head.stream)
                && !self.reset.contains(&head.stream)
            {
                self.responding.push(head.stream);
            }
        }
    }

    /// How many responses have started to go out, and are not out whole.
    pub(super) fn unfinished(&self) -> usize {
        self.responding.len()
    }

    /// How many streams the client has opened, wrapping around.
    pub(super) fn opened(&self) -> u32 {
        self.opened
    }

    /// The GOAWAY for a client that sends too much, or what it must not (RFC 9113 §6.8); `None` within another frame.
    pub(super) fn goaway(&self) -> Option<[u8; GOAWAY_BYTES]> {
        self.outgoing.is_between().then(|| {
            let mut frame = [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            let payload = self.last_stream.to_be_bytes().into_iter().chain(self.error.to_be_bytes());
            frame.iter_mut().skip(HEAD_BYTES).zip(payload).for_each(|(place, byte)| *place = byte);
            frame
        })
    }

    /// Which limit this frame is beyond.
    fn count(&mut self, head: FrameHead) -> Option<Limit> {
        if head.kind == HEADERS {
            self.continuations = 0;
            if head.stream > self.last_stream {
                self.last_stream = head.stream;
                self.opened = self.opened.wrapping_add(1);
            }
            return None;
        }
        if head.kind == DATA && (head.len > 0 || head.flags & END_STREAM != 0) {
            return None;
        }
        if head.kind == CONTINUATION {
            self.continuations += 1;
            return (self.continuations > self.limits.continuations).then_some(Limit::Http2Continuations);
        }
        if head.kind == RST_STREAM {
            self.stream_ended(head.stream);
            if let Some(place) = self.reset.get_mut(self.next_reset) {
                *place = head.stream;
            }
            self.next_reset = (self.next_reset + 1) % REMEMBERED_RESETS;
        }
        self.recent.go_on(Instant::now());
        let Self { recent, limits, .. } = self;
        let earned = u32::try_from(recent.sent / BYTES_FOR_ONE_UPDATE).unwrap_or(u32::MAX);
        let (count, most, limit) = match head.kind {
            DATA => (&mut recent.empty_frames, limits.empty_frames, Limit::Http2EmptyFrames),
            RST_STREAM => (&mut recent.resets, limits.resets, Limit::Http2Resets),
            SETTINGS => (&mut recent.settings, limits.settings, Limit::Http2Settings),
            PING => (&mut recent.pings, limits.pings, Limit::Http2Pings),
            WINDOW_UPDATE => (
                &mut recent.window_updates,
                limits.window_updates.saturating_add(earned),
                Limit::Http2WindowUpdates,
            ),
            _ => (&mut recent.priorities, limits.priorities, Limit::Http2Priorities),
        };
        *count = count.saturating_add(1);
        let beyond = *count > most;
        // Resets by the gateway are in the same count, and not every one of them follows a frame that is counted.
        let reset_by_gateway = recent.resets > limits.resets;
        if beyond { Some(limit) } else { reset_by_gateway.then_some(Limit::Http2Resets) }
    }

    /// Whether the gateway had to reset more streams than a client may have reset.
    pub(super) fn resets_too_many(&mut self) -> bool {
        self.recent.resets > self.limits.resets && {
            self.recent.go_on(Instant::now());
            self.recent.resets > self.limits.resets
        }
    }

    fn stream_ended(&mut self, stream: u32) {
        if let Some(place) = self.responding.iter().position(|other| *other == stream) {
            self.responding.swap_remove(place);
        }
    }
}

/// How large a head may be, unpacked, to be read and refused with a page. The connection ends for a larger one.
fn max_head_bytes(limits: &Limits) -> usize {
    READ_TO_REFUSE.saturating_mul(limits.header_size)
}

/// How large a head may be for h2: larger than what [`HeaderBlocks`] lets pass, whatever its Huffman code unpacks to.
pub(super) fn max_header_list_size(limits: &Limits) -> u32 {
    u32::try_from(max_head_bytes(limits).saturating_mul(2)).unwrap_or(u32::MAX)
}

impl Recent {
    fn new(start: Instant) -> Self {
        Self {
            start,
            resets: 0,
            settings: 0,
            pings: 0,
            window_updates: 0,
            empty_frames: 0,
            priorities: 0,
            sent: 0,
        }
    }

    fn go_on(&mut self, now: Instant) {
        if now.duration_since(self.start) >= WINDOW {
            // Updates arrive after what they are for has been sent.
            *self = Self { sent: self.sent / 2, ..Self::new(now) };
        }
    }
}

/// A GOAWAY without a reason in words.
pub(super) const GOAWAY_BYTES: usize = 17;
/// How many times larger than it may be a head is read.
const READ_TO_REFUSE: usize = 3;
const WINDOW: Duration = Duration::from_secs(10);
/// More than fit into what h2 has written and the socket has not taken.
const REMEMBERED_RESETS: usize = 32;
const BYTES_FOR_ONE_UPDATE: u64 = 512;

const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn preface() -> Vec<u8> {
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()
    }

    /// The frame that is one too many, however the bytes are cut into pieces.
    fn flood(bytes: &[u8]) -> Option<Flood> {
        let whole = Http2Guard::new(&Limits::default()).follow_incoming(bytes).err();
        let mut guard = Http2Guard::new(&Limits::default());
        let single = bytes.iter().find_map(|byte| guard.follow_incoming(&[*byte]).err());
        assert_eq!(whole.map(|flood| flood.limit), single.map(|flood| flood.limit));
        whole
    }

    #[test]
    fn one_more_than_allowed_is_too_much_of_each_kind() {
        let limits = Http2Limits::default();
        for (one, most, limit) in [
            (frame(SETTINGS, 0, 0, &[0; 6]), limits.settings, Limit::Http2Settings),
            (frame(SETTINGS, 1, 0, &[]), limits.settings, Limit::Http2Settings),
            (frame(PING, 0, 0, &[0; 8]), limits.pings, Limit::Http2Pings),
            (frame(RST_STREAM, 0, 1, &[0; 4]), limits.resets, Limit::Http2Resets),
            (frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), limits.window_updates, Limit::Http2WindowUpdates),
            (frame(DATA, 0, 1, &[]), limits.empty_frames, Limit::Http2EmptyFrames),
            (frame(2, 0, 1, &[0; 5]), limits.priorities, Limit::Http2Priorities),
            (frame(0x10, 0, 0, &[0; 5]), limits.priorities, Limit::Http2Priorities),
            (frame(0xee, 0, 0, &[]), limits.priorities, Limit::Http2Priorities),
            (frame(CONTINUATION, 0, 1, &[]), limits.continuations, Limit::Http2Continuations),
        ] {
            let most = usize::try_from(most).unwrap();
            let allowed = [preface(), one.repeat(most)].concat();
            assert_eq!(flood(&allowed), None, "{limit:?}");
            let found = flood(&[allowed.clone(), one].concat()).unwrap();
            assert_eq!(found, Flood { limit, before: allowed.len() });
        }
    }

    #[test]
    fn frames_that_hold_something_are_not_counted() {
        let head = frame(HEADERS, 4, 1, &[0x88]);
        let data = [frame(DATA, 0, 1, b"x"), frame(DATA, END_STREAM, 1, &[])].concat();
        let block = [frame(HEADERS, 0, 1, &[]), frame(CONTINUATION, 4, 1, &[])].concat();
        for fine in [head, data, block] {
            assert_eq!(flood(&[preface(), fine.repeat(10_000)].concat()), None);
        }
    }

    #[test]
    fn a_client_that_is_sent_much_may_send_many_window_updates() {
        let update = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 2, 0]);
        let mut guard = Http2Guard::new(&Limits::default());
        guard.follow_incoming(&preface()).unwrap();
        for _ in 0..100_000 {
            guard.follow_outgoing(&frame(DATA, 0, 1, &[0; 512]), |_| {});
            assert_eq!(guard.follow_incoming(&update), Ok(()));
        }
    }

    #[test]
    fn streams_that_the_gateway_had_to_reset_count_too() {
        let mut guard = Http2Guard::new(&Limits::default());
        guard.follow_incoming(&preface()).unwrap();
        let resets = frame(RST_STREAM, 0, 1, &[0, 0, 0, 1]);
        for _ in 0..Http2Limits::default().resets {
            assert!(!guard.resets_too_many());
            guard.follow_outgoing(&resets, |by_h2| assert_eq!(by_h2, ByH2::Malformed));
        }
        guard.follow_outgoing(&resets, |_| {});
        assert!(guard.resets_too_many());
    }

    #[test]
    fn the_limits_that_h2_enforces_are_seen_on_the_way_out() {
        let mut by_h2 = Vec::new();
        let mut guard = Http2Guard::new(&Limits::default());
        let refused = frame(RST_STREAM, 0, 7, &REFUSED_STREAM.to_be_bytes());
        let calm =
            |why: &[u8]| frame(GOAWAY, 0, 0, &[&[0; 4], &ENHANCE_YOUR_CALM.to_be_bytes(), why].concat());
        for byte in [refused, calm(b"too_many_resets")].concat() {
            guard.follow_outgoing(&[byte], |action| by_h2.push(action));
        }
        assert_eq!(by_h2, [ByH2::Limit(Limit::Http2Streams), ByH2::Limit(Limit::Http2Resets)]);
    }

    #[test]
    fn a_response_is_unfinished_until_its_end_or_a_reset() {
        let mut guard = Http2Guard::new(&Limits::default());
        guard.follow_incoming(&preface()).unwrap();
        for stream in [1, 3, 5, 7] {
            guard.follow_outgoing(&frame(HEADERS, 4, stream, &[0x88]), |_| {});
        }
        assert_eq!(guard.unfinished(), 4);
        guard.follow_outgoing(&frame(DATA, END_STREAM, 1, b"x"), |_| {});
        guard.follow_outgoing(&frame(RST_STREAM, 0, 3, &[0; 4]), |_| {});
        guard.follow_incoming(&frame(RST_STREAM, 0, 5, &[0; 4])).unwrap();
        assert_eq!(guard.unfinished(), 1);
        // One that was written already when the reset came.
        guard.follow_incoming(&frame(RST_STREAM, 0, 9, &[0; 4])).unwrap();
        guard.follow_outgoing(&frame(HEADERS, 4, 9, &[0x88]), |_| {});
        assert_eq!(guard.unfinished(), 1);
    }

    #[test]
    fn a_goaway_is_written_only_between_frames() {
        let mut guard = Http2Guard::new(&Limits::default());
        guard.follow_incoming(&[preface(), frame(HEADERS, 4, 9, &[])].concat()).unwrap();
        assert_eq!(guard.goaway().unwrap(), *frame(GOAWAY, 0, 0, &[0, 0, 0, 9, 0, 0, 0, 11]));
        guard.follow_outgoing(&frame(DATA, 0, 1, b"xyz")[..10], |_| {});
        assert_eq!(guard.goaway(), None);
    }
}
