//! A head that could not be read, as far as it could: for the log, and for the form in which its sender is told.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header::HOST};

use super::{Authority, SingleHeader};

/// The readable parts of a head that was refused. No decision may rest on them.
#[derive(Debug, Default)]
pub struct UnreadHead<'h> {
    /// The method, if it is one.
    pub method: Option<Method>,
    /// The path, without the query; cut off where it is very long.
    pub path: &'h str,
    /// Path and query; cut off where they are very long.
    pub target: &'h str,
    /// The host, if there is one that can be read.
    pub host: Option<Authority>,
    /// The first header fields that can be read.
    pub headers: HeaderMap,
}

impl<'h> UnreadHead<'h> {
    /// Reads what there is of a head of HTTP/1.1.
    pub fn read(bytes: &'h [u8]) -> Self {
        let mut lines =
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).skip_while(|line| line.is_empty());
        let mut words = lines.next().unwrap_or_default().split(|byte| *byte == b' ');
        let method = words.next().filter(|method| method.len() <= MAX_METHOD_BYTES);
        // A NUL stands where a byte was that does not belong there; nothing behind it was read.
        let target = words.next().unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
        let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        let mut headers = HeaderMap::new();
        for line in lines.take_while(|line| !line.is_empty()).take(MAX_FIELDS) {
            let mut halves = line.splitn(2, |byte| *byte == b':');
            let name = halves.next().and_then(|name| HeaderName::from_bytes(name).ok());
            let value = halves.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
            if let (Some(name), Some(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        let host = SingleHeader::of(&headers, HOST).once();
        let host = host.and_then(|host| Authority::parse(host.as_bytes()).ok());
        Self {
            method: method.and_then(|method| Method::from_bytes(method).ok()),
            path: readable(path),
            target: readable(target),
            host,
            headers,
        }
    }
}

/// As much of it as is UTF-8, and not too long for a line of a log.
fn readable(path: &[u8]) -> &str {
    let path = path.get(..MAX_PATH_BYTES).unwrap_or(path);
    match std::str::from_utf8(path) {
        Ok(path) => path,
        Err(error) => path
            .get(..error.valid_up_to())
            .and_then(|path| std::str::from_utf8(path).ok())
            .unwrap_or_default(),
    }
}

const MAX_METHOD_BYTES: usize = 32;
const MAX_PATH_BYTES: usize = 2048;
/// Header fields that are looked at; those that say what a sender understands come early.
const MAX_FIELDS: usize = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> (Option<String>, String, Option<String>, usize) {
        let head = UnreadHead::read(bytes);
        (
            head.method.map(|method| method.to_string()),
            head.path.to_owned(),
            head.host.map(|host| host.as_str().to_owned()),
            head.headers.len(),
        )
    }

    #[test]
    fn an_unread_head_gives_its_readable_parts() {
        let some = |text: &str| Some(text.to_owned());
        for (head, expected) in [
            (
                &b"GET /a?b HTTP/1.1\r\nHost: a.test:8443\r\nAccept: x\r\n\r\n"[..],
                (some("GET"), "/a".into(), some("a.test:8443"), 2),
            ),
            (b"\r\nPOST /a#b HTTP/1.1\r\nHost: a\r\nHost: b\r\n", (some("POST"), "/a".into(), None, 2)),
            (
                b"GET /a\x01b HTTP/1.1\nX Y: 1\nHost: a\n\nHost: b",
                (some("GET"), "/a\u{1}b".into(), some("a"), 1),
            ),
            (b"GET /\xff/x HTTP/1.1\r\nHost: \x00\r\n", (some("GET"), "/".into(), None, 0)),
            (b"GE", (some("GE"), String::new(), None, 0)),
            (b"\x16\x03\x01", (None, String::new(), None, 0)),
            (b"", (None, String::new(), None, 0)),
        ] {
            assert_eq!(read(head), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            let head = UnreadHead::read(&bytes);
            prop_assert!(head.path.len() <= MAX_PATH_BYTES && head.headers.len() <= MAX_FIELDS);
        }
    }
}
