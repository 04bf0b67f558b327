//! `Clear-Site-Data` of an application, without the cookies of the gateway.
//!
//! `"cookies"` deletes every cookie of the host and of its whole domain (Clear Site Data §3.1): a sign-out button of
//! one application would end the sign-in at all, and make each browser one that is not known. The field value is
//! therefore written anew with the types that are known to delete no cookie; `"*"` becomes all of them. An application
//! that relies on `"cookies"` has to expire its own cookies with `Set-Cookie`.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Takes the types that delete cookies out of the header field.
pub(super) fn spare_cookies(headers: &mut HeaderMap) {
    let values = headers.get_all(&CLEAR_SITE_DATA).iter();
    let mut kept: Vec<&[u8]> = Vec::new();
    for asked in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    {
        let types: &[&[u8]] = if asked == b"\"*\"" { &WITHOUT_COOKIES } else { &[asked] };
        for one in types {
            if deletes_no_cookie(one) && !kept.contains(one) {
                kept.push(one);
            }
        }
    }
    // Parts of a legal value, joined by legal bytes, are a legal value.
    let kept = (!kept.is_empty()).then(|| HeaderValue::from_bytes(&kept.join(&b", "[..])).ok()).flatten();
    headers.remove(&CLEAR_SITE_DATA);
    if let Some(kept) = kept {
        headers.insert(CLEAR_SITE_DATA.clone(), kept);
    }
}

/// A type that is not known, or is spelled in another way, may delete anything.
fn deletes_no_cookie(one: &[u8]) -> bool {
    let names_bucket = |one: &[u8]| {
        let name = one.strip_prefix(b"\"storage:").and_then(|rest| rest.strip_suffix(b"\""));
        name.is_some_and(|name| {
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        })
    };
    WITHOUT_COOKIES.contains(&one) || names_bucket(one)
}

/// Clear Site Data §3.1, and what browsers have added.
const WITHOUT_COOKIES: [&[u8]; 6] = [
    b"\"cache\"",
    b"\"clientHints\"",
    b"\"executionContexts\"",
    b"\"prefetchCache\"",
    b"\"prerenderCache\"",
    b"\"storage\"",
];

static CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_site_data_keeps_everything_but_what_deletes_cookies() {
        const ALL: &str =
            r#""cache", "clientHints", "executionContexts", "prefetchCache", "prerenderCache", "storage""#;
        let table: &[(&[&str], Option<&str>)] = &[
            (&[r#""cookies""#], None),
            (&[r#""cache", "cookies", "storage""#], Some(r#""cache", "storage""#)),
            (&[r#""cache""#, r#""cookies""#], Some(r#""cache""#)),
            (&[r#""cookies",,"executionContexts" "#], Some(r#""executionContexts""#)),
            (&[r#""*""#], Some(ALL)),
            (
                &[r#""storage", "*""#],
                Some(
                    r#""storage", "cache", "clientHints", "executionContexts", "prefetchCache", "prerenderCache""#,
                ),
            ),
            (&[r#""storage:drafts""#], Some(r#""storage:drafts""#)),
            (&[r#""storage:""#, r#""storage:a"b""#], None),
            // Whatever a browser makes of these, it deletes no cookie.
            (&[r#""Cookies""#, "cookies", "*", r#""cookies"#, r#""cook"#, r#""futureCookies""#, ""], None),
            (&[r#""cache";q=1, "cache""#], Some(r#""cache""#)),
            (&["\"cookies\"\u{a0}"], None),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(&CLEAR_SITE_DATA, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            spare_cookies(&mut headers);
            let left: Vec<_> =
                headers.get_all(&CLEAR_SITE_DATA).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(left, expected.iter().copied().collect::<Vec<_>>(), "{lines:?}");
        }
    }
}
