//! `multipart/form-data` as browsers write it (RFC 7578; HTML, "multipart form data").
//!
//! The reader knows the one form that browsers send, and nothing else: a body that another reader could take for other
//! fields is not read.

use http::{HeaderMap, header::CONTENT_TYPE};
use memchr::memmem;

use super::field::FormField;
use crate::request::SingleHeader;

/// The boundary in `Content-Type`: 1 to 70 characters (RFC 2046 §5.1.1), those that browsers use.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = SingleHeader::of(headers, CONTENT_TYPE).text().ok().flatten()?;
    let mut parameters =
        content_type.split(';').skip(1).filter_map(|parameter| parameter.trim().split_once('='));
    let (name, value) = parameters.next()?;
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'\'');
    let fits = name.eq_ignore_ascii_case("boundary")
        && parameters.next().is_none()
        && (1..=70).contains(&value.len())
        && value.bytes().all(is_plain);
    fits.then(|| value.to_owned())
}

/// The fields of a body; `None` if it has a file, or is not as browsers write it.
pub(super) fn read(boundary: &str, body: &[u8]) -> Option<Vec<FormField>> {
    let (first, next) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(first.as_bytes())?;
    let mut fields = Vec::new();
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return matches!(end, b"" | b"\r\n").then_some(fields);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let length = memmem::find(part, next.as_bytes())?;
        let (content, after) = part.split_at_checked(length)?;
        fields.push(field(content)?);
        if fields.len() > MAX_PARTS {
            return None;
        }
        rest = after.get(next.len()..)?;
    }
}

fn field(part: &[u8]) -> Option<FormField> {
    let length = memmem::find(part, b"\r\n\r\n")?;
    let (head, content) = (part.get(..length)?, part.get(length + 4..)?);
    let head = std::str::from_utf8(head).ok()?;
    let mut disposition = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if disposition.is_none() => disposition = Some(value),
            "content-type" => {}
            _ => return None,
        }
    }
    let rest = disposition?.strip_prefix("form-data; name=\"")?;
    let (name, rest) = rest.split_once('"')?;
    let name = name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
    match rest {
        "" => Some(FormField { name, value: Some(String::from_utf8(content.to_vec()).ok()?) }),
        // No file was chosen.
        "; filename=\"\"" if content.is_empty() => Some(FormField { name, value: None }),
        _ => None,
    }
}

const MAX_PARTS: usize = 256;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn fields(body: &str) -> Option<Vec<(String, Option<String>)>> {
        let read = read("x", body.as_bytes())?;
        Some(read.into_iter().map(|field| (field.name, field.value)).collect())
    }

    #[test]
    fn a_form_of_a_browser_is_read() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"q%22%0D%0A\"\r\n\r\n-- xyz\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n\
                    --x--\r\n";
        assert_eq!(
            fields(body),
            Some(vec![
                ("a".to_owned(), Some("one\r\ntwo".to_owned())),
                ("q\"\r\n".to_owned(), Some("-- xyz".to_owned())),
                ("file".to_owned(), None),
            ])
        );
        assert_eq!(fields("--x--"), Some(Vec::new()));
    }

    #[test]
    fn a_file_and_everything_that_could_be_read_otherwise_is_not_read() {
        let of = |head: &str, content: &str| format!("--x\r\n{head}\r\n\r\n{content}\r\n--x--\r\n");
        let disposition = "Content-Disposition: form-data; name=\"a\"";
        for body in [
            of(&format!("{disposition}; filename=\"a.txt\""), "text"),
            of(&format!("{disposition}; filename=\"\""), "text"),
            of(&format!("{disposition}; filename*=UTF-8''a"), ""),
            of(&format!("{disposition}; name=\"b\""), ""),
            of(&format!("{disposition}\r\n{disposition}"), ""),
            of(&format!("{disposition}\r\nContent-Transfer-Encoding: base64"), "YQ=="),
            of("Content-Disposition: attachment; name=\"a\"", ""),
            of("Content-Type: text/plain", ""),
            // Readers differ in whether this is a delimiter.
            of(disposition, "--xyz"),
            format!("preamble\r\n{}", of(disposition, "")),
            format!("{}epilogue", of(disposition, "")),
            of(disposition, "").replace("\r\n", "\n"),
            of(disposition, "").replace("--x--", "--x"),
            String::new(),
        ] {
            assert_eq!(fields(&body), None, "{body}");
        }
    }

    #[test]
    fn a_boundary_is_the_only_parameter() {
        let of = |text: &'static str| {
            boundary(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]))
        };
        assert_eq!(
            of("multipart/form-data; boundary=----WebKitFormBoundaryAb1").as_deref(),
            Some("----WebKitFormBoundaryAb1")
        );
        assert_eq!(of("multipart/form-data; boundary=\"a\"").as_deref(), Some("a"));
        for bad in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; charset=utf-8",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let whole = [b"--x\r\n".as_slice(), &body].concat();
            read("x", &whole);
            read("x", &body);
        }
    }
}
