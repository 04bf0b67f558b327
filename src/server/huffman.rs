//! The Huffman code of HPACK (RFC 7541 appendix B), as far as `hpack` must read it: how long a text is, and whether it
//! holds `#`.
//!
//! No text is decoded. A `#` in a path is changed in place into `>`, whose code is the next one.

/// A string in Huffman code that has come in part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Huffman {
    bits: u64,
    count: u32,
}

impl Huffman {
    /// Adds a byte; returns how many characters ended in it. A `#` in a path becomes `>`.
    pub(super) fn push(&mut self, byte: &mut u8, is_path: bool) -> usize {
        self.bits = self.bits << 8 | u64::from(*byte);
        self.count += 8;
        let mut ended = 0;
        loop {
            // The next bits, at the top of 32; zeros stand for those that have not come yet.
            let window = if self.count >= 32 {
                self.bits >> (self.count - 32)
            } else {
                self.bits << (32 - self.count)
            };
            let window = window & u64::from(u32::MAX);
            let Some((len, _)) = CODES.iter().find(|(_, end)| window < *end) else { return ended };
            if *len > self.count {
                return ended;
            }
            self.count -= len;
            if is_path && *len == FRAGMENT_BITS && window >> (32 - FRAGMENT_BITS) == FRAGMENT_CODE {
                // The code of `>` is the next one. Its last bit is in this byte.
                *byte |= 1 << self.count;
            }
            self.bits &= (1 << self.count) - 1;
            ended += 1;
        }
    }
}

/// Whether text in Huffman code may hold `#`. The code of `#` begins with nine ones, which are in two neighbouring bytes; text
/// without such bytes is not read further.
pub(super) fn may_hold_fragment(text: &[u8]) -> bool {
    let neighbours = text.iter().zip(text.iter().skip(1));
    neighbours.into_iter().any(|(one, next)| one.trailing_ones() + next.leading_ones() >= 9)
}

/// The codes of RFC 7541 appendix B come in order of their lengths: where, in 32 bits, those of a length end.
const CODES: [(u32, u64); 21] = {
    let lengths = [
        (5, 10),
        (6, 26),
        (7, 32),
        (8, 6),
        (10, 5),
        (11, 3),
        (12, 2),
        (13, 6),
        (14, 2),
        (15, 3),
        (19, 3),
        (20, 8),
        (21, 13),
        (22, 26),
        (23, 29),
        (24, 12),
        (25, 4),
        (26, 15),
        (27, 19),
        (28, 29),
        (30, 4),
    ];
    let mut codes = [(0, 0); 21];
    let (mut rest, mut from): (&[(u32, u64)], u64) = (&lengths, 0);
    let mut places: &mut [(u32, u64)] = &mut codes;
    while let ([(len, count), others @ ..], [place, more @ ..]) = (rest, places) {
        from += *count << (32 - *len);
        *place = (*len, from);
        (rest, places) = (others, more);
    }
    codes
};

/// The code of `#`, and its length.
const FRAGMENT_CODE: u64 = 0xffa;
const FRAGMENT_BITS: u32 = 12;
