//! Where an answer ends (RFC 9112 §6.3), decided once and for all.

use http::{
    HeaderMap, Method, StatusCode, Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

use super::{Options, WireError};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Framing {
    /// There is no body, whatever the headers say.
    None,
    /// It has this many bytes.
    Length(u64),
    /// It says so itself.
    Chunked,
    /// With the connection.
    UntilClose,
}

impl Framing {
    /// How the end of the answer to a request with this method is told.
    ///
    /// Stricter than RFC 9112: several lengths are refused though they are equal, a length beside
    /// `chunked` is refused and not ignored, and so is every coding but `chunked`, once and alone. Whoever
    /// reads the answer behind us may choose another way out of each of them.
    pub(super) fn of(
        asked: &Method,
        status: StatusCode,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Self, WireError> {
        // One pass instead of two look-ups: most answers have the one or the other, or neither.
        let (mut has_length, mut has_coding) = (false, false);
        for name in headers.keys() {
            has_length |= *name == CONTENT_LENGTH;
            has_coding |= *name == TRANSFER_ENCODING;
        }
        let length = if has_length { length(headers)? } else { None };
        let chunked = has_coding && is_chunked(version, headers)?;
        if length.is_some() && chunked {
            return Err(WireError::TwoLengths);
        }
        if *asked == Method::HEAD || has_no_body(status) || (*asked == Method::CONNECT && status.is_success())
        {
            return Ok(Self::None);
        }
        Ok(match length {
            Some(length) => Self::Length(length),
            None if chunked => Self::Chunked,
            None => Self::UntilClose,
        })
    }
}

/// Whether the connection may carry another request after this answer (RFC 9112 §9.3).
pub(super) fn is_kept(
    framing: Framing,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    options: &Options,
) -> bool {
    if framing == Framing::UntilClose {
        return false;
    }
    // RFC 9112 §6.1: there is no such thing. An upstream that sends it may send chunks after it too.
    if has_no_body(status) && status != StatusCode::NOT_MODIFIED && headers.contains_key(TRANSFER_ENCODING) {
        return false;
    }
    !options.close && (version == Version::HTTP_11 || options.keep_alive)
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// RFC 9110 §8.6: digits and nothing else; RFC 9112 §6.3 (5) for what is said twice.
fn length(headers: &HeaderMap) -> Result<Option<u64>, WireError> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.as_bytes();
    if lines.next().is_some() || text.contains(&b',') {
        return Err(WireError::TwoLengths);
    }
    if text.is_empty() || text.len() > MAX_DIGITS || !text.iter().all(u8::is_ascii_digit) {
        return Err(WireError::Length);
    }
    Ok(Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))))
}

/// RFC 9112 §6.1: `chunked` once, and never in HTTP/1.0.
fn is_chunked(version: Version, headers: &HeaderMap) -> Result<bool, WireError> {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(false),
        (Some(coding), None)
            if version == Version::HTTP_11 && coding.as_bytes().eq_ignore_ascii_case(b"chunked") =>
        {
            Ok(true)
        }
        _ => Err(WireError::Coding),
    }
}

/// Too few to overflow, and more than any disk holds.
const MAX_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, header::CONNECTION};

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        lines.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    fn framed(
        method: &Method,
        status: u16,
        version: Version,
        lines: &[(&'static str, &'static str)],
    ) -> String {
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers(lines));
        match Framing::of(method, status, version, &headers) {
            Ok(framing) => {
                let options = Options::of(headers.get_all(CONNECTION));
                let kept =
                    if is_kept(framing, status, version, &headers, &options) { "kept" } else { "closed" };
                format!("{framing:?}, {kept}")
            }
            Err(error) => error.to_string(),
        }
    }

    const CL: &str = "content-length";
    const TE: &str = "transfer-encoding";

    #[test]
    fn the_end_of_an_answer_is_told_in_one_way_only() {
        let (two, coding, number) = (
            "the answer has two lengths",
            "the answer has a transfer coding that is not known",
            "the answer's length is no number",
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
    fn http_1_0_knows_no_chunks_and_is_kept_only_when_it_says_so() {
        let framed = |lines| framed(&Method::GET, 200, Version::HTTP_10, lines);
        assert_eq!(framed(&[(TE, "chunked")]), "the answer has a transfer coding that is not known");
        assert_eq!(framed(&[(CL, "5")]), "Length(5), closed");
        assert_eq!(framed(&[(CL, "5"), ("connection", "keep-alive")]), "Length(5), kept");
        assert_eq!(framed(&[("connection", "keep-alive")]), "UntilClose, closed");
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
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
            assert_eq!(framed(&[(CL, "5")]), "None, kept");
            assert_eq!(framed(&[(CL, "5"), (CL, "6")]), "the answer has two lengths");
            let kept = if matches!(status, 101 | 204) { "None, closed" } else { "None, kept" };
            assert_eq!(framed(&[(TE, "chunked")]), kept, "{method} {status}");
        }
    }
}
