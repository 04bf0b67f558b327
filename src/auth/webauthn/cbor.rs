//! A reader of the CBOR that authenticators send (RFC 8949, in the subset of CTAP 2).
//!
//! Mallory chooses every byte. The reader takes definite lengths only, four containers within each other, 4 KiB of input and
//! 128 items, so that it can neither recurse nor allocate without bound. A map with a key that occurs twice is refused: two
//! readers could take one value each. Tags, floating-point numbers and indefinite lengths occur in no structure of WebAuthn.

/// Input that is no CBOR, or more of it than the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no CBOR of an authenticator")]
pub(super) struct BadCbor;

/// One data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'b> {
    /// An integer; CBOR's negative ones go down to -2⁶⁴.
    Integer(i128),
    Bytes(&'b [u8]),
    Text(&'b str),
    Array(Vec<Self>),
    Map(Map<'b>),
    Boolean(bool),
    Null,
}

/// A map whose keys are integers and texts, each of them once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map<'b>(Vec<(Item<'b>, Item<'b>)>);

/// Reads items one after the other.
pub(super) struct Reader<'b> {
    rest: &'b [u8],
    items_left: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Result<Self, BadCbor> {
        if bytes.len() > MAX_BYTES {
            return Err(BadCbor);
        }
        Ok(Self { rest: bytes, items_left: MAX_ITEMS })
    }

    /// The bytes that have not been read.
    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// The next item, which is a map.
    pub(super) fn map(&mut self) -> Result<Map<'b>, BadCbor> {
        match self.item(MAX_DEPTH)? {
            Item::Map(map) => Ok(map),
            _ => Err(BadCbor),
        }
    }

    /// The next item, with at most `depth` containers within each other.
    fn item(&mut self, depth: usize) -> Result<Item<'b>, BadCbor> {
        self.items_left = self.items_left.checked_sub(1).ok_or(BadCbor)?;
        let (major, argument) = self.head()?;
        match major {
            0 => Ok(Item::Integer(argument.into())),
            1 => Ok(Item::Integer(-1 - i128::from(argument))),
            2 => self.take(argument).map(Item::Bytes),
            3 => std::str::from_utf8(self.take(argument)?).map(Item::Text).map_err(|_| BadCbor),
            4 => self.array(argument, depth.checked_sub(1).ok_or(BadCbor)?),
            5 => self.entries(argument, depth.checked_sub(1).ok_or(BadCbor)?),
            7 => match argument {
                FALSE => Ok(Item::Boolean(false)),
                TRUE => Ok(Item::Boolean(true)),
                NULL => Ok(Item::Null),
                _ => Err(BadCbor),
            },
            _ => Err(BadCbor),
        }
    }

    fn array(&mut self, length: u64, depth: usize) -> Result<Item<'b>, BadCbor> {
        // Grows as items arrive: the length is a claim of the sender.
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(self.item(depth)?);
        }
        Ok(Item::Array(items))
    }

    fn entries(&mut self, length: u64, depth: usize) -> Result<Item<'b>, BadCbor> {
        let mut entries: Vec<(Item<'b>, Item<'b>)> = Vec::new();
        for _ in 0..length {
            let key = self.item(0)?;
            let is_key = matches!(key, Item::Integer(_) | Item::Text(_));
            if !is_key || entries.iter().any(|(other, _)| *other == key) {
                return Err(BadCbor);
            }
            entries.push((key, self.item(depth)?));
        }
        Ok(Item::Map(Map(entries)))
    }

    /// The major type of the next item and its argument (RFC 8949 §3).
    fn head(&mut self) -> Result<(u8, u64), BadCbor> {
        let (first, rest) = self.rest.split_first().ok_or(BadCbor)?;
        self.rest = rest;
        let major = first >> 5;
        let argument = match first & 0x1f {
            short @ 0..=23 => return Ok((major, short.into())),
            // Behind major type 7 there are floating-point numbers and simple values that nobody has defined.
            _ if major == 7 => return Err(BadCbor),
            24 => u64::from(u8::from_be_bytes(self.chunk()?)),
            25 => u64::from(u16::from_be_bytes(self.chunk()?)),
            26 => u64::from(u32::from_be_bytes(self.chunk()?)),
            27 => u64::from_be_bytes(self.chunk()?),
            _ => return Err(BadCbor),
        };
        Ok((major, argument))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], BadCbor> {
        let (chunk, rest) = self.rest.split_first_chunk().ok_or(BadCbor)?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], BadCbor> {
        let length = usize::try_from(length).map_err(|_| BadCbor)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BadCbor)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'b> Map<'b> {
    /// The value of an integer key.
    pub(super) fn at(&self, key: i128) -> Option<&Item<'b>> {
        self.find(&Item::Integer(key))
    }

    /// The value of a text key.
    pub(super) fn named(&self, key: &str) -> Option<&Item<'b>> {
        self.0
            .iter()
            .find(|(found, _)| matches!(found, Item::Text(text) if *text == key))
            .map(|(_, value)| value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &Item<'_>) -> Option<&Item<'b>> {
        self.0.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }
}

impl<'b> Item<'b> {
    pub(super) fn bytes(&self) -> Option<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

const MAX_BYTES: usize = 4096;
const MAX_ITEMS: usize = 128;
const MAX_DEPTH: usize = 4;

const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn read(bytes: &[u8]) -> Result<Map<'_>, BadCbor> {
        let mut reader = Reader::new(bytes)?;
        let map = reader.map()?;
        if reader.rest().is_empty() { Ok(map) } else { Err(BadCbor) }
    }

    #[test]
    fn maps_are_read() {
        // {1: 2, -7: h'0102', "fmt": "none", "a": [true, false, null, {}], 300: -300}
        let bytes =
            b"\xa5\x01\x02\x26\x42\x01\x02\x63fmt\x64none\x61a\x84\xf5\xf4\xf6\xa0\x19\x01\x2c\x39\x01\x2b";
        let map = read(bytes).unwrap();
        assert_eq!(map.at(1).and_then(Item::integer), Some(2));
        assert_eq!(map.at(-7).and_then(Item::bytes), Some(&[1, 2][..]));
        assert_eq!(map.named("fmt"), Some(&Item::Text("none")));
        assert!(matches!(map.named("a"), Some(Item::Array(items)) if items.len() == 4));
        assert_eq!(map.at(300).and_then(Item::integer), Some(-300));
        assert!(map.at(2).is_none() && map.named("b").is_none());
        assert!(read(b"\xa0").unwrap().is_empty());
    }

    #[test]
    fn the_rest_behind_an_item_is_left() {
        let mut reader = Reader::new(b"\xa1\x01\x02rest").unwrap();
        reader.map().unwrap();
        assert_eq!(reader.rest(), b"rest");
    }

    #[test]
    fn input_that_is_no_cbor_of_an_authenticator_is_refused() {
        let deep = [&b"\xa1\x01"[..]; 5].concat();
        let table: &[(&str, &[u8])] = &[
            ("nothing", b""),
            ("no map", b"\x01"),
            ("a key twice", b"\xa2\x01\x02\x01\x03"),
            ("a key twice in two spellings", b"\xa2\x01\x02\x18\x01\x03"),
            ("a text key twice", b"\xa2\x61a\x02\x61a\x03"),
            ("a key of bytes", b"\xa1\x41\x01\x01"),
            ("a key that is a map", b"\xa1\xa0\x01"),
            ("an indefinite map", b"\xbf\x01\x02\xff"),
            ("indefinite bytes", b"\xa1\x01\x5f\x41\x01\xff"),
            ("an indefinite array", b"\xa1\x01\x9f\xff"),
            ("a tag", b"\xa1\x01\xc0\x01"),
            ("a float", b"\xa1\x01\xf9\x00\x00"),
            ("undefined", b"\xa1\x01\xf7"),
            ("a simple value of two bytes", b"\xa1\x01\xf8\x15"),
            ("a reserved length", b"\xa1\x01\x1c"),
            ("no value", b"\xa1\x01"),
            ("too few bytes", b"\xa1\x01\x42\x01"),
            ("bytes of 2^64 - 1", b"\xa1\x01\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("an array of 2^64 - 1", b"\xa1\x01\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("a map of 2^64 - 1", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("text that is no UTF-8", b"\xa1\x01\x61\xff"),
            ("five containers", &[&deep, &b"\x01"[..]].concat()),
            ("more behind it", b"\xa0\x00"),
        ];
        for (name, bytes) in table {
            assert_eq!(read(bytes), Err(BadCbor), "{name}");
        }
        let four = [&[&b"\xa1\x01"[..]; 4].concat()[..], b"\x01"].concat();
        assert!(read(&four).is_ok());
    }

    #[test]
    fn the_size_and_the_number_of_items_are_bounded() {
        let bytes = |length: u16| {
            let mut map = b"\xa1\x01\x59".to_vec();
            map.extend(length.to_be_bytes());
            map.extend(vec![0; length.into()]);
            map
        };
        assert!(read(&bytes(4091)).is_ok());
        assert!(read(&bytes(4092)).is_err());
        let items = |length: u8| [&[0xa1, 0x01, 0x98, length][..], &vec![0; length.into()]].concat();
        // The map, its key and the array are items, too.
        assert!(read(&items(125)).is_ok());
        assert!(read(&items(126)).is_err());
    }

    /// Writes an item; lengths below 65,536.
    fn write(item: &Written, to: &mut Vec<u8>) {
        match item {
            Written::Integer(integer) if *integer >= 0 => head(0, integer.unsigned_abs(), to),
            Written::Integer(integer) => head(1, (-1 - integer).unsigned_abs(), to),
            Written::Bytes(bytes) => {
                head(2, bytes.len() as u64, to);
                to.extend(bytes);
            }
            Written::Array(items) => {
                head(4, items.len() as u64, to);
                for item in items {
                    write(item, to);
                }
            }
        }
    }

    fn head(major: u8, argument: u64, to: &mut Vec<u8>) {
        let [.., high, low] = argument.to_be_bytes();
        match argument {
            0..=23 => to.push((major << 5) | low),
            24..=0xff => to.extend([(major << 5) | 0x18, low]),
            0x100..=0xffff => to.extend([(major << 5) | 0x19, high, low]),
            _ => {
                to.push((major << 5) | 0x1b);
                to.extend(argument.to_be_bytes());
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Written {
        Integer(i64),
        Bytes(Vec<u8>),
        Array(Vec<Self>),
    }

    impl PartialEq<Written> for Item<'_> {
        fn eq(&self, other: &Written) -> bool {
            match (self, other) {
                (Self::Integer(one), Written::Integer(other)) => *one == i128::from(*other),
                (Self::Bytes(one), Written::Bytes(other)) => one == other,
                (Self::Array(one), Written::Array(other)) => {
                    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
                }
                _ => false,
            }
        }
    }

    proptest! {
        #[test]
        fn written_items_are_read_back(
            value in prop_oneof![
                any::<i64>().prop_map(Written::Integer),
                vec(any::<u8>(), 0..600).prop_map(Written::Bytes),
                vec(any::<i64>().prop_map(Written::Integer), 0..30).prop_map(Written::Array),
            ],
            key in any::<i64>(),
        ) {
            let mut bytes = vec![0xa1];
            write(&Written::Integer(key), &mut bytes);
            write(&value, &mut bytes);
            let map = read(&bytes).unwrap();
            prop_assert_eq!(map.at(key.into()), map.find(&Item::Integer(key.into())));
            prop_assert!(*map.at(key.into()).unwrap() == value);
            // A part of it is refused.
            prop_assert!(read(&bytes[..bytes.len() - 1]).is_err());
        }

        #[test]
        fn random_bytes_neither_panic_nor_leave_more_than_they_had(bytes in vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes).unwrap();
            if reader.map().is_ok() {
                prop_assert!(bytes.ends_with(reader.rest()));
            }
        }
    }
}
