//! The end of a response (RFC 9112 §6.3), decided once, from its head.

use http::{HeaderValue, Method, StatusCode, Version};

use super::{Http1Error, Options};

/// The way in which the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Framing {
    /// There is no body, whatever the headers declare.
    None,
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// The end of the body as the header fields read so far declare it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeclaredEnd {
    length: Option<u64>,
    is_chunked: bool,
}

impl DeclaredEnd {
    /// Adds a `Content-Length`: digits and nothing else (RFC 9110 §8.6), and never a second one (RFC 9112 §6.3 (5)).
    pub(super) fn add_length(&mut self, value: &HeaderValue) -> Result<(), Http1Error> {
        let text = value.as_bytes();
        if self.length.is_some() || text.contains(&b',') {
            return Err(Http1Error::TwoLengths);
        }
        if text.is_empty() || text.len() > MAX_DIGITS || !text.iter().all(u8::is_ascii_digit) {
            return Err(Http1Error::Length);
        }
        self.length = Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    /// Adds a `Transfer-Encoding`: `chunked` once, and never in HTTP/1.0 (RFC 9112 §6.1).
    pub(super) fn add_coding(&mut self, version: Version, value: &HeaderValue) -> Result<(), Http1Error> {
        let is_known = value.as_bytes().eq_ignore_ascii_case(b"chunked");
        if self.is_chunked || version != Version::HTTP_11 || !is_known {
            return Err(Http1Error::Coding);
        }
        self.is_chunked = true;
        Ok(())
    }
}

impl Framing {
    /// The framing of the response to a request with this method.
    ///
    /// Stricter than RFC 9112: several lengths are refused even if they are equal, a length beside `chunked` is refused and
    /// not ignored, and so is every coding but a single `chunked`. Another reader of such a response may find another end.
    pub(super) fn of(asked: &Method, status: StatusCode, declared: DeclaredEnd) -> Result<Self, Http1Error> {
        if declared.length.is_some() && declared.is_chunked {
            return Err(Http1Error::TwoLengths);
        }
        if *asked == Method::HEAD || has_no_body(status) || (*asked == Method::CONNECT && status.is_success())
        {
            return Ok(Self::None);
        }
        Ok(match declared.length {
            Some(length) => Self::Length(length),
            None if declared.is_chunked => Self::Chunked,
            None => Self::UntilClose,
        })
    }

    /// Whether the connection may carry another request after this response (RFC 9112 §9.3).
    pub(super) fn keep_alive(
        self,
        status: StatusCode,
        version: Version,
        declared: DeclaredEnd,
        options: &Options,
    ) -> bool {
        if self == Self::UntilClose {
            return false;
        }
        // RFC 9110 §15.3.5 and §15.3.6: these have no content. An upstream that declares content may send it too.
        let may_not_declare =
            status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT);
        if may_not_declare && (declared.is_chunked || declared.length.is_some_and(|length| length > 0)) {
            return false;
        }
        !options.close && (version == Version::HTTP_11 || options.keep_alive)
    }
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Too few to overflow, and more than any disk holds.
const MAX_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(
        method: &Method,
        status: u16,
        version: Version,
        lines: &[(&'static str, &'static str)],
    ) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        let (mut declared, mut options) = (DeclaredEnd::default(), Options::default());
        let declared = lines
            .iter()
            .try_for_each(|(name, value)| {
                let value = HeaderValue::from_static(value);
                match *name {
                    CL => declared.add_length(&value),
                    TE => declared.add_coding(version, &value),
                    _ => {
                        options.add(&value);
                        Ok(())
                    }
                }
            })
            .map(|()| declared);
        match declared.and_then(|declared| Ok((declared, Framing::of(method, status, declared)?))) {
            Ok((declared, framing)) => {
                let is_kept = framing.keep_alive(status, version, declared, &options);
                format!("{framing:?}, {}", if is_kept { "kept" } else { "closed" })
            }
            Err(error) => error.to_string(),
        }
    }

    const CL: &str = "content-length";
    const TE: &str = "transfer-encoding";

    #[test]
    fn a_response_declares_its_end_once() {
        let (two, coding, number) = (
            "the response declares two lengths",
            "unknown transfer coding",
            "the declared length is no number",
        );
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[], "UntilClose, closed"),
            (&[(CL, "0")], "Length(0), kept"),
            (&[(CL, "5")], "Length(5), kept"),
            (&[(CL, "0005")], "Length(5), kept"),
            (&[(CL, "999999999999999999")], "Length(999999999999999999), kept"),
            (&[(CL, "1000000000000000000")], number),
            (&[(CL, "5"), (CL, "5")], two),
            (&[(CL, "5"), (CL, "6")], two),
            (&[(CL, "5, 5")], two),
            (&[(CL, "5,")], two),
            (&[(CL, "")], number),
            (&[(CL, "+5")], number),
            (&[(CL, "-5")], number),
            (&[(CL, "0x5")], number),
            (&[(CL, "5 5")], number),
            (&[(CL, "5.0")], number),
            (&[(TE, "chunked")], "Chunked, kept"),
            (&[(TE, "Chunked")], "Chunked, kept"),
            (&[(TE, "chunked"), (TE, "chunked")], coding),
            (&[(TE, "chunked, chunked")], coding),
            (&[(TE, "gzip, chunked")], coding),
            (&[(TE, "chunked, identity")], coding),
            (&[(TE, "identity")], coding),
            (&[(TE, "xchunked")], coding),
            (&[(TE, "chunked;q=1")], coding),
            (&[(TE, "\"chunked\"")], coding),
            (&[(TE, "")], coding),
            (&[(TE, "chunked"), (CL, "5")], two),
            (&[(CL, "0"), (TE, "chunked")], two),
            (&[(CL, "5"), ("connection", "close")], "Length(5), closed"),
            (&[(CL, "5"), ("connection", "x, Close")], "Length(5), closed"),
            (&[(CL, "5"), ("connection", "x"), ("connection", "close")], "Length(5), closed"),
        ];
        for (lines, expected) in table {
            assert_eq!(framed(&Method::GET, 200, Version::HTTP_11, lines), *expected, "{lines:?}");
        }
    }

    #[test]
    fn http_1_0_has_no_chunks_and_needs_keep_alive() {
        let framed = |lines| framed(&Method::GET, 200, Version::HTTP_10, lines);
        assert_eq!(framed(&[(TE, "chunked")]), "unknown transfer coding");
        assert_eq!(framed(&[(CL, "5")]), "Length(5), closed");
        assert_eq!(framed(&[(CL, "5"), ("connection", "keep-alive")]), "Length(5), kept");
        assert_eq!(framed(&[("connection", "keep-alive")]), "UntilClose, closed");
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_declare() {
        for (method, status) in [
            (Method::HEAD, 200),
            (Method::HEAD, 404),
            (Method::GET, 204),
            (Method::GET, 304),
            (Method::GET, 101),
            (Method::CONNECT, 200),
        ] {
            let framed = |lines| framed(&method, status, Version::HTTP_11, lines);
            assert_eq!(framed(&[]), "None, kept");
            assert_eq!(framed(&[(CL, "0")]), "None, kept");
            assert_eq!(framed(&[(CL, "5"), (CL, "6")]), "the response declares two lengths");
            let kept = if matches!(status, 101 | 204) { "None, closed" } else { "None, kept" };
            assert_eq!(framed(&[(CL, "5")]), kept, "{method} {status}");
            assert_eq!(framed(&[(TE, "chunked")]), kept, "{method} {status}");
        }
    }

    #[test]
    fn a_205_that_declares_content_ends_its_connection() {
        let framed = |lines| framed(&Method::GET, 205, Version::HTTP_11, lines);
        assert_eq!(framed(&[(CL, "0")]), "Length(0), kept");
        assert_eq!(framed(&[(CL, "5")]), "Length(5), closed");
        assert_eq!(framed(&[(TE, "chunked")]), "Chunked, closed");
    }
}
