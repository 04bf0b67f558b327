//! Entries of a directory.

use std::fmt;

/// An entry that a search found.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    dn: String,
    attributes: Vec<Attribute>,
}

/// The values of one attribute, as bytes. A directory may send an attribute without values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute description as the server spells it, with options: `cn`, `member;range=0-1499`.
    pub name: String,
    /// The values, in no order that means anything.
    pub values: Vec<Box<[u8]>>,
}

impl Entry {
    /// An entry; no two attributes have one name.
    pub fn new(dn: String, attributes: Vec<Attribute>) -> Self {
        Self { dn, attributes }
    }

    /// The distinguished name exactly as the server sent it. It goes back unchanged: another escaping would be
    /// another name for some servers.
    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// All attributes that the server sent.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The values of an attribute, whatever the case of its name (RFC 4512 §2.5).
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let attribute = self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
        attribute.into_iter().flat_map(|attribute| attribute.values.iter().map(AsRef::as_ref))
    }

    /// The values of an attribute that are text; others are left out.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| str::from_utf8(value).ok())
    }

    /// The value of an attribute that has exactly one; `None` for two, because neither is *the* value.
    pub fn single(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The value of an attribute that has exactly one, if it is text.
    pub fn single_text(&self, name: &str) -> Option<&str> {
        self.single(name).and_then(|value| str::from_utf8(value).ok())
    }
}

/// Shows the names of attributes and not their values: a directory may hold what no log should.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
        f.debug_struct("Entry").field("dn", &self.dn).field("attributes", &names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let attribute = |name: &str, values: &[&[u8]]| Attribute {
            name: name.to_owned(),
            values: values.iter().map(|value| (*value).into()).collect(),
        };
        Entry::new(
            "uid=alice,dc=example".to_owned(),
            vec![
                attribute("sAMAccountName", &[b"alice"]),
                attribute("mail", &[b"a@example.com", b"\xff", b"b@example.com"]),
                attribute("description", &[]),
            ],
        )
    }

    #[test]
    fn an_attribute_is_found_in_any_case() {
        assert_eq!(entry().single_text("SAMACCOUNTNAME"), Some("alice"));
        assert_eq!(entry().values("cn").count(), 0);
        assert_eq!(entry().values("description").count(), 0);
    }

    #[test]
    fn one_of_several_values_is_not_taken_for_the_value() {
        assert_eq!(entry().single("mail"), None);
        assert_eq!(entry().texts("mail").collect::<Vec<_>>(), ["a@example.com", "b@example.com"]);
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(
            format!("{:?}", entry()),
            r#"Entry { dn: "uid=alice,dc=example", attributes: ["sAMAccountName", "mail", "description"] }"#
        );
    }
}
