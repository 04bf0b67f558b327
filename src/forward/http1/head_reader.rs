//! The head of a response.

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

/// Reads the heads of one response: interim ones, and the final one.
#[derive(Debug)]
pub(in crate::forward) struct HeadReader {
    /// Classes of headers that are left out of the head, beside hop-by-hop headers.
    hidden: HeaderClass,
    empty_line: EmptyLine,
    interim: usize,
}

/// Result of [`HeadReader::read`].
#[derive(Debug)]
pub(in crate::forward) enum HeadEvent {
    /// More bytes are needed.
    More,
    /// `100 Continue`; the final head is still to come.
    Continue,
    /// Another interim response; the final head is still to come.
    Interim(ResponseHead),
    /// The final head. Bytes that are left in the buffer came after it.
    Final(ResponseHead),
}

/// The head of a response.
#[derive(Debug)]
pub(in crate::forward) struct ResponseHead {
    /// Status code.
    pub(in crate::forward) status: StatusCode,
    /// Reason phrase, if it is not the usual one.
    pub(in crate::forward) reason: Option<ReasonPhrase>,
    /// Headers without hop-by-hop headers and hidden ones; after a change of protocol, with hop-by-hop headers.
    pub(in crate::forward) headers: HeaderMap,
    /// Union of the classes of all headers.
    pub(in crate::forward) class: HeaderClass,
    /// End of the body.
    pub(in crate::forward) framing: Framing,
    /// Whether the upstream keeps the connection open afterwards.
    pub(in crate::forward) keep_alive: bool,
    /// Options of `Connection`.
    pub(in crate::forward) options: Options,
    /// Whether it says that the connection is being, or was, authenticated.
    pub(in crate::forward) binds: bool,
}

impl HeadReader {
    /// A reader of the heads of one response, which leaves out headers of these classes.
    pub(in crate::forward) fn new(hidden: HeaderClass) -> Self {
        Self { hidden, empty_line: EmptyLine::default(), interim: 0 }
    }

    /// Takes the next whole head out of `buf`.
    pub(in crate::forward) fn read(
        &mut self,
        asked: &Method,
        buf: &mut BytesMut,
    ) -> Result<HeadEvent, Http1Error> {
        // Without waiting for a whole head: an upstream that speaks another protocol may wait for the gateway.
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

    /// Whether a head was taken out of the buffer.
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
            keep_alive: framing.keep_alive(status, version, end, &options),
            options,
            binds,
        })
    }
}

/// The first bytes of each head.
const VERSION: &[u8] = b"HTTP/1.";
/// Number of headers that the gateway adds; the map has room for them.
const ADDED_HEADERS: usize = 4;
const MAX_HEAD_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;
/// RFC 9110 §15.2 has no limit; the most frequent interim response, `102 Processing`, comes every few seconds.
const MAX_INTERIM: usize = 64;

/// With it, IIS says that the connection stays authenticated.
static PERSISTENT_AUTH: HeaderName = HeaderName::from_static("persistent-auth");
