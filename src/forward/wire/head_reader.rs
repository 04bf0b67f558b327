//! The head of an answer.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header::CONNECTION};
use hyper::ext::ReasonPhrase;

use super::{Framing, Options, Spare, WireError, framing::is_kept, lines::EmptyLine};

/// Reads heads, interim ones too, until the final one is there.
#[derive(Debug, Default)]
pub(in crate::forward) struct HeadReader {
    end: EmptyLine,
    interim: usize,
}

/// What has been heard of an answer so far.
#[derive(Debug)]
pub(in crate::forward) enum Heard {
    /// Nothing that is whole; there must be more bytes first.
    More,
    /// `100 Continue`; the final head is still to come.
    Continue,
    /// The final head. What is left in the buffer came after it.
    Final(AnswerHead),
}

/// The final head of an answer, or that of a change of protocol.
#[derive(Debug)]
pub(in crate::forward) struct AnswerHead {
    /// Status, headers but `Connection` and, where it is not the usual one, the reason.
    pub(in crate::forward) response: Response<()>,
    /// Where the body ends.
    pub(in crate::forward) framing: Framing,
    /// Whether the upstream keeps the connection afterwards.
    pub(in crate::forward) kept: bool,
    /// What `Connection` said.
    pub(in crate::forward) options: Options,
}

impl HeadReader {
    /// Reads on in what has come; takes each whole head out of `buf`, and the memory for its headers out of `spare`.
    pub(in crate::forward) fn read(
        &mut self,
        asked: &Method,
        buf: &mut BytesMut,
        spare: &Spare,
    ) -> Result<Heard, WireError> {
        loop {
            let begins_well = buf.iter().zip(BEGINNING).all(|(byte, expected)| byte == expected);
            if !begins_well {
                return Err(WireError::NotHttp);
            }
            let Some(end) = self.end.end(buf, MAX_HEAD_BYTES)? else { return Ok(Heard::More) };
            let head = parse(asked, &buf.split_to(end).freeze(), spare)?;
            let status = head.response.status();
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Heard::Final(head));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(WireError::TooManyInterim);
            }
            if status == StatusCode::CONTINUE {
                return Ok(Heard::Continue);
            }
        }
    }

    /// Whether a whole interim head has come.
    pub(in crate::forward) fn has_read(&self) -> bool {
        self.interim > 0
    }
}

/// `httparse` would take bare line feeds and empty lines before the head; neither gets here.
fn parse(asked: &Method, head: &Bytes, spare: &Spare) -> Result<AnswerHead, WireError> {
    let mut few = [const { MaybeUninit::uninit() }; FEW_HEADERS];
    match parse_with(asked, head, spare, &mut few) {
        Err(WireError::Line(httparse::Error::TooManyHeaders)) => {
            let mut many = [const { MaybeUninit::uninit() }; MAX_HEADERS];
            parse_with(asked, head, spare, &mut many).map_err(|error| match error {
                WireError::Line(httparse::Error::TooManyHeaders) => WireError::TooLarge,
                other => other,
            })
        }
        parsed => parsed,
    }
}

fn parse_with<'b>(
    asked: &Method,
    head: &'b Bytes,
    spare: &Spare,
    storage: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<AnswerHead, WireError> {
    let mut parsed = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, head, storage)
        .map_err(WireError::Line)?;
    if status != httparse::Status::Complete(head.len()) {
        return Err(WireError::NotHttp);
    }
    let version = match parsed.version {
        Some(1) => Version::HTTP_11,
        Some(0) => Version::HTTP_10,
        _ => return Err(WireError::NotHttp),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(WireError::NotHttp)?;
    let mut options = Options::default();
    let headers = header_map(head, parsed.headers, spare.take_headers(), |name, value| {
        let is_for_us = *name == CONNECTION;
        if is_for_us {
            options.add(value);
        }
        !is_for_us
    })?;
    let framing = Framing::of(asked, status, version, &headers)?;
    let kept = is_kept(framing, status, version, &headers, &options);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if let Some(reason) = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason())
        && !reason.is_empty()
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    Ok(AnswerHead { response, framing, kept, options })
}

/// Names in lower case; values are parts of `all`, not copies. What `keeps` rejects is left out. `headers` is empty.
pub(super) fn header_map(
    all: &Bytes,
    lines: &[httparse::Header<'_>],
    mut headers: HeaderMap,
    mut keeps: impl FnMut(&HeaderName, &HeaderValue) -> bool,
) -> Result<HeaderMap, WireError> {
    headers.reserve(lines.len() + ADDED_LATER);
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| WireError::Header)?;
        let value =
            HeaderValue::from_maybe_shared(all.slice_ref(line.value)).map_err(|_| WireError::Header)?;
        if keeps(&name, &value) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// So that the map does not grow once more when the gateway adds its own headers.
const ADDED_LATER: usize = 7;
const BEGINNING: &[u8] = b"HTTP/1.";
const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;
/// Most answers have fewer; the stack of each request has room for them.
const FEW_HEADERS: usize = 32;
/// RFC 9110 §15.2 knows no limit; the most frequent, `102 Processing`, comes every few seconds.
const MAX_INTERIM: usize = 64;
