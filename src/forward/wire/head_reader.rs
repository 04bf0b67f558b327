//! The head of an answer.

use bytes::{Buf, BytesMut};
use http::{HeaderMap, Method, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use memchr::memchr;

use super::{
    super::{
        bound::names_bound_scheme,
        marks::{Marks, PERSISTENT_AUTH},
    },
    Framing, Options, Spare, WireError,
    framing::SaidOfEnd,
    known_lines::HeaderLine,
};

/// Reads heads line by line, interim ones too, until the final one is there.
#[derive(Debug)]
pub(in crate::forward) struct HeadReader {
    /// Which headers are read and not kept, beside those for one hop.
    hidden: Marks,
    /// How much of the line that has not ended yet holds no line feed.
    looked_at: usize,
    /// The head that has begun.
    head: Option<Begun>,
    interim: usize,
}

/// What has been heard of an answer so far.
#[derive(Debug)]
pub(in crate::forward) enum Heard {
    /// Nothing that is whole; there must be more bytes first.
    More,
    /// `100 Continue`; the final head is still to come.
    Continue,
    /// Another interim response; the final head is still to come.
    Interim(Box<AnswerHead>),
    /// The final head, for [`HeadReader::into_head`]. What is left in the buffer came after it.
    Final,
}

/// The final head of an answer, or that of a change of protocol.
#[derive(Debug)]
pub(in crate::forward) struct AnswerHead {
    /// Its status.
    pub(in crate::forward) status: StatusCode,
    /// Where it is not the usual one.
    pub(in crate::forward) reason: Option<ReasonPhrase>,
    /// Without those for one hop and hidden ones; of a change of protocol, with what is changed to.
    pub(in crate::forward) headers: HeaderMap,
    /// What the names of the headers call for.
    pub(in crate::forward) marks: Marks,
    /// Where the body ends.
    pub(in crate::forward) framing: Framing,
    /// Whether the upstream keeps the connection afterwards.
    pub(in crate::forward) kept: bool,
    /// What `Connection` said.
    pub(in crate::forward) options: Options,
    /// Whether it tells that the connection is being, or was, authenticated.
    pub(in crate::forward) binds: bool,
}

/// A head of which the first line, at least, has come.
#[derive(Debug)]
struct Begun {
    version: Version,
    status: StatusCode,
    reason: Option<ReasonPhrase>,
    headers: HeaderMap,
    marks: Marks,
    left_out: Marks,
    said_of_end: SaidOfEnd,
    options: Options,
    binds: bool,
    bytes: usize,
    lines: usize,
}

impl HeadReader {
    /// A reader of the heads of one answer, without the headers that have one of these marks.
    pub(in crate::forward) fn new(hidden: Marks) -> Self {
        Self { hidden, looked_at: 0, head: None, interim: 0 }
    }

    /// Reads on in what has come; takes each line out of `buf`, and the memory for headers out of `spare`.
    pub(in crate::forward) fn read(
        &mut self,
        asked: &Method,
        buf: &mut BytesMut,
        spare: &Spare,
    ) -> Result<Heard, WireError> {
        let mut known = spare.lines.borrow_mut();
        while !buf.is_empty() {
            let Some(head) = &mut self.head else {
                self.head = Begun::with(buf, &mut self.looked_at, self.hidden, spare)?;
                if self.head.is_none() {
                    return Ok(Heard::More);
                }
                continue;
            };
            if !buf.starts_with(b"\r\n") {
                if let Some((line, length)) = known.expected(buf) {
                    head.add(line, length)?;
                    buf.advance(length);
                    self.looked_at = 0;
                } else {
                    let Some(length) = line_length(buf, &mut self.looked_at, head.bytes)? else {
                        return Ok(Heard::More);
                    };
                    head.add(&known.read(buf, length)?, length)?;
                }
                continue;
            }
            buf.advance(2);
            self.looked_at = 0;
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Heard::Final);
            }
            let Some(head) = self.head.take() else { continue };
            let head = head.end(asked)?;
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(WireError::TooManyInterim);
            }
            if head.status != StatusCode::CONTINUE {
                return Ok(Heard::Interim(Box::new(head)));
            }
            spare.keep_headers(head.headers);
            return Ok(Heard::Continue);
        }
        Ok(Heard::More)
    }

    /// The final head, once that has been heard.
    pub(in crate::forward) fn into_head(self, asked: &Method) -> Result<AnswerHead, WireError> {
        self.head.ok_or(WireError::Ended)?.end(asked)
    }

    /// Whether anything has been taken out of the buffer.
    pub(in crate::forward) fn has_read(&self) -> bool {
        self.interim > 0 || self.head.is_some()
    }
}

/// How long the first line is with its CR LF; `None`: it has not ended yet. Before it the head had so many bytes.
///
/// RFC 9112 §2.2 lets a recipient take a bare line feed for the end of a line; who does not,
/// reads another head.
fn line_length(buf: &[u8], looked_at: &mut usize, before: usize) -> Result<Option<usize>, WireError> {
    let new = buf.get(*looked_at..).unwrap_or_default();
    let end = memchr(b'\n', new).map(|found| *looked_at + found);
    if before + end.unwrap_or(buf.len()) > MAX_HEAD_BYTES {
        return Err(WireError::TooLarge);
    }
    let Some(end) = end else {
        *looked_at = buf.len();
        return Ok(None);
    };
    *looked_at = 0;
    let is_whole = buf.get(..end).is_some_and(|line| line.ends_with(b"\r"));
    if is_whole { Ok(Some(end + 1)) } else { Err(WireError::BareLineEnd) }
}

impl Begun {
    /// A head that begins with the line which `buf` begins with; `None`: that has not ended yet.
    fn with(
        buf: &mut BytesMut,
        looked_at: &mut usize,
        hidden: Marks,
        spare: &Spare,
    ) -> Result<Option<Self>, WireError> {
        let begins_well = buf.iter().zip(USUAL_LINE).take(VERSION_BYTES).all(|(byte, usual)| byte == usual);
        if !begins_well {
            return Err(WireError::NotHttp);
        }
        let (length, (version, status, reason)) = if buf.starts_with(USUAL_LINE) {
            *looked_at = 0;
            (USUAL_LINE.len(), (Version::HTTP_11, StatusCode::OK, None))
        } else {
            let Some(length) = line_length(buf, looked_at, 0)? else { return Ok(None) };
            (length, status_line(buf.get(..length).unwrap_or_default())?)
        };
        buf.advance(length);
        let mut headers = spare.take_headers();
        headers.reserve(USUAL_HEADERS);
        Ok(Some(Self {
            version,
            status,
            reason,
            headers,
            marks: Marks::default(),
            left_out: if status == StatusCode::SWITCHING_PROTOCOLS {
                hidden
            } else {
                hidden.or(Marks::ONE_HOP)
            },
            said_of_end: SaidOfEnd::default(),
            options: Options::default(),
            binds: false,
            bytes: length,
            lines: 0,
        }))
    }

    fn add(&mut self, line: &HeaderLine, length: usize) -> Result<(), WireError> {
        self.bytes += length;
        self.lines += 1;
        if self.lines > MAX_HEADERS {
            return Err(WireError::TooLarge);
        }
        let HeaderLine { ref name, ref value, marks } = *line;
        if marks.have(Marks::LENGTH) {
            self.said_of_end.add_length(value)?;
        }
        if marks.have(Marks::CONNECTION) {
            self.options.add(value);
        }
        if marks.have(Marks::CODING) {
            self.said_of_end.add_coding(self.version, value)?;
        }
        if marks.have(Marks::AUTHENTICATION) {
            self.binds |= *name == PERSISTENT_AUTH || names_bound_scheme(value);
        }
        if marks.have(self.left_out) {
            return Ok(());
        }
        self.marks.add(marks);
        self.headers.append(name, value.clone());
        Ok(())
    }

    fn end(self, asked: &Method) -> Result<AnswerHead, WireError> {
        let Self { version, status, reason, headers, marks, said_of_end, options, binds, .. } = self;
        let framing = Framing::of(asked, status, said_of_end)?;
        let kept = framing.keeps(status, version, said_of_end, &options);
        Ok(AnswerHead { status, reason, headers, marks, framing, kept, options, binds })
    }
}

/// One that is not the usual; `httparse` decides on it.
fn status_line(line: &[u8]) -> Result<(Version, StatusCode, Option<ReasonPhrase>), WireError> {
    let head = [line, b"\r\n"].concat();
    let mut parsed = httparse::Response::new(&mut []);
    if parsed.parse(&head).map_err(WireError::Line)? != httparse::Status::Complete(head.len()) {
        return Err(WireError::NotHttp);
    }
    let version = match parsed.version {
        Some(1) => Version::HTTP_11,
        Some(0) => Version::HTTP_10,
        _ => return Err(WireError::NotHttp),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(WireError::NotHttp)?;
    let reason =
        parsed.reason.filter(|reason| !reason.is_empty() && Some(*reason) != status.canonical_reason());
    Ok((version, status, reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok())))
}

/// Those that the gateway adds among them: the map grows for few.
const USUAL_HEADERS: usize = 12;
/// Begins most heads.
const USUAL_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";
/// How much of it begins all, `HTTP/1.`.
const VERSION_BYTES: usize = 7;
const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;
/// RFC 9110 §15.2 knows no limit; the most frequent, `102 Processing`, comes every few seconds.
const MAX_INTERIM: usize = 64;
