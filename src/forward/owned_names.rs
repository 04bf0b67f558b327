//! The header names that only the gateway may send to an application.
//!
//! Applications trust some headers because only a proxy in front of them would write them: for the user, the client's
//! address, its certificate, the path. Mallory can write them as well. `headers` therefore asks [`OwnedNames`] about each
//! name of a request and of its trailers. Names are compared as the most careless CGI would: without case, and with `_`,
//! `.` and every other sign for `-`. Names may have any length.
//!
//! The names are those of `header_table`, and those of each app's `identity` and `upstream_auth`.

use http::HeaderName;

use super::{
    App, Preset,
    header_table::{ClientHeader, FAMILIES, HeaderClass, fold, starts_folded},
};

/// The names that only the gateway may send to an upstream.
#[derive(Clone, Debug)]
pub struct OwnedNames {
    /// Folded, ordered by length and then by bytes.
    names: Vec<Box<[u8]>>,
    /// For each first byte of a folded name, the lengths of the names that start with it. Bit 63 stands for 63 and more; a
    /// prefix has all lengths from its own on. This rules out most headers of a browser.
    lengths: [u64; 256],
}

impl OwnedNames {
    /// The names of these apps, of every preset, and those of `FAMILIES`.
    pub fn of<'a>(apps: impl IntoIterator<Item = &'a App>) -> Self {
        let mut owned = Self { names: Vec::new(), lengths: [0; 256] };
        for headers in Preset::all().iter().map(Preset::headers) {
            headers.names().for_each(|name| owned.add(name.as_str()));
        }
        for app in apps {
            app.own_names().for_each(|name| owned.add(name.as_str()));
        }
        for family in FAMILIES {
            family.names.iter().for_each(|name| owned.add(name));
            family.prefixes.iter().for_each(|prefix| owned.mark(prefix.as_bytes(), |length| !0 << length));
        }
        owned.names.sort_by(|one, other| order(one.iter().copied(), other));
        owned.names.dedup();
        owned
    }

    /// Whether a trailer of this name is removed: RFC 9110 §6.5.1 forbids those that frame, route, authenticate or set cookies.
    pub(super) fn forbids_in_trailer(&self, name: &HeaderName) -> bool {
        self.contains(name)
            || HeaderClass::of(name).has(HeaderClass::NOT_IN_TRAILERS)
            || name.as_str().contains('_')
    }

    /// Whether only the gateway may send a header of this name.
    pub fn contains(&self, name: &HeaderName) -> bool {
        let name = name.as_str().as_bytes();
        (self.may_be_owned(name) && (self.is_named(name) || has_owned_prefix(name)))
            || HeaderClass::is_other_spelling(name)
    }

    fn may_be_owned(&self, name: &[u8]) -> bool {
        let lengths = name.first().and_then(|first| self.lengths.get(usize::from(fold(*first))));
        lengths.is_some_and(|lengths| lengths & (1 << name.len().min(63)) != 0)
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.names.binary_search_by(|owned| order(name.iter().copied().map(fold), owned).reverse()).is_ok()
    }

    fn add(&mut self, name: &str) {
        let folded: Box<[u8]> = name.bytes().map(fold).collect();
        self.mark(&folded, |length| 1 << length);
        self.names.push(folded);
    }

    /// Adds the lengths of names that start like this folded one.
    fn mark(&mut self, folded: &[u8], lengths: impl Fn(usize) -> u64) {
        let of_start = folded.first().and_then(|first| self.lengths.get_mut(usize::from(*first)));
        if let Some(of_start) = of_start {
            *of_start |= lengths(folded.len().min(63));
        }
    }
}

/// Shorter names first, without reading their bytes.
fn order(one: impl ExactSizeIterator<Item = u8>, other: &[u8]) -> std::cmp::Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other.iter().copied()))
}

fn has_owned_prefix(name: &[u8]) -> bool {
    FAMILIES.iter().any(|family| family.prefixes.iter().any(|prefix| starts_folded(name, prefix.as_bytes())))
}

/// The kind of a name of [`FAMILIES`]; `None`: the table does not have it.
pub(super) fn kind_of(name: &HeaderName) -> Option<ClientHeader> {
    let name = name.as_str().as_bytes();
    let is_it = |known: &&str| known.len() == name.len() && starts_folded(name, known.as_bytes());
    let starts_it = |prefix: &&str| starts_folded(name, prefix.as_bytes());
    let by_name = FAMILIES.iter().find(|family| family.names.iter().any(is_it));
    let found = by_name.or_else(|| FAMILIES.iter().find(|family| family.prefixes.iter().any(starts_it)));
    found.map(|family| family.kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owns(names: &OwnedNames, name: &str) -> bool {
        names.contains(&HeaderName::try_from(name).unwrap())
    }

    #[test]
    fn headers_of_browsers_and_programs_are_not_owned() {
        let names = OwnedNames::of(&[]);
        for name in [
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "cache-control",
            "content-length",
            "content-type",
            "cookie",
            "depth",
            "dnt",
            "host",
            "if-none-match",
            "origin",
            "overwrite",
            "priority",
            "range",
            "referer",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-fetch-dest",
            "sec-fetch-site",
            "sec-websocket-key",
            // In a trailer of an upstream.
            "server-timing",
            "te",
            "traceparent",
            "upgrade-insecure-requests",
            "user-agent",
            "x-amz-content-sha256",
            "x-api-key",
            "x-auth-token",
            "x-csrf-token",
            "x-gitlab-event",
            "x-requested-with",
        ] {
            assert!(!owns(&names, name), "{name}");
        }
    }

    #[test]
    fn each_name_of_the_table_is_folded_and_found() {
        let names = OwnedNames::of(&[]);
        for family in FAMILIES {
            for name in family.names {
                assert!(name.bytes().all(|byte| fold(byte) == byte), "{name}");
                assert!(owns(&names, name) && owns(&names, &name.to_uppercase().replace('-', "_")), "{name}");
            }
            for prefix in family.prefixes {
                assert!(prefix.bytes().all(|byte| fold(byte) == byte), "{prefix}");
                let long = format!("{prefix}{}", "x".repeat(200));
                assert!(owns(&names, &long) && owns(&names, &long.replace('-', ".")), "{prefix}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_is_owned_if_and_only_if_it_folds_to_an_owned_one(
            name in "[a-z_.-]{0,3}(remote|host|content|x|cf|https?|wsgi|client)[a-z_.!-]{0,12}",
        ) {
            let names = OwnedNames::of(&[]);
            let folded: String = name.bytes().map(|byte| char::from(fold(byte))).collect();
            let all = || FAMILIES.iter().flat_map(|family| family.names);
            let prefixes = || FAMILIES.iter().flat_map(|family| family.prefixes);
            let presets = Preset::all().iter().map(Preset::headers);
            let is_of_preset = presets.into_iter().any(|preset| preset.names().any(|name| *name.as_str() == folded));
            let is_listed = all().any(|name| *name == folded) || prefixes().any(|prefix| folded.starts_with(prefix));
            let ordinary = HeaderName::try_from(folded.trim_matches('-')).ok();
            let is_spelt_otherwise = folded != name
                && ordinary.is_some_and(|name| HeaderClass::of(&name).has(HeaderClass::ONE_SPELLING));
            prop_assert_eq!(owns(&names, &name), is_of_preset || is_listed || is_spelt_otherwise, "{}", name);
        }
    }
}
