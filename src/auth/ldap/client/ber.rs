//! The Basic Encoding Rules (X.690 §8), as far as LDAP has them (RFC 4511 §5.1): definite lengths, tags below 31.

use zeroize::Zeroizing;

/// Reads elements one after the other, without recursion: the content of a constructed one is read by another reader.
#[derive(Clone, Copy, Debug)]
pub(super) struct BerReader<'b>(&'b [u8]);

/// The rule of LDAP's BER that bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BerError {
    /// An element is longer than the element around it.
    Overlong,
    /// The indefinite form of a length (X.690 §8.1.3.6), which LDAP forbids.
    Indefinite,
    /// A tag above 30. LDAP has none.
    LongTag,
    /// Another element was expected here.
    Unexpected,
    /// A number without a byte, negative, or too large.
    Number,
}

impl BerError {
    /// The broken rule, for the operator.
    pub(super) fn problem(self) -> &'static str {
        match self {
            Self::Overlong => "an element is longer than its surroundings",
            Self::Indefinite => "a length is indefinite",
            Self::LongTag => "a tag is one that LDAP does not have",
            Self::Unexpected => "a message does not have the elements of its kind",
            Self::Number => "a number is none of LDAP",
        }
    }
}

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: u8,
    /// Bytes of tag and length.
    pub(super) size: usize,
    /// Bytes of the content.
    pub(super) content: usize,
}

impl Header {
    /// Reads the header of the element that starts here; `None` if its end is not there yet.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, BerError> {
        let (tag, first) = match bytes {
            [tag, ..] if tag & 0x1f == 0x1f => return Err(BerError::LongTag),
            [] | [_] => return Ok(None),
            [tag, first, ..] => (*tag, *first),
        };
        let number = usize::from(first & 0x7f);
        match first {
            0..=0x7f => Ok(Some(Self { tag, size: 2, content: number })),
            0x80 => Err(BerError::Indefinite),
            // Active Directory writes every length in four bytes. Eight hold any length.
            0x81..=0x88 => {
                let Some(length) = bytes.get(2..2 + number) else { return Ok(None) };
                let length = length.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
                let content = usize::try_from(length).map_err(|_| BerError::Overlong)?;
                Ok(Some(Self { tag, size: 2 + number, content }))
            }
            0x89.. => Err(BerError::Overlong),
        }
    }

    /// Whether the content is made of elements.
    pub(super) fn is_constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    /// Bytes of the whole element.
    pub(super) fn total(&self) -> Result<usize, BerError> {
        self.size.checked_add(self.content).ok_or(BerError::Overlong)
    }
}

impl<'b> BerReader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and its content.
    pub(super) fn element(&mut self) -> Result<(u8, &'b [u8]), BerError> {
        let header = Header::read(self.0)?.ok_or(BerError::Overlong)?;
        let (element, rest) = self.0.split_at_checked(header.total()?).ok_or(BerError::Overlong)?;
        self.0 = rest;
        Ok((header.tag, element.get(header.size..).ok_or(BerError::Overlong)?))
    }

    /// The content of the next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'b [u8], BerError> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(BerError::Unexpected),
        }
    }

    /// The content of the next element if it has this tag; otherwise nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'b [u8]>, BerError> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The next element, constructed, for reading what is in it.
    pub(super) fn inside(&mut self, tag: u8) -> Result<Self, BerError> {
        self.expect(tag).map(Self)
    }

    /// The next element, an INTEGER or ENUMERATED that is not negative. All numbers of LDAP are at most 2³¹ − 1.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, BerError> {
        let content = self.expect(tag)?;
        if content.is_empty() || content.len() > 8 || content.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(BerError::Number);
        }
        let number = content.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        u32::try_from(number).ok().filter(|number| *number <= MAX_INT).ok_or(BerError::Number)
    }
}

/// Writes elements. What was written is wiped when dropped: a bind request holds a password.
#[derive(Debug)]
pub(super) struct BerWriter(Zeroizing<Vec<u8>>);

impl BerWriter {
    /// A vector that grows leaves its old bytes behind, so the capacity for what holds a password is given.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(super) fn primitive(&mut self, tag: u8, content: &[u8]) {
        self.0.push(tag);
        let (length, size) = length_bytes(content.len());
        self.0.extend(length.iter().take(size));
        self.0.extend_from_slice(content);
    }

    pub(super) fn octets(&mut self, content: &[u8]) {
        self.primitive(OCTET_STRING, content);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.primitive(BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    /// An INTEGER or ENUMERATED.
    pub(super) fn number(&mut self, tag: u8, number: u32) {
        let bytes = u64::from(number).to_be_bytes();
        // The first bit is the sign, so a zero byte stays in front of a byte with it.
        let start = (number.leading_zeros() as usize + 31) / 8;
        self.primitive(tag, bytes.get(start..).unwrap_or_default());
    }

    /// An element whose content `write` writes.
    pub(super) fn constructed(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.0.push(tag);
        let start = self.0.len();
        write(self);
        let end = self.0.len();
        let (length, size) = length_bytes(end - start);
        self.0.resize(end + size, 0);
        self.0.copy_within(start..end, start + size);
        for (place, byte) in self.0.iter_mut().skip(start).zip(length.iter().take(size)) {
            *place = *byte;
        }
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// The shortest form of a length, and how many of the bytes it has.
fn length_bytes(length: usize) -> ([u8; 9], usize) {
    let number = (length as u64).to_be_bytes();
    let mut bytes = [0; 9];
    if let Ok(short @ 0..=0x7f) = u8::try_from(length) {
        bytes[0] = short;
        return (bytes, 1);
    }
    let zeros = length.leading_zeros() as usize / 8;
    let needed = number.len() - zeros;
    bytes[0] = 0x80 | u8::try_from(needed).unwrap_or(8);
    for (place, byte) in bytes.iter_mut().skip(1).zip(number.iter().skip(zeros)) {
        *place = *byte;
    }
    (bytes, 1 + needed)
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// RFC 4511 §4.1.1.
const MAX_INT: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut BerWriter)) -> Vec<u8> {
        let mut writer = BerWriter::with_capacity(0);
        write(&mut writer);
        writer.finish().to_vec()
    }

    #[test]
    fn lengths_have_their_shortest_form() {
        for (length, header) in [
            (0, &[4, 0][..]),
            (127, &[4, 0x7f]),
            (128, &[4, 0x81, 0x80]),
            (255, &[4, 0x81, 0xff]),
            (256, &[4, 0x82, 1, 0]),
            (65_536, &[4, 0x83, 1, 0, 0]),
        ] {
            let content = vec![7; length];
            let bytes = written(|to| to.octets(&content));
            assert_eq!(&bytes[..header.len()], header);
            assert_eq!(&bytes[header.len()..], content);
            let within = written(|to| to.constructed(4, |to| to.0.extend_from_slice(&content)));
            assert_eq!(within, bytes);
        }
    }

    #[test]
    fn numbers_have_their_shortest_form() {
        for (number, content) in [
            (0, &[0][..]),
            (1, &[1]),
            (127, &[0x7f]),
            (128, &[0, 0x80]),
            (255, &[0, 0xff]),
            (256, &[1, 0]),
            (32_768, &[0, 0x80, 0]),
            (0x7fff_ffff, &[0x7f, 0xff, 0xff, 0xff]),
        ] {
            let bytes = written(|to| to.number(INTEGER, number));
            assert_eq!(&bytes[2..], content, "{number}");
            assert_eq!(BerReader::new(&bytes).number(INTEGER), Ok(number));
        }
    }

    #[test]
    fn numbers_that_ldap_does_not_have_are_refused() {
        for content in [&[][..], &[0xff], &[0x80, 0, 0, 0], &[0, 0x80, 0, 0, 0], &[1; 9]] {
            let bytes = written(|to| to.primitive(INTEGER, content));
            assert_eq!(BerReader::new(&bytes).number(INTEGER), Err(BerError::Number), "{content:?}");
        }
        let padded = written(|to| to.primitive(INTEGER, &[0, 0, 0, 0, 5]));
        assert_eq!(
            BerReader::new(&padded).number(INTEGER),
            Ok(5),
            "some servers write more zeros than needed"
        );
    }

    #[test]
    fn headers_that_ldap_does_not_have_are_refused() {
        for (bytes, error) in [
            (&[0x30, 0x80][..], BerError::Indefinite),
            (&[0x1f], BerError::LongTag),
            (&[0x7f, 0x21, 0], BerError::LongTag),
            (&[0x30, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1], BerError::Overlong),
            (&[0x30, 0xff], BerError::Overlong),
        ] {
            assert_eq!(Header::read(bytes), Err(error), "{bytes:?}");
        }
        let four_bytes = Header::read(&[0x30, 0x84, 0, 0, 0, 5]);
        assert_eq!(four_bytes, Ok(Some(Header { tag: 0x30, size: 6, content: 5 })));
        for bytes in [&[][..], &[0x30], &[0x30, 0x84, 0, 0]] {
            assert_eq!(Header::read(bytes), Ok(None));
        }
    }

    #[test]
    fn an_element_that_is_longer_than_its_surroundings_is_refused() {
        for bytes in [&[4, 1][..], &[4, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            assert_eq!(BerReader::new(bytes).element(), Err(BerError::Overlong));
        }
    }

    proptest! {
        #[test]
        fn elements_are_read_as_they_were_written(
            elements in prop::collection::vec((0_u8..0x1f, prop::collection::vec(any::<u8>(), 0..300)), 0..10)
        ) {
            let bytes = written(|to| to.constructed(SEQUENCE, |to| {
                for (tag, content) in &elements {
                    to.primitive(*tag, content);
                }
            }));
            let mut outer = BerReader::new(&bytes);
            let mut inner = outer.inside(SEQUENCE).unwrap();
            prop_assert!(outer.is_empty());
            for (tag, content) in &elements {
                prop_assert_eq!(inner.element(), Ok((*tag, content.as_slice())));
            }
            prop_assert!(inner.is_empty());
        }

        #[test]
        fn any_number_is_read_as_it_was_written(number in 0..=MAX_INT) {
            let bytes = written(|to| to.number(ENUMERATED, number));
            prop_assert_eq!(BerReader::new(&bytes).number(ENUMERATED), Ok(number));
        }
    }
}
