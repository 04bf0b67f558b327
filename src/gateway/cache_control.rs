//! Keeps a response that is for one browser out of the caches that many people share.

use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};

/// Makes the response `private` (RFC 9111 §5.2.2.7), because it carries a cookie: a cache in front of the gateway would
/// hand one visitor's session to the next. The app's other directives stay.
pub(super) fn keep_out_of_shared_caches(headers: &mut HeaderMap) {
    // RFC 9213 §2.2: for the caches that they are meant for, these outweigh `Cache-Control`.
    let targeted: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().ends_with("cdn-cache-control") || *name == "surrogate-control")
        .cloned()
        .collect();
    for name in targeted {
        headers.remove(name);
    }
    let mut kept: Vec<&[u8]> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|line| directives(line.as_bytes()))
        .filter(|directive| !is_for_sharing(directive))
        .collect();
    // `no-store` says more than `private`.
    if !kept.iter().any(|directive| directive.eq_ignore_ascii_case(b"no-store")) {
        kept.push(b"private");
    }
    // Parts of legal values, joined by legal bytes, are a legal value.
    let value = HeaderValue::from_bytes(&kept.join(&b", "[..]));
    headers.insert(CACHE_CONTROL, value.unwrap_or(HeaderValue::from_static("private")));
}

/// Split at commas, but for those between quotes.
fn directives(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let parts = line.split(move |byte| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    });
    parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
}

/// `private="field"` is gone too: it names what is private and leaves the rest to share.
fn is_for_sharing(directive: &[u8]) -> bool {
    let name = directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    [&b"public"[..], b"private", b"s-maxage", b"proxy-revalidate"]
        .iter()
        .any(|sharing| name.eq_ignore_ascii_case(sharing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_becomes_private_and_keeps_its_other_directives() {
        let table: &[(&[&str], &str)] = &[
            (&[], "private"),
            (&["max-age=60"], "max-age=60, private"),
            (&["public, max-age=60, s-maxage=600"], "max-age=60, private"),
            (&["Public", "S-MaxAge = 5", "no-cache"], "no-cache, private"),
            (&["private"], "private"),
            (&["private, max-age=5"], "max-age=5, private"),
            (&["private=\"x-a, x-b\", max-age=5"], "max-age=5, private"),
            (&["no-cache=\"set-cookie, x-b\""], "no-cache=\"set-cookie, x-b\", private"),
            (&["no-store"], "no-store"),
            (&["public, no-store"], "no-store"),
            (&[" , ,"], "private"),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
            }
            keep_out_of_shared_caches(&mut headers);
            let values: Vec<_> = headers.get_all(CACHE_CONTROL).iter().collect();
            assert_eq!(values, [expected], "{lines:?}");
        }
    }

    #[test]
    fn header_fields_for_shared_caches_are_removed() {
        let names = ["cdn-cache-control", "example-cdn-cache-control", "surrogate-control", "etag"];
        let mut headers: HeaderMap = names
            .iter()
            .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("max-age=60")))
            .collect();
        keep_out_of_shared_caches(&mut headers);
        let left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["etag", "cache-control"]);
    }
}
