//! The header blocks that an HTTP/2 client sends, checked for what h2 forgives and for their size.
//!
//! h2 silently drops pseudo-header fields in trailers, and `http` silently cuts a fragment off `:path`. RFC 9113 (§8.1,
//! §8.3) calls such a request malformed: a proxy in front that reads it otherwise has judged another request.
//! `http2_guard` has [`HeaderBlocks`] read the bytes before h2 does. A malformed field is changed in place into one that h2
//! refuses, which resets the stream and leaves the connection's other streams alone. A block that is larger than it may be
//! when it is unpacked ends the connection, before h2 unpacks it. Every other fault of a block is h2's to refuse.

use super::{
    frame_head::{CONTINUATION, END_STREAM, HEAD_BYTES, HEADERS, PREFACE_BYTES},
    hpack::{HpackBlock, HpackTable},
};

/// Follows the header blocks of one connection.
#[derive(Debug)]
pub(super) struct HeaderBlocks {
    frame: FrameReader,
    table: HpackTable,
    block: HpackBlock,
    /// The highest stream that the client has opened.
    last_stream: u32,
    /// Maximum size of a block, unpacked.
    max_bytes: usize,
}

/// The reason why a header block ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockFault {
    /// Trailers have pseudo-header fields, and the stream alone can't be reset for it: h2 has their first frame already.
    PseudoInTrailers,
    /// It is larger than it may be.
    TooLarge,
}

/// Finds the frames, and in them the parts of header blocks.
#[derive(Debug)]
struct FrameReader {
    head: [u8; HEAD_BYTES],
    have: usize,
    /// Bytes that belong to no header block: of another frame, of a priority, of the length of the padding.
    skip: usize,
    /// Bytes of a header block that are still to come in this frame.
    block: usize,
    /// Padding after them.
    padding: usize,
    /// The frame has a length of its padding, which has not come yet.
    is_padded: bool,
}

impl HeaderBlocks {
    /// At the beginning of a connection; blocks may have `max_bytes`, unpacked.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            frame: FrameReader {
                head: [0; HEAD_BYTES],
                have: 0,
                skip: PREFACE_BYTES,
                block: 0,
                padding: 0,
                is_padded: false,
            },
            table: HpackTable::new(),
            block: HpackBlock::new(false),
            last_stream: 0,
            max_bytes,
        }
    }

    /// Follows what the client sends, and changes what h2 would forgive into what it refuses.
    pub(super) fn follow(&mut self, bytes: &mut [u8]) -> Result<(), BlockFault> {
        let (mut at, mut flags_at) = (0, None);
        while at < bytes.len() {
            if self.frame.skip > 0 {
                let skipped = self.frame.skip.min(bytes.len() - at);
                self.frame.skip -= skipped;
                at += skipped;
            } else if self.frame.is_padded {
                let padding = bytes.get(at).copied().map_or(0, usize::from);
                self.frame.pad(padding);
                at += 1;
            } else if self.frame.block > 0 {
                let len = self.frame.block.min(bytes.len() - at);
                self.frame.block -= len;
                if let Some(part) = bytes.get_mut(at..at + len) {
                    self.block.follow(part, &mut self.table);
                }
                at += len;
                if self.block.size > self.max_bytes {
                    return Err(BlockFault::TooLarge);
                }
                if std::mem::take(&mut self.block.has_pseudo) && self.block.is_trailers {
                    refuse_trailers(bytes, flags_at)?;
                }
                if self.frame.block == 0 {
                    self.frame.skip = std::mem::take(&mut self.frame.padding);
                }
            } else {
                let missing = HEAD_BYTES - self.frame.have;
                let came = missing.min(bytes.len() - at);
                if let (Some(room), Some(came)) = (
                    self.frame.head.get_mut(self.frame.have..self.frame.have + came),
                    bytes.get(at..at + came),
                ) {
                    room.copy_from_slice(came);
                }
                at += came;
                self.frame.have += came;
                if self.frame.have == HEAD_BYTES {
                    self.frame.have = 0;
                    if let Some(stream) = self.frame.begin() {
                        // The flags stand five bytes before the end of the head; they may have come before.
                        flags_at = at.checked_sub(HEAD_BYTES - FLAGS);
                        self.block = HpackBlock::new(stream <= self.last_stream);
                        self.last_stream = self.last_stream.max(stream);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Trailers that do not end their stream are malformed (RFC 9113 §8.1), which h2 knows.
fn refuse_trailers(bytes: &mut [u8], flags_at: Option<usize>) -> Result<(), BlockFault> {
    let flags = flags_at.and_then(|at| bytes.get_mut(at)).ok_or(BlockFault::PseudoInTrailers)?;
    *flags &= !END_STREAM;
    Ok(())
}

impl FrameReader {
    /// The head of a frame has come; returns the stream of a header block that begins with it.
    fn begin(&mut self) -> Option<u32> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = self.head;
        let len = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        match kind {
            HEADERS => {
                self.block = len;
                self.padding = 0;
                self.is_padded = flags & PADDED != 0 && len > 0;
                if !self.is_padded && flags & PRIORITY != 0 {
                    self.skip_priority();
                }
                Some(stream)
            }
            CONTINUATION => {
                self.block = len;
                None
            }
            _ => {
                self.skip = len;
                None
            }
        }
    }

    fn pad(&mut self, padding: usize) {
        self.is_padded = false;
        let [.., flags, _, _, _, _] = self.head;
        self.block = self.block.saturating_sub(1);
        // h2 ends the connection for more padding than there is frame.
        self.padding = padding.min(self.block);
        self.block -= self.padding;
        if flags & PRIORITY != 0 {
            self.skip_priority();
        }
        if self.block == 0 {
            self.skip += std::mem::take(&mut self.padding);
        }
    }

    fn skip_priority(&mut self) {
        self.skip = PRIORITY_BYTES.min(self.block);
        self.block -= self.skip;
    }
}

/// Where in the head of a frame its flags stand.
const FLAGS: usize = 4;
const PRIORITY_BYTES: usize = 5;

const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 100_000;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    fn head(block: &[u8]) -> Vec<u8> {
        [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(HEADERS, 5, 1, block)].concat()
    }

    /// Follows the bytes in one piece and one by one, and returns what they have become.
    fn follow(bytes: &[u8]) -> Vec<u8> {
        let mut whole = bytes.to_vec();
        HeaderBlocks::new(MAX).follow(&mut whole).unwrap();
        let (mut single, mut blocks) = (bytes.to_vec(), HeaderBlocks::new(MAX));
        for byte in single.chunks_mut(1) {
            blocks.follow(byte).unwrap();
        }
        assert_eq!(whole, single);
        whole
    }

    #[test]
    fn a_fragment_in_a_path_becomes_what_no_path_may_have() {
        // `/a#b` as it is; with the name written out; `/#` in Huffman code.
        for (block, refused) in [
            (&b"\x04\x04/a#b"[..], &b"\x04\x04/a>b"[..]),
            (b"\x44\x04/a#b", b"\x44\x04/a>b"),
            (b"\x14\x04/a#b", b"\x14\x04/a>b"),
            (b"\x00\x05:path\x04/a#b", b"\x00\x05:path\x04/a>b"),
            (b"\x00\x84\xb9\x58\xd3\x3f\x04/a#b", b"\x00\x84\xb9\x58\xd3\x3f\x04/a>b"),
            (b"\x04\x83\x63\xfe\xbf", b"\x04\x83\x63\xfe\xff"),
        ] {
            assert_eq!(follow(&head(block)), head(refused), "{block:x?}");
        }
        // In the table, and named from there.
        let block = b"\x44\x02/a\x7e\x03/#b";
        assert_eq!(follow(&head(block)), head(b"\x44\x02/a\x7e\x03/>b"));
        for fine in
            [&b"\x04\x04/a?b"[..], b"\x00\x05path:\x04/a#b", b"\x00\x07referer\x04/a#b", b"\x0f\x24\x02/#"]
        {
            assert_eq!(follow(&head(fine)), head(fine), "{fine:x?}");
        }
    }

    #[test]
    fn a_fragment_is_found_behind_priority_padding_and_in_a_continuation() {
        let padded = [&[2, 0, 0, 0, 0, 9][..], b"\x04\x02/#", &[0, 0]].concat();
        let refused = [&[2, 0, 0, 0, 0, 9][..], b"\x04\x02/>", &[0, 0]].concat();
        let of = |payload: &[u8]| [vec![0; 24], frame(HEADERS, 4 | PADDED | PRIORITY, 1, payload)].concat();
        assert_eq!(follow(&of(&padded)), of(&refused));
        let of = |rest: &[u8]| {
            [
                vec![0; 24],
                frame(HEADERS, 0, 1, b"\x04"),
                frame(CONTINUATION, 0, 1, b"\x02/"),
                frame(CONTINUATION, 4, 1, rest),
            ]
            .concat()
        };
        assert_eq!(follow(&of(b"#")), of(b">"));
    }

    #[test]
    fn trailers_with_a_pseudo_header_field_lose_their_end() {
        for trailers in
            [&b"\x84"[..], b"\x04\x01/", b"\x00\x05:path\x01/", b"\x00\x02:x\x01y", b"\x0f\x10\x01y\x8e"]
        {
            let of = |flags| {
                [
                    head(b"\x83"),
                    frame(0, 0, 1, b"x"),
                    frame(HEADERS, flags, 1, trailers),
                    frame(HEADERS, 5, 3, b"\x84"),
                ]
                .concat()
            };
            let mut bytes = of(5);
            HeaderBlocks::new(MAX).follow(&mut bytes).unwrap();
            assert_eq!(bytes, of(4), "{trailers:x?}");
            let (mut blocks, bytes) = (HeaderBlocks::new(MAX), of(5));
            assert!(bytes.iter().any(|byte| blocks.follow(&mut [*byte]).is_err()));
        }
        let fine = [head(b"\x83"), frame(HEADERS, 5, 1, b"\x00\x01x\x01y")].concat();
        assert_eq!(follow(&fine), fine);
    }

    #[test]
    fn a_block_is_too_large_by_what_it_unpacks_to() {
        // A field of 3,000 bytes goes into the table, and is named again in one byte each.
        let mut bomb = vec![0x40, 1, b'x', 127, 0xb9, 0x16];
        bomb.extend([b'y'; 3000]);
        let size = 1 + 3000 + 32;
        for (more, fits) in [(MAX / size - 1, true), (MAX / size, false)] {
            let mut bytes = head(&[&bomb[..], &vec![0xbe; more]].concat());
            let (mut whole, mut single) = (HeaderBlocks::new(MAX), HeaderBlocks::new(MAX));
            let in_pieces = bytes.clone().iter_mut().try_for_each(|byte| single.follow(&mut [*byte]));
            assert_eq!(in_pieces.is_ok(), fits);
            assert_eq!(whole.follow(&mut bytes), if fits { Ok(()) } else { Err(BlockFault::TooLarge) });
        }
        // The length that a string announces counts before the string comes.
        let mut announced = head(b"\x00\x01x\x7f\xff\xff\xff\x7f");
        assert_eq!(HeaderBlocks::new(MAX).follow(&mut announced), Err(BlockFault::TooLarge));
    }

    proptest! {
        /// Any bytes, in any pieces, are followed without a panic, and only fragments and flags are changed.
        #[test]
        fn any_bytes_are_followed(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(1..40_usize, 1..50)) {
            let mut input = [vec![0; 24], frame(HEADERS, 4, 1, &bytes), bytes].concat();
            let before = input.clone();
            let mut blocks = HeaderBlocks::new(MAX);
            let (mut rest, mut cuts) = (&mut input[..], cuts.into_iter().cycle());
            while !rest.is_empty() {
                let cut = cuts.next().unwrap().min(rest.len());
                let (piece, others) = rest.split_at_mut(cut);
                blocks.follow(piece).ok();
                rest = others;
            }
            let changed = before.iter().zip(&input).filter(|(before, after)| before != after);
            for (before, after) in changed {
                prop_assert!(*before == b'#' || before | (before ^ after) == *after || before & END_STREAM == END_STREAM);
            }
        }
    }
}
