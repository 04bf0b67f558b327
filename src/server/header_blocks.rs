//! The header blocks that an HTTP/2 client sends, looked through for what h2 forgives.
//!
//! h2 drops pseudo-header fields in trailers, and `http` cuts a fragment off `:path`, both without a word. RFC 9113
//! (§8.1, §8.3) calls such a request malformed: a proxy in front that reads it otherwise has judged another request.
//! [`HeaderBlocks`] reads the bytes before h2 does, as HPACK (RFC 7541), and only as far as it must: where each field
//! begins, which fields are pseudo-header fields, and what stands in `:path`. What it finds it changes in place into
//! what h2 refuses, which resets the stream and leaves the connection's other streams alone.
//!
//! It does not judge anything else. A block that makes no sense is h2's to refuse.

use std::collections::VecDeque;

use memchr::memchr;

/// Follows the header blocks of one connection.
#[derive(Debug)]
pub(super) struct HeaderBlocks {
    frame: FrameReader,
    table: Table,
    block: Block,
    /// The highest stream that the client has opened.
    last_stream: u32,
    /// How large a block may be, unpacked.
    max_bytes: usize,
}

/// Why a connection ends for a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockFault {
    /// Trailers have pseudo-header fields, and the stream alone can't be reset for it: their first frame is gone already.
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

/// The dynamic table (RFC 7541 §2.3.2), as far as it matters here.
#[derive(Debug)]
struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    name_len: usize,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Field,
    Pseudo,
    Path,
}

/// Where in a header block the reader is.
#[derive(Debug)]
struct Block {
    is_trailers: bool,
    has_pseudo: bool,
    /// What its fields count so far (RFC 7541 §4.1). Text in Huffman code counts as it comes, which is five eighths of its
    /// length or more (appendix B: no code has less than five bits).
    size: usize,
    part: Part,
    /// Of the field that is being read.
    is_indexed: bool,
    name: Name,
    name_len: usize,
}

#[derive(Debug)]
enum Part {
    /// The first byte of a field.
    Field,
    /// The index of a field, or of a name.
    Index { number: Integer, of: Indexed },
    /// A new maximum of the table's size.
    Resize { number: Integer },
    /// The first byte of a string.
    Length { of: Text },
    /// The rest of its length.
    LongLength { number: Integer, is_huffman: bool, of: Text },
    /// The string.
    Text {
        of: Text,
        bytes: usize,
        left: usize,
        len: usize,
        huffman: Option<Huffman>,
        start: [u8; PATH.len()],
    },
    /// What was read made no sense. h2 ends the connection for it.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexed {
    Field,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Name,
    Value,
}

/// An integer that has begun (RFC 7541 §5.1).
#[derive(Clone, Copy, Debug)]
struct Integer {
    value: usize,
    shift: u32,
}

/// An integer is larger than any that makes sense.
struct TooLarge;

/// A string in Huffman code that has begun.
#[derive(Clone, Copy, Debug, Default)]
struct Huffman {
    bits: u64,
    count: u32,
}

impl HeaderBlocks {
    /// At the beginning of a connection whose blocks may be so large.
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
            table: Table { entries: VecDeque::new(), size: 0, max: TABLE_BYTES },
            block: Block::new(false),
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
                        self.block = Block::new(stream <= self.last_stream);
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
        // More than there is ends the connection.
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

impl Block {
    fn new(is_trailers: bool) -> Self {
        Self {
            is_trailers,
            has_pseudo: false,
            size: 0,
            part: Part::Field,
            is_indexed: false,
            name: Name::Field,
            name_len: 0,
        }
    }

    fn follow(&mut self, mut bytes: &mut [u8], table: &mut Table) {
        while let Some(first) = bytes.first().copied() {
            let mut read = 1;
            match &mut self.part {
                Part::Field => self.begin_field(first, table),
                Part::Index { number, of } => {
                    let of = *of;
                    match number.add(first) {
                        Err(TooLarge) => self.part = Part::Lost,
                        Ok(None) => {}
                        Ok(Some(index)) => self.indexed(index, of, table),
                    }
                }
                Part::Resize { number } => match number.add(first) {
                    Err(TooLarge) => self.part = Part::Lost,
                    Ok(None) => {}
                    Ok(Some(max)) => self.resize(max, table),
                },
                Part::Length { of } => {
                    let (is_huffman, of) = (first & 0x80 != 0, *of);
                    match Integer::begin(first, 7) {
                        Ok(len) => self.begin_text(len, is_huffman, of, table),
                        Err(number) => self.part = Part::LongLength { number, is_huffman, of },
                    }
                }
                Part::LongLength { number, is_huffman, of } => {
                    let (is_huffman, of) = (*is_huffman, *of);
                    match number.add(first) {
                        Err(TooLarge) => self.part = Part::Lost,
                        Ok(None) => {}
                        Ok(Some(len)) => self.begin_text(len, is_huffman, of, table),
                    }
                }
                Part::Text { of, bytes: all, left, len, huffman, start } => {
                    read = bytes.len().min(*left);
                    let seen = PATH.len().min(*all - *left);
                    let is_whole = read == *all;
                    if let Some(text) = bytes.get_mut(..read) {
                        if *of == Text::Name {
                            start.iter_mut().skip(seen).zip(&*text).for_each(|(to, byte)| *to = *byte);
                        }
                        let is_path = *of == Text::Value && self.name == Name::Path;
                        // The length of what goes into the table is that of the text itself.
                        let counts = self.is_indexed;
                        match huffman {
                            None => {
                                *len += read;
                                if is_path && let Some(fragment) = memchr(b'#', text) {
                                    replace(text, fragment, NO_PATH);
                                }
                            }
                            Some(_) if is_whole && !counts && !(is_path && may_hold_fragment(text)) => {
                                *len += read;
                            }
                            Some(huffman) => {
                                for byte in text {
                                    *len += huffman.push(byte, is_path);
                                }
                            }
                        }
                    }
                    *left -= read;
                    if *left == 0 {
                        let (of, len) = (*of, *len);
                        let name = name_of(*start, huffman.is_some());
                        self.text_ended(of, len, name, table);
                    }
                }
                Part::Lost => return,
            }
            bytes = bytes.get_mut(read..).unwrap_or_default();
        }
    }

    /// RFC 7541 §6.
    fn begin_field(&mut self, first: u8, table: &mut Table) {
        let (prefix, of) = match first {
            0x80.. => (7, Indexed::Field),
            0x40.. => (6, Indexed::Name),
            0x20.. => {
                match Integer::begin(first, 5) {
                    Ok(max) => self.resize(max, table),
                    Err(number) => self.part = Part::Resize { number },
                }
                return;
            }
            _ => (4, Indexed::Name),
        };
        self.is_indexed = matches!(first, 0x40..0x80);
        match Integer::begin(first, prefix) {
            Ok(index) => self.indexed(index, of, table),
            Err(number) => self.part = Part::Index { number, of },
        }
    }

    fn indexed(&mut self, index: usize, of: Indexed, table: &Table) {
        if of == Indexed::Name && index == 0 {
            self.size += ENTRY_BYTES;
            self.part = Part::Length { of: Text::Name };
            return;
        }
        let Some(Entry { name, name_len, size }) = table.entry(index) else {
            self.part = Part::Lost;
            return;
        };
        self.has_pseudo |= name != Name::Field;
        (self.name, self.name_len) = (name, name_len);
        (self.size, self.part) = match of {
            Indexed::Field => (self.size + size, Part::Field),
            Indexed::Name => (self.size + name_len + ENTRY_BYTES, Part::Length { of: Text::Value }),
        };
    }

    fn resize(&mut self, max: usize, table: &mut Table) {
        self.part = if table.resize(max) { Part::Field } else { Part::Lost };
    }

    fn begin_text(&mut self, len: usize, is_huffman: bool, of: Text, table: &mut Table) {
        if len == 0 {
            self.text_ended(of, 0, Name::Field, table);
            return;
        }
        self.size += len;
        let huffman = is_huffman.then(Huffman::default);
        self.part = Part::Text { of, bytes: len, left: len, len: 0, huffman, start: [0; PATH.len()] };
    }

    fn text_ended(&mut self, of: Text, len: usize, name: Name, table: &mut Table) {
        match of {
            Text::Name => {
                self.has_pseudo |= name != Name::Field;
                (self.name, self.name_len) = (name, len);
                self.part = Part::Length { of: Text::Value };
            }
            Text::Value => {
                if self.is_indexed {
                    let size = self.name_len + len + ENTRY_BYTES;
                    table.add(Entry { name: self.name, name_len: self.name_len, size });
                }
                self.part = Part::Field;
            }
        }
    }
}

/// What a name is that begins with these bytes.
fn name_of(start: [u8; PATH.len()], is_huffman: bool) -> Name {
    let [first, ..] = start;
    match is_huffman {
        false if start == *PATH => Name::Path,
        false if first == b':' => Name::Pseudo,
        true if start.starts_with(&PATH_IN_HUFFMAN) => Name::Path,
        // The seven bits of a colon.
        true if first >> 1 == 0x5c => Name::Pseudo,
        _ => Name::Field,
    }
}

/// Whether text in Huffman code may hold `#`. Its code begins with nine ones, which are in two neighbouring bytes; what has
/// no such bytes need not be decoded.
fn may_hold_fragment(text: &[u8]) -> bool {
    let neighbours = text.iter().zip(text.iter().skip(1));
    neighbours.into_iter().any(|(one, next)| one.trailing_ones() + next.leading_ones() >= 9)
}

fn replace(text: &mut [u8], from: usize, by: u8) {
    if let Some(byte) = text.get_mut(from) {
        *byte = by;
    }
}

impl Integer {
    /// The whole integer, or its beginning.
    fn begin(first: u8, prefix: u32) -> Result<usize, Self> {
        let most = (1_usize << prefix) - 1;
        let value = usize::from(first) & most;
        if value < most { Ok(value) } else { Err(Self { value, shift: 0 }) }
    }

    /// Adds a byte; the whole integer, if that was its last one.
    fn add(&mut self, byte: u8) -> Result<Option<usize>, TooLarge> {
        if self.shift > MAX_SHIFT {
            return Err(TooLarge);
        }
        self.value += (usize::from(byte) & 0x7f) << self.shift;
        self.shift += 7;
        Ok((byte & 0x80 == 0).then_some(self.value))
    }
}

impl Huffman {
    /// Adds a byte; returns how many characters ended in it. A `#` in a path becomes what no path may have.
    fn push(&mut self, byte: &mut u8, is_path: bool) -> usize {
        self.bits = self.bits << 8 | u64::from(*byte);
        self.count += 8;
        let mut ended = 0;
        loop {
            // At the top of 32 bits; what has not come yet are zeros.
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

impl Table {
    /// The entry at this index. The values of the static table do not count: none has more than 13 bytes.
    fn entry(&self, index: usize) -> Option<Entry> {
        let in_static = index.checked_sub(1)?;
        if let Some(len) = STATIC_NAMES.get(in_static) {
            let name = match index {
                4 | 5 => Name::Path,
                ..=14 => Name::Pseudo,
                _ => Name::Field,
            };
            let name_len = usize::from(*len);
            return Some(Entry { name, name_len, size: name_len + ENTRY_BYTES });
        }
        self.entries.get(in_static - STATIC_NAMES.len()).copied()
    }

    fn add(&mut self, entry: Entry) {
        self.size += entry.size;
        self.entries.push_front(entry);
        self.evict();
    }

    fn resize(&mut self, max: usize) -> bool {
        self.max = max.min(TABLE_BYTES);
        self.evict();
        max <= TABLE_BYTES
    }

    /// RFC 7541 §4.3: an entry larger than the table empties it.
    fn evict(&mut self) {
        while self.size > self.max
            && let Some(oldest) = self.entries.pop_back()
        {
            self.size -= oldest.size;
        }
    }
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

/// How long the names of the static table are (RFC 7541 appendix A).
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13,
    12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3,
    16,
];

const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
/// Where in the head of a frame its flags stand.
const FLAGS: usize = 4;
const PRIORITY_BYTES: usize = 5;
/// `SETTINGS_HEADER_TABLE_SIZE`, which h2 leaves at its default.
const TABLE_BYTES: usize = 4096;
/// What an entry counts beside its name and value (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;
/// An integer of more than four bytes after its first is larger than any block.
const MAX_SHIFT: u32 = 21;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const PATH: &[u8; 5] = b":path";
const PATH_IN_HUFFMAN: [u8; 4] = [0xb9, 0x58, 0xd3, 0x3f];
/// In no path or query: `http` refuses it.
const NO_PATH: u8 = b'>';
/// Of `#`.
const FRAGMENT_CODE: u64 = 0xffa;
const FRAGMENT_BITS: u32 = 12;

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

    /// What becomes of the bytes, in one piece and in single bytes.
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

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    /// RFC 7541 appendix C.3 and C.4.
    #[test]
    fn the_table_grows_as_in_the_examples_of_the_rfc() {
        for blocks in [
            [
                "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
                "8286 84be 5808 6e6f 2d63 6163 6865",
                "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
            ],
            [
                "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
                "8286 84be 5886 a8eb 1064 9cbf",
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
            ],
        ] {
            let mut table = Table { entries: VecDeque::new(), size: 0, max: TABLE_BYTES };
            for (block, size) in blocks.into_iter().zip([57, 110, 164]) {
                let mut reader = Block::new(false);
                reader.follow(&mut hex(block), &mut table);
                assert!(matches!(reader.part, Part::Field), "{reader:?}");
                assert_eq!(table.size, size);
            }
            assert_eq!(table.entries.len(), 3);
        }
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
        let size = 1 + 3000 + ENTRY_BYTES;
        for (more, fits) in [(MAX / size - 1, true), (MAX / size, false)] {
            let mut bytes = head(&[&bomb[..], &vec![0xbe; more]].concat());
            let (mut whole, mut single) = (HeaderBlocks::new(MAX), HeaderBlocks::new(MAX));
            let in_pieces = bytes.clone().iter_mut().try_for_each(|byte| single.follow(&mut [*byte]));
            assert_eq!(in_pieces.is_ok(), fits);
            assert_eq!(whole.follow(&mut bytes), if fits { Ok(()) } else { Err(BlockFault::TooLarge) });
        }
        // By the length that a string announces, before it comes.
        let mut announced = head(b"\x00\x01x\x7f\xff\xff\xff\x7f");
        assert_eq!(HeaderBlocks::new(MAX).follow(&mut announced), Err(BlockFault::TooLarge));
    }

    proptest! {
        /// Whatever comes, in whatever pieces, nothing but what it is for is changed, and nothing panics.
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
