//! The head of an answer.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::{
    super::{connection_auth::names_bound_scheme, header_table::HeaderClass},
    Framing, Http1Error, Options,
    framing::DeclaredEnd,
    lines::EmptyLine,
};

/// Reads the heads of one answer, interim ones too, until the final one is there.
#[derive(Debug)]
pub(in crate::forward) struct HeadReader {
    /// Which headers are read and not kept, beside those for one hop.
    hidden: HeaderClass,
    empty_line: EmptyLine,
    interim: usize,
}

/// What has been heard of an answer so far.
#[derive(Debug)]
pub(in crate::forward) enum HeadEvent {
    /// Nothing that is whole; there must be more bytes first.
    More,
    /// `100 Continue`; the final head is still to come.
    Continue,
    /// Another interim response; the final head is still to come.
    Interim(ResponseHead),
    /// The final head. What is left in the buffer came after it.
    Final(ResponseHead),
}

/// The final head of an answer, or that of a change of protocol.
#[derive(Debug)]
pub(in crate::forward) struct ResponseHead {
    /// Its status.
    pub(in crate::forward) status: StatusCode,
    /// Where it is not the usual one.
    pub(in crate::forward) reason: Option<ReasonPhrase>,
    /// Without those for one hop and hidden ones; of a change of protocol, with what is changed to.
    pub(in crate::forward) headers: HeaderMap,
    /// The classes of all headers together.
    pub(in crate::forward) class: HeaderClass,
    /// Where the body ends.
    pub(in crate::forward) framing: Framing,
    /// Whether the upstream keeps the connection afterwards.
    pub(in crate::forward) kept: bool,
    /// What `Connection` said.
    pub(in crate::forward) options: Options,
    /// Whether it tells that the connection is being, or was, authenticated.
    pub(in crate::forward) binds: bool,
}

impl HeadReader {
    /// A reader of the heads of one answer, without the headers of these classes.
    pub(in crate::forward) fn new(hidden: HeaderClass) -> Self {
        Self { hidden, empty_line: EmptyLine::default(), interim: 0 }
    }

    /// Reads on in what has come; takes each whole head out of `buf`.
    pub(in crate::forward) fn read(
        &mut self,
        asked: &Method,
        buf: &mut BytesMut,
    ) -> Result<HeadEvent, Http1Error> {
        // At once: an upstream that speaks another protocol may wait for an answer of its own.
        if !buf.iter().zip(VERSION).all(|(byte, expected)| byte == expected) {
            return Err(Http1Error::NotHttp);
        }
        let Some(end) = self.empty_line.end(buf, MAX_HEAD_BYTES)? else { return Ok(HeadEvent::More) };
        let head = ResponseHead::parse(&buf.split_to(end).freeze(), asked, self.hidden)?;
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(HeadEvent::Final(head));
        }
        self.interim += 1;
        if self.interim > MAX_INTERIM {
            return Err(Http1Error::TooManyInterim);
        }
        Ok(if head.status == StatusCode::CONTINUE { HeadEvent::Continue } else { HeadEvent::Interim(head) })
    }

    /// Whether anything has been taken out of the buffer.
    pub(in crate::forward) fn has_read(&self) -> bool {
        self.interim > 0
    }
}

impl ResponseHead {
    /// Reads a whole head, its empty line included. Values are parts of `bytes`, not copies.
    fn parse(bytes: &Bytes, asked: &Method, hidden: HeaderClass) -> Result<Self, Http1Error> {
        let mut storage = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut storage) {
            Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
            Ok(_) => return Err(Http1Error::NotHttp),
            Err(httparse::Error::TooManyHeaders) => return Err(Http1Error::TooLarge),
            Err(error) => return Err(Http1Error::Line(error)),
        }
        let version = match parsed.version {
            Some(1) => Version::HTTP_11,
            Some(0) => Version::HTTP_10,
            _ => return Err(Http1Error::NotHttp),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or(Http1Error::NotHttp)?;
        let reason =
            parsed.reason.filter(|reason| !reason.is_empty() && Some(*reason) != status.canonical_reason());
        let left_out = if status == StatusCode::SWITCHING_PROTOCOLS {
            hidden
        } else {
            hidden.or(HeaderClass::HOP_BY_HOP)
        };

        let mut headers = HeaderMap::with_capacity(parsed.headers.len() + ADDED_HEADERS);
        let (mut all, mut end) = (HeaderClass::default(), DeclaredEnd::default());
        let (mut options, mut binds) = (Options::default(), false);
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Http1Error::Header)?;
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value))
                .map_err(|_| Http1Error::Header)?;
            let class = HeaderClass::of(&name);
            if class.has(HeaderClass::CONTENT_LENGTH) {
                end.add_length(&value)?;
            }
            if class.has(HeaderClass::CONNECTION) {
                options.add(&value);
            }
            if class.has(HeaderClass::TRANSFER_ENCODING) {
                end.add_coding(version, &value)?;
            }
            if class.has(HeaderClass::AUTHENTICATION) {
                binds |= name == PERSISTENT_AUTH || names_bound_scheme(&value);
            }
            if !class.has(left_out) {
                all.add(class);
                headers.append(name, value);
            }
        }
        let framing = Framing::of(asked, status, end)?;
        Ok(Self {
            status,
            reason: reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok()),
            headers,
            class: all,
            framing,
            kept: framing.keeps(status, version, end, &options),
            options,
            binds,
        })
    }
}

/// Begins all heads.
const VERSION: &[u8] = b"HTTP/1.";
/// How many the gateway adds, so that the map does not grow for them.
const ADDED_HEADERS: usize = 4;
const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;
/// RFC 9110 §15.2 knows no limit; the most frequent, `102 Processing`, comes every few seconds.
const MAX_INTERIM: usize = 64;

/// IIS says in it that the connection stays authenticated.
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");
