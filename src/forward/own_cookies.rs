//! The gateway's own cookies, which no application receives and none sets.
//!
//! An application that received the session cookie could act as its user everywhere; one that set it could sign a browser
//! in to another account. `session::cookie` says which names are the gateway's.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, SET_COOKIE},
};

use crate::session::cookie;

/// The cookies of a request without the gateway's own, as one header value. Empty if nothing is left.
pub fn foreign(headers: &HeaderMap) -> Cow<'_, [u8]> {
    let mut values = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    match (values.next(), values.next()) {
        (None, _) => Cow::Borrowed(&[]),
        (Some(value), None) => foreign_cookies(value),
        (Some(_), Some(_)) => {
            Cow::Owned(foreign_cookies_of(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)))
        }
    }
}

/// Removes the header fields of a response that set one of the gateway's cookies.
pub(super) fn remove_set_cookies(headers: &mut HeaderMap) {
    if !headers.get_all(SET_COOKIE).iter().any(sets_our_cookie) {
        return;
    }
    let foreign: Vec<_> =
        headers.get_all(SET_COOKIE).iter().filter(|value| !sets_our_cookie(value)).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in foreign {
        headers.append(SET_COOKIE, value);
    }
}

/// The cookies of one header value without the gateway's own; every other byte stays as it was. Empty if nothing is left.
fn foreign_cookies(value: &[u8]) -> Cow<'_, [u8]> {
    match around_ours(value) {
        None => Cow::Borrowed(value),
        Some((before, after)) if after.trim_ascii().is_empty() => Cow::Borrowed(before),
        Some(([], after)) if around_ours(after).is_none() => Cow::Borrowed(after.trim_ascii_start()),
        Some(_) => Cow::Owned(foreign_cookies_of([value])),
    }
}

/// The text before the first of our cookies and the text after it, if there is one.
fn around_ours(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut start = 0;
    for pair in cookie::pairs(line) {
        let end = start + pair.len();
        if is_ours(pair) {
            let before = line.get(..start.saturating_sub(1)).unwrap_or_default();
            return Some((before, line.get(end + 1..).unwrap_or_default()));
        }
        start = end + 1;
    }
    None
}

/// The same for several header values. They become one, as RFC 9113 §8.2.3 asks for on the way to HTTP/1.1.
fn foreign_cookies_of<'h>(values: impl IntoIterator<Item = &'h [u8]>) -> Vec<u8> {
    let mut foreign = Vec::new();
    for value in values {
        let mut separator: &[u8] = b"; ";
        for pair in cookie::pairs(value).filter(|pair| !is_ours(pair)) {
            if foreign.is_empty() {
                foreign.extend_from_slice(pair.trim_ascii_start());
            } else {
                foreign.extend_from_slice(separator);
                foreign.extend_from_slice(if separator.len() > 1 { pair.trim_ascii_start() } else { pair });
            }
            separator = b";";
        }
    }
    foreign
}

fn is_ours(pair: &[u8]) -> bool {
    cookie::is_ours(pair.trim_ascii_start())
}

/// A cookie without a name, `Set-Cookie: =__Host-Http-portcullis=…`, would come back as one of ours.
fn sets_our_cookie(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let start = value.iter().position(|byte| !matches!(byte, b'=' | b' ' | b'\t')).unwrap_or_default();
    is_ours(value.get(start..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn own_cookies_are_removed_from_any_position() {
        for (line, left) in [
            ("a=1;b=2", "a=1;b=2"),
            ("__Host-Http-portcullis=1", ""),
            // The cookie of another gateway on this host, and one from before the prefix.
            ("__Host-Http-portcullis-test=1; a=1; __Host-portcullis=1", "a=1"),
            ("__Host-Http-sid=1; __Host-sid=1", "__Host-Http-sid=1; __Host-sid=1"),
            (" __Host-portcullis=1; ", ""),
            ("a=1; __Host-portcullis=1", "a=1"),
            ("__Host-portcullis=1; a=1;b=2", "a=1;b=2"),
            ("a=1; __Host-portcullis=1;  b=2", "a=1;  b=2"),
            ("__Host-Http-portcullis-form=1; a=1; __HOST-http-portcullis", "a=1"),
            ("__Host-portcullis=1;__host-PORTCULLIS=2; a=1", "a=1"),
            ("a=__Host-portcullis=1", "a=__Host-portcullis=1"),
        ] {
            assert_eq!(str::from_utf8(&foreign_cookies(line.as_bytes())), Ok(left), "{line}");
        }
    }

    proptest! {
        #[test]
        fn one_value_and_many_leave_the_same_cookies(line in "(__Host-Http-portcullis|__Host-portcullis|__host-Portcullis=|a=|;|; | |\t|1){0,9}") {
            let pairs = |line: &[u8]| -> Vec<Vec<u8>> {
                let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                pairs.filter(|pair| !pair.is_empty()).map(<[u8]>::to_vec).collect()
            };
            let mut theirs = pairs(line.as_bytes());
            theirs.retain(|pair| {
                let pair = pair.to_ascii_lowercase();
                !pair.starts_with(b"__host-portcullis") && !pair.starts_with(b"__host-http-portcullis")
            });
            prop_assert_eq!(pairs(&foreign_cookies(line.as_bytes())), theirs.clone());
            prop_assert_eq!(pairs(&foreign_cookies_of([line.as_bytes()])), theirs);
        }
    }
}
