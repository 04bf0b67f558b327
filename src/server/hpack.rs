//! The fields of a header block (RFC 7541), read as far as `header_blocks` must: where each begins, which are
//! pseudo-header fields, how large they are together, and whether `:path` has a fragment.
//!
//! The dynamic table is followed, because fields are named by their place in it; of its entries, only the kind of the name
//! and the lengths are kept. A block that makes no sense is h2's to refuse.

use std::collections::VecDeque;

use memchr::memchr;

use super::huffman::{Huffman, may_hold_fragment};

/// The dynamic table (RFC 7541 §2.3.2), without the text of its entries.
#[derive(Debug)]
pub(super) struct HpackTable {
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
pub(super) struct HpackBlock {
    pub(super) is_trailers: bool,
    /// Whether a pseudo-header field has come.
    pub(super) has_pseudo: bool,
    /// The size of its fields so far (RFC 7541 §4.1). Text in Huffman code counts with the length of its code, which is at
    /// least five eighths of the text's (appendix B: no code has less than five bits).
    pub(super) size: usize,
    part: Part,
    /// The field that is being read goes into the table.
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
    /// The block makes no sense. h2 ends the connection for it.
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

/// An integer that has come in part (RFC 7541 §5.1).
#[derive(Clone, Copy, Debug)]
struct Integer {
    value: usize,
    shift: u32,
}

/// An integer is larger than any block.
struct TooLarge;

impl HpackBlock {
    /// At the beginning of a block.
    pub(super) fn new(is_trailers: bool) -> Self {
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

    /// Follows the next bytes of the block, and changes a fragment in `:path` into what `http` refuses.
    pub(super) fn follow(&mut self, mut bytes: &mut [u8], table: &mut HpackTable) {
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
                        // The size of an entry of the table counts the text itself, not its code.
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
    fn begin_field(&mut self, first: u8, table: &mut HpackTable) {
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

    fn indexed(&mut self, index: usize, of: Indexed, table: &HpackTable) {
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

    fn resize(&mut self, max: usize, table: &mut HpackTable) {
        self.part = if table.resize(max) { Part::Field } else { Part::Lost };
    }

    fn begin_text(&mut self, len: usize, is_huffman: bool, of: Text, table: &mut HpackTable) {
        if len == 0 {
            self.text_ended(of, 0, Name::Field, table);
            return;
        }
        self.size += len;
        let huffman = is_huffman.then(Huffman::default);
        self.part = Part::Text { of, bytes: len, left: len, len: 0, huffman, start: [0; PATH.len()] };
    }

    fn text_ended(&mut self, of: Text, len: usize, name: Name, table: &mut HpackTable) {
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

/// The kind of a name, by its first bytes.
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

impl HpackTable {
    /// The table at the beginning of a connection.
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), size: 0, max: TABLE_BYTES }
    }

    /// The entry at this index. Values of the static table count as empty; none has more than 13 bytes.
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

/// How long the names of the static table are (RFC 7541 appendix A).
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14, 16, 13,
    12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10, 25, 17, 10, 4, 3,
    16,
];

/// `SETTINGS_HEADER_TABLE_SIZE`, which h2 leaves at its default.
const TABLE_BYTES: usize = 4096;
/// The size of an entry beyond its name and value (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;
/// An integer of more than four bytes after its first is larger than any block.
const MAX_SHIFT: u32 = 21;

const PATH: &[u8; 5] = b":path";
const PATH_IN_HUFFMAN: [u8; 4] = [0xb9, 0x58, 0xd3, 0x3f];
/// In no path or query: `http` refuses it.
const NO_PATH: u8 = b'>';

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut table = HpackTable::new();
            for (block, size) in blocks.into_iter().zip([57, 110, 164]) {
                let mut reader = HpackBlock::new(false);
                reader.follow(&mut hex(block), &mut table);
                assert!(matches!(reader.part, Part::Field), "{reader:?}");
                assert_eq!(table.size, size);
            }
            assert_eq!(table.entries.len(), 3);
        }
    }
}
