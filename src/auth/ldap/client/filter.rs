//! Filters of searches, as a tree.

use super::ber::BerWriter;

/// A condition on an entry (RFC 4511 §4.5.1.7).
///
/// A filter is sent as this tree and never as text, so that no value can become a part of it: a user who types
/// `*)(uid=*` is searched for under exactly that name.
///
/// `V` is a value: bytes, or in a [`FilterTemplate`](super::FilterTemplate) bytes with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter<V = Vec<u8>> {
    /// All hold.
    And(Vec<Self>),
    /// At least one holds.
    Or(Vec<Self>),
    /// The filter inside does not hold.
    Not(Box<Self>),
    /// The attribute has this value.
    Equal(String, V),
    /// The attribute has a value of this shape.
    Substrings {
        /// The attribute.
        attribute: String,
        /// The beginning of the value.
        initial: Option<V>,
        /// Parts that follow in this order.
        any: Vec<V>,
        /// The end of the value.
        last: Option<V>,
    },
    /// The attribute has a value that is not smaller.
    GreaterOrEqual(String, V),
    /// The attribute has a value that is not greater.
    LessOrEqual(String, V),
    /// The attribute has a value that is like this one, as the server sees it.
    Approximate(String, V),
    /// The attribute has a value.
    Present(String),
    /// The attribute has a value that matches by a rule of the server, for instance 1.2.840.113556.1.4.1941 of
    /// Active Directory, which follows groups in groups.
    Extensible {
        /// The attribute; `None` for all that the rule is made for.
        attribute: Option<String>,
        /// Name or number of the rule; `None` for the attribute's rule of equality.
        rule: Option<String>,
        /// Whether the attributes in the entry's name are looked at, too.
        in_dn: bool,
        /// The value.
        value: V,
    },
}

impl Filter {
    /// The attribute has this value.
    pub fn equal(attribute: &str, value: impl AsRef<[u8]>) -> Self {
        Self::Equal(attribute.to_owned(), value.as_ref().to_owned())
    }

    /// The attribute has a value.
    pub fn present(attribute: &str) -> Self {
        Self::Present(attribute.to_owned())
    }

    /// Writes the filter as part of a search request.
    pub(super) fn write(&self, to: &mut BerWriter) {
        match self {
            Self::And(filters) => to.constructed(0xa0, |to| write_all(filters, to)),
            Self::Or(filters) => to.constructed(0xa1, |to| write_all(filters, to)),
            Self::Not(filter) => to.constructed(0xa2, |to| filter.write(to)),
            Self::Equal(attribute, value) => assertion(to, 0xa3, attribute, value),
            Self::Substrings { attribute, initial, any, last } => to.constructed(0xa4, |to| {
                to.octets(attribute.as_bytes());
                to.constructed(0x30, |to| {
                    let initial = initial.iter().map(|part| (0x80, part));
                    let last = last.iter().map(|part| (0x82, part));
                    for (tag, part) in initial.chain(any.iter().map(|part| (0x81, part))).chain(last) {
                        to.primitive(tag, part);
                    }
                });
            }),
            Self::GreaterOrEqual(attribute, value) => assertion(to, 0xa5, attribute, value),
            Self::LessOrEqual(attribute, value) => assertion(to, 0xa6, attribute, value),
            Self::Present(attribute) => to.primitive(0x87, attribute.as_bytes()),
            Self::Approximate(attribute, value) => assertion(to, 0xa8, attribute, value),
            Self::Extensible { attribute, rule, in_dn, value } => to.constructed(0xa9, |to| {
                if let Some(rule) = rule {
                    to.primitive(0x81, rule.as_bytes());
                }
                if let Some(attribute) = attribute {
                    to.primitive(0x82, attribute.as_bytes());
                }
                to.primitive(0x83, value);
                if *in_dn {
                    to.primitive(0x84, &[0xff]);
                }
            }),
        }
    }
}

impl<V> Filter<V> {
    /// The same filter with other values.
    pub(super) fn with_values<W>(&self, change: &impl Fn(&V) -> W) -> Filter<W> {
        let all = |filters: &[Self]| filters.iter().map(|one| one.with_values(change)).collect();
        match self {
            Self::And(filters) => Filter::And(all(filters)),
            Self::Or(filters) => Filter::Or(all(filters)),
            Self::Not(filter) => Filter::Not(Box::new(filter.with_values(change))),
            Self::Equal(attribute, value) => Filter::Equal(attribute.clone(), change(value)),
            Self::Substrings { attribute, initial, any, last } => Filter::Substrings {
                attribute: attribute.clone(),
                initial: initial.as_ref().map(change),
                any: any.iter().map(change).collect(),
                last: last.as_ref().map(change),
            },
            Self::GreaterOrEqual(attribute, value) => {
                Filter::GreaterOrEqual(attribute.clone(), change(value))
            }
            Self::LessOrEqual(attribute, value) => Filter::LessOrEqual(attribute.clone(), change(value)),
            Self::Approximate(attribute, value) => Filter::Approximate(attribute.clone(), change(value)),
            Self::Present(attribute) => Filter::Present(attribute.clone()),
            Self::Extensible { attribute, rule, in_dn, value } => Filter::Extensible {
                attribute: attribute.clone(),
                rule: rule.clone(),
                in_dn: *in_dn,
                value: change(value),
            },
        }
    }
}

fn write_all(filters: &[Filter], to: &mut BerWriter) {
    for filter in filters {
        filter.write(to);
    }
}

fn assertion(to: &mut BerWriter, tag: u8, attribute: &str, value: &[u8]) {
    to.constructed(tag, |to| {
        to.octets(attribute.as_bytes());
        to.octets(value);
    });
}

/// Whether this is an attribute description (RFC 4512 §2.5): a name or numbers with dots, and options after `;`.
pub fn is_attribute_description(text: &str) -> bool {
    let mut parts = text.split(';');
    let kind = parts.next().unwrap_or_default();
    let is_keystring = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_option = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'=' | b'*'))
    };
    text.len() <= 256 && (is_keystring(kind) || is_numeric_oid(kind)) && parts.all(is_option)
}

/// Whether this is an object identifier in numbers: `2.5.4.3`.
pub(super) fn is_numeric_oid(text: &str) -> bool {
    text.split('.').count() > 1
        && text
            .split('.')
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(filter: &Filter) -> String {
        let mut writer = BerWriter::with_capacity(0);
        filter.write(&mut writer);
        data_encoding::HEXLOWER.encode(&writer.finish())
    }

    #[test]
    fn filters_are_encoded_as_rfc_4511_says() {
        let cn = |value: &str| Filter::equal("cn", value);
        for (filter, hex) in [
            (cn("Babs"), "a30a0402636e040442616273".to_owned()),
            (
                Filter::present("objectClass"),
                format!("870b{}", data_encoding::HEXLOWER.encode(b"objectClass")),
            ),
            (Filter::Not(Box::new(cn("T"))), "a209a3070402636e040154".to_owned()),
            (Filter::And(vec![cn("a"), cn("b")]), "a012a3070402636e040161a3070402636e040162".to_owned()),
            (Filter::Or(vec![]), "a100".to_owned()),
            (Filter::GreaterOrEqual("a".into(), b"1".into()), "a506040161040131".to_owned()),
            (Filter::LessOrEqual("a".into(), b"1".into()), "a606040161040131".to_owned()),
            (Filter::Approximate("a".into(), b"1".into()), "a806040161040131".to_owned()),
            (
                Filter::Substrings {
                    attribute: "o".into(),
                    initial: Some(b"u".into()),
                    any: vec![b"of".into()],
                    last: Some(b"h".into()),
                },
                "a40f04016f300a80017581026f66820168".to_owned(),
            ),
            (
                Filter::Extensible {
                    attribute: Some("m".into()),
                    rule: Some("1.2".into()),
                    in_dn: true,
                    value: b"x".into(),
                },
                "a90e8103312e3282016d8301788401ff".to_owned(),
            ),
        ] {
            assert_eq!(encoded(&filter), hex, "{filter:?}");
        }
    }

    #[test]
    fn a_value_stays_a_value() {
        let value = "*)(uid=*\0\\2a";
        let hex = encoded(&Filter::equal("uid", value));
        assert!(hex.ends_with(&data_encoding::HEXLOWER.encode(value.as_bytes())));
        assert_eq!(hex.matches("0403756964").count(), 1, "{hex}");
    }

    #[test]
    fn attribute_descriptions() {
        for text in
            ["cn", "sAMAccountName", "2.5.4.3", "member;range=0-1499", "member;range=1500-*", "a-b;lang-de"]
        {
            assert!(is_attribute_description(text), "{text}");
        }
        for text in ["", "1", "1.", "a b", "a)", "cn;", "ü", "*", "-a", "a\0", &"a".repeat(257)] {
            assert!(!is_attribute_description(text), "{text}");
        }
    }
}
