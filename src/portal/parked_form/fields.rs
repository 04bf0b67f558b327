//! The fields of a form of an application, as a page can send them again.

use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use percent_encoding::percent_decode;
use serde::{Deserialize, Serialize};

use super::{field::FormField, multipart};
use crate::request::SingleHeader;

/// How a browser writes a form into a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Encoding {
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data` (RFC 7578).
    Multipart,
}

/// The fields of a form, in their order; a name may be there several times.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FormFields {
    pub(super) encoding: Encoding,
    pub(super) fields: Vec<FormField>,
}

impl FormFields {
    /// Reads a body of this kind; `None` if a page could not send the same fields again: another kind of body, another
    /// encoding than UTF-8, a file.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let encoding = Encoding::of(headers)?;
        let fields = match encoding {
            Encoding::UrlEncoded => url_encoded(body)?,
            Encoding::Multipart => multipart::read(&multipart::boundary(headers)?, body)?,
        };
        // A browser writes U+FFFD for a NUL in a page.
        let is_plain = |field: &FormField| {
            !field.name.contains('\0') && field.value.as_ref().is_none_or(|value| !value.contains('\0'))
        };
        let fits = fields.len() <= MAX_FIELDS && fields.iter().all(is_plain);
        fits.then_some(Self { encoding, fields })
    }
}

impl Encoding {
    /// The encoding of a body that could be kept.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = SingleHeader::of(headers, CONTENT_TYPE).text().ok().flatten()?;
        let mut parts = content_type.split(';').map(str::trim);
        let kind = parts.next()?.to_ascii_lowercase();
        let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
        if !is_utf8 || headers.contains_key(CONTENT_ENCODING) {
            return None;
        }
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::UrlEncoded),
            "multipart/form-data" => Some(Self::Multipart),
            _ => None,
        }
    }

    /// The value of `enctype`.
    pub(super) fn enctype(self) -> &'static str {
        match self {
            Self::UrlEncoded => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
        }
    }
}

fn url_encoded(body: &[u8]) -> Option<Vec<FormField>> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (decoded(halves.next()?)?, decoded(halves.next().unwrap_or_default())?);
            Some(FormField { name, value: Some(value) })
        })
        .collect()
}

fn decoded(encoded: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

const MAX_FIELDS: usize = 256;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Option<Vec<(String, Option<String>)>> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
        let fields = FormFields::read(&headers, body)?.fields;
        Some(fields.into_iter().map(|field| (field.name, field.value)).collect())
    }

    fn pair(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn fields_are_read_in_their_order_with_every_repetition() {
        let plain = "application/x-www-form-urlencoded; charset=UTF-8";
        let body = b"tag=a&tag=b&text=x+y%0D%0Az%26&empty=&=unnamed";
        let expected = vec![
            pair("tag", "a"),
            pair("tag", "b"),
            pair("text", "x y\r\nz&"),
            pair("empty", ""),
            pair("", "unnamed"),
        ];
        assert_eq!(read(plain, body), Some(expected));
        assert_eq!(read(plain, b""), Some(Vec::new()));
    }

    #[test]
    fn a_body_that_no_page_could_send_again_is_not_read() {
        let plain = "application/x-www-form-urlencoded";
        for (kind, body) in [
            (plain, &b"a=%ff"[..]),
            (plain, b"a=%00"),
            ("application/x-www-form-urlencoded; charset=iso-8859-1", b"a=1"),
            ("application/json", b"{}"),
            ("text/plain", b"a=1"),
            ("", b"a=1"),
        ] {
            assert_eq!(read(kind, body), None, "{kind}");
        }
        let many = "a=1&".repeat(MAX_FIELDS + 1);
        assert_eq!(read(plain, many.as_bytes()), None);
        let mut packed = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(plain))]);
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(FormFields::read(&packed, b"a=1").is_none());
    }
}
