//! The place of a claim: a name, or a JSON pointer into nested claims.

use serde_json::Value;

use super::json::Object;

/// The place of a claim: `groups`, or `/realm_access/roles` for one inside another (RFC 6901).
///
/// Only a text that begins with a slash is a pointer: names of claims may be addresses, with slashes and dots in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// Reads a place; `None` for an empty text and for a pointer that ends in a slash.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            !text.is_empty() && text.len() <= MAX_BYTES && !(text.starts_with('/') && text.ends_with('/'));
        fits.then(|| Self(text.to_owned()))
    }

    /// The claim with this name, one of the program's own defaults.
    pub fn named(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// The text, as it is configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The claim in an object. `null` is no claim.
    pub(super) fn find<'o>(&self, object: &'o Object) -> Option<&'o Value> {
        let found = match self.0.strip_prefix('/') {
            None => object.get(&self.0),
            Some(pointer) => {
                let mut steps = pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
                let first = object.get(&steps.next()?)?;
                steps.try_fold(first, |value, step| value.as_object()?.get(&step))
            }
        };
        found.filter(|value| !value.is_null())
    }
}

const MAX_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_name_or_by_a_pointer() {
        let claims = json!({
            "groups": ["a"],
            "realm_access": { "roles": ["b"], "a/b": 1 },
            "https://example.com/roles": ["c"],
            "nothing": null,
        });
        let claims = claims.as_object().unwrap();
        for (path, expected) in [
            ("groups", Some(json!(["a"]))),
            ("/groups", Some(json!(["a"]))),
            ("/realm_access/roles", Some(json!(["b"]))),
            ("/realm_access/a~1b", Some(json!(1))),
            ("https://example.com/roles", Some(json!(["c"]))),
            ("realm_access/roles", None),
            ("/realm_access/roles/0", None),
            ("/groups/roles", None),
            ("nothing", None),
            ("missing", None),
        ] {
            assert_eq!(ClaimPath::parse(path).unwrap().find(claims), expected.as_ref(), "{path}");
        }
        assert_eq!(ClaimPath::parse(""), None);
        assert_eq!(ClaimPath::parse("/a/"), None);
    }
}
