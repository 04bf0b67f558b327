//! The identifier by which a directory knows an entry for good.
//!
//! A renamed user keeps it, and a new user with an old name has another one. It becomes the subject of the user's
//! [`IdentityPair`](crate::identity::IdentityPair).

use super::{Entry, Filter};

/// The attribute with the identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectId {
    attribute: String,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 16 bytes, of which Windows writes the first three parts in the other order: MS-DTYP §2.3.4.
    Guid,
    /// Text, such as a UUID of RFC 4530.
    Text,
}

impl SubjectId {
    /// The identifier in this attribute. `objectGUID` and `mS-DS-ConsistencyGuid` are binary.
    pub fn in_attribute(attribute: &str) -> Self {
        let is_guid = BINARY.iter().any(|name| attribute.eq_ignore_ascii_case(name));
        Self { attribute: attribute.to_owned(), form: if is_guid { Form::Guid } else { Form::Text } }
    }

    /// The name of the attribute.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// The identifier of an entry; `None` if it has none, two, or one that cannot be written.
    pub(super) fn of(&self, entry: &Entry) -> Option<String> {
        let value = entry.single(&self.attribute)?;
        match self.form {
            Form::Guid => Some(guid_text(*value.as_array()?)),
            Form::Text => {
                let text = str::from_utf8(value).ok()?;
                let fits = (1..=MAX_TEXT).contains(&text.len()) && !text.contains(char::is_control);
                // RFC 4530 §2.1: a UUID is the same in both cases.
                fits.then(|| if is_uuid(text) { text.to_ascii_lowercase() } else { text.to_owned() })
            }
        }
    }

    /// The entry with this identifier; `None` if it cannot be one of this directory.
    pub(super) fn filter(&self, subject: &str) -> Option<Filter> {
        let value = match self.form {
            Form::Guid => guid_bytes(subject)?.to_vec(),
            Form::Text => subject.as_bytes().to_vec(),
        };
        Some(Filter::Equal(self.attribute.clone(), value))
    }
}

fn guid_text(bytes: [u8; 16]) -> String {
    let hex = data_encoding::HEXLOWER.encode(&swapped(bytes));
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().filter(|_| is_uuid(text))?;
    Some(swapped(bytes.try_into().ok()?))
}

/// Between the order of Windows and that of the text.
fn swapped(mut bytes: [u8; 16]) -> [u8; 16] {
    let (first, rest) = bytes.split_at_mut(4);
    let (second, rest) = rest.split_at_mut(2);
    let (third, _) = rest.split_at_mut(2);
    first.reverse();
    second.reverse();
    third.reverse();
    bytes
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

const BINARY: [&str; 2] = ["objectGUID", "mS-DS-ConsistencyGuid"];
/// Longer than every identifier of the presets.
const MAX_TEXT: usize = 255;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Attribute, *};

    fn entry(name: &str, values: &[&[u8]]) -> Entry {
        let values = values.iter().map(|value| (*value).into()).collect();
        Entry::new(String::new(), vec![Attribute { name: name.to_owned(), values }])
    }

    #[test]
    fn a_guid_is_written_as_windows_writes_it() {
        let bytes = data_encoding::BASE64.decode(b"R/INP1N/KkmNOGVF8rTp6g==").unwrap();
        let id = SubjectId::in_attribute("objectguid");
        let subject = id.of(&entry("objectGUID", &[&bytes])).unwrap();
        assert_eq!(subject, "3f0df247-7f53-492a-8d38-6545f2b4e9ea");
        assert_eq!(id.filter(&subject), Some(Filter::Equal("objectguid".to_owned(), bytes)));
    }

    #[test]
    fn an_identifier_that_is_missing_doubtful_or_unusable_is_none() {
        let text = SubjectId::in_attribute("entryUUID");
        let uuid = b"624A8524-80ce-1041-9641-99f1ba71340b";
        assert_eq!(text.of(&entry("entryuuid", &[uuid])).unwrap(), "624a8524-80ce-1041-9641-99f1ba71340b");
        assert_eq!(text.of(&entry("entryuuid", &[b"Some-Id"])).unwrap(), "Some-Id");
        let long = [b'x'; 256];
        for values in [&[][..], &[&b""[..]], &[b"a", b"b"], &[b"\xff"], &[b"a\0"], &[&long]] {
            assert_eq!(text.of(&entry("entryUUID", values)), None, "{values:?}");
        }
        let guid = SubjectId::in_attribute("objectGUID");
        for value in [&b""[..], b"3f0df247", b"3f0df247-7f53-492a-8d38-6545f2b4e9ea"] {
            assert_eq!(guid.of(&entry("objectGUID", &[value])), None, "{value:?}");
        }
        for subject in
            ["", "alice", "3f0df247-7f53-492a-8d38-6545f2b4e9e", "3f0df2477f53492a8d386545f2b4e9ea"]
        {
            assert_eq!(guid.filter(subject), None, "{subject}");
        }
    }

    proptest! {
        #[test]
        fn a_guid_is_found_again_by_its_text(bytes: [u8; 16]) {
            prop_assert_eq!(guid_bytes(&guid_text(bytes)), Some(bytes));
        }
    }
}
