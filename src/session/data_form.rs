//! Changes of session data, as an application writes them into header fields.
//!
//! A field is a list (RFC 9110 §5.6.1) of `application/x-www-form-urlencoded` text, because some frameworks send two
//! fields as one, with a comma in between. Text that no form encoder would have written is refused, and with it the
//! whole change: an application that forgot to encode `Tom & Jerry` should find that in the log, and not half a name in
//! the session.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::DataChange;

/// Why a change cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedChange {
    /// A pair without `=`, or a key to delete with one.
    #[error("a pair is not written as key=value, or a key to delete is")]
    Shape,
    /// A pair, or a key to delete, whose key is empty.
    #[error("a key is empty")]
    EmptyKey,
    /// `%` without two digits, a space, a byte that is not ASCII, or no UTF-8 once decoded.
    #[error("the text is not form-encoded UTF-8")]
    Encoding,
    /// A control character, once decoded.
    #[error("the text holds a control character")]
    Control,
    /// More than any change could be.
    #[error("more than {MAX_CHANGE_BYTES} bytes are to be changed at once")]
    TooLarge,
}

impl DataChange {
    /// Reads the fields that set pairs and those that delete keys, whole or not at all. Empty text between two separators
    /// is left out.
    pub fn parse<'h>(
        set: impl Iterator<Item = &'h [u8]> + Clone,
        delete: impl Iterator<Item = &'h [u8]> + Clone,
    ) -> Result<Self, MalformedChange> {
        let bytes: usize = set.clone().chain(delete.clone()).map(<[u8]>::len).sum();
        if bytes > MAX_CHANGE_BYTES {
            return Err(MalformedChange::TooLarge);
        }
        Ok(Self {
            set: set.flat_map(pieces).map(pair).collect::<Result<_, _>>()?,
            delete: delete.flat_map(pieces).map(key_to_delete).collect::<Result<_, _>>()?,
        })
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }
}

fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let members = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    members.flat_map(|member| member.split(|byte| *byte == b'&')).filter(|piece| !piece.is_empty())
}

fn pair(piece: &[u8]) -> Result<(Box<str>, Box<str>), MalformedChange> {
    let at = piece.iter().position(|byte| *byte == b'=').ok_or(MalformedChange::Shape)?;
    let (key, value) = piece.split_at(at);
    Ok((self::key(key)?, decode(value.get(1..).unwrap_or_default())?))
}

fn key_to_delete(piece: &[u8]) -> Result<Box<str>, MalformedChange> {
    if piece.contains(&b'=') { Err(MalformedChange::Shape) } else { key(piece) }
}

fn key(encoded: &[u8]) -> Result<Box<str>, MalformedChange> {
    if encoded.is_empty() { Err(MalformedChange::EmptyKey) } else { decode(encoded) }
}

fn decode(encoded: &[u8]) -> Result<Box<str>, MalformedChange> {
    if !is_well_encoded(encoded) {
        return Err(MalformedChange::Encoding);
    }
    let spaced: Cow<'_, [u8]> = if encoded.contains(&b'+') {
        encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
    } else {
        encoded.into()
    };
    let text = percent_decode(&spaced).decode_utf8().map_err(|_| MalformedChange::Encoding)?;
    if text.chars().any(char::is_control) {
        return Err(MalformedChange::Control);
    }
    Ok(text.into())
}

fn is_well_encoded(encoded: &[u8]) -> bool {
    let mut bytes = encoded.iter();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'%' => [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(u8::is_ascii_hexdigit)),
            byte => byte.is_ascii_graphic(),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

/// Four times the largest data of an app: it can replace all of it and name the keys that it deletes.
const MAX_CHANGE_BYTES: usize = 4 * super::MAX_DATA_BYTES;

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn parse(set: &[&[u8]], delete: &[&[u8]]) -> Result<DataChange, MalformedChange> {
        DataChange::parse(set.iter().copied(), delete.iter().copied())
    }

    fn set(line: &[u8]) -> Result<Vec<(String, String)>, MalformedChange> {
        let pairs = parse(&[line], &[])?.set;
        Ok(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn pairs_and_keys_are_read_from_any_number_of_lines() {
        let change = parse(&[b"a=1&b=x+y%26%C3%A4", b"c=, d==;", b""], &[b"e", b"f%3D, g&h"]).unwrap();
        let set: Vec<(&str, &str)> = change.set.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(set, [("a", "1"), ("b", "x y&ä"), ("c", ""), ("d", "=;")]);
        let delete: Vec<&str> = change.delete.iter().map(|key| &**key).collect();
        assert_eq!(delete, ["e", "f=", "g", "h"]);
        assert!(parse(&[b"", b" ,&, "], &[b"&"]).unwrap().is_empty());
    }

    #[test]
    fn text_of_no_form_encoder_is_refused() {
        use MalformedChange::{Control, EmptyKey, Encoding, Shape};
        let table: &[(&[u8], MalformedChange)] = &[
            (b"a", Shape),
            (b"a=1&b", Shape),
            (b"name=Tom & Jerry", Encoding),
            (b"list=[1,2]", Shape),
            (b"=1", EmptyKey),
            (b"a=1&=", EmptyKey),
            (b"a=%", Encoding),
            (b"a=%4", Encoding),
            (b"a=%4x", Encoding),
            (b"a%zz=1", Encoding),
            (b"a=%ff", Encoding),
            (b"a=%C3", Encoding),
            (b"a=%ED%A0%80", Encoding),
            (b"a=\xC3\xA4", Encoding),
            (b"a=b c", Encoding),
            (b"a=b\tc", Encoding),
            (b"a=%00", Control),
            (b"a=%0D%0ASet-Cookie:x", Control),
            (b"a%09=1", Control),
            (b"a=%7F", Control),
            (b"a=%C2%85", Control),
        ];
        for (line, wrong) in table {
            assert_eq!(set(line), Err(*wrong), "{}", line.escape_ascii());
        }
        assert_eq!(parse(&[], &[b"a=1"]), Err(Shape));
        assert_eq!(parse(&[b"a=1"], &[b"%"]), Err(Encoding), "one wrong key spoils the pairs too");
        let long = [b"a=".as_slice(), &vec![b'x'; MAX_CHANGE_BYTES]].concat();
        assert_eq!(parse(&[&long], &[]), Err(MalformedChange::TooLarge));
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

        #[test]
        fn text_of_a_form_encoder_is_read_as_it_was(
            pairs in vec((r"\PC{1,8}", r"\PC{0,8}"), 0..8),
        ) {
            let readable = pairs.iter().all(|(key, value)| !key.contains(char::is_control) && !value.contains(char::is_control));
            prop_assume!(readable);
            let encode = |pairs: &[(String, String)]| {
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            };
            let together = set(encode(&pairs).as_bytes()).unwrap();
            prop_assert_eq!(&together, &pairs);
            let apart: Vec<String> = pairs.chunks(1).map(encode).collect();
            prop_assert_eq!(set(apart.join(", ").as_bytes()).unwrap(), together);
        }

        #[test]
        fn no_line_does_harm(line in vec(prop_oneof![
            any::<u8>(),
            proptest::sample::select(&b"%%%=&,+ a09fFC3"[..]),
        ], 0..40)) {
            let Ok(change) = parse(&[&line], &[]) else { return Err(TestCaseError::reject("malformed")) };
            for (key, value) in &change.set {
                prop_assert!(!key.is_empty());
                prop_assert!(!key.contains(char::is_control) && !value.contains(char::is_control));
            }
            // Accepted data can be stored, sent, and read again as the same.
            if let Ok(data) = crate::session::AppData::default().with(change) {
                let again = parse(&[data.encode().as_bytes()], &[]).unwrap();
                prop_assert_eq!(crate::session::AppData::default().with(again), Ok(data));
            }
        }
    }
}
