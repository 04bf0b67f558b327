//! HTTP/2 frame by frame, right or wrong.
//!
//! The frames that a test sends may break every rule of RFC 9113; the frames of the gateway are returned as they came.

use std::io;

use super::{client::RawClient, gateway::TestGateway};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const WITH_PRIORITY: u8 = 0x20;

/// RFC 9113 §7.
pub const PROTOCOL_ERROR: u32 = 1;
/// See [`PROTOCOL_ERROR`].
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// The connection preface (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame, as it is sent (RFC 9113 §4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let len = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A head's fields as literals that are not indexed (RFC 7541 §6.2.2), without Huffman coding.
pub fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_bytes(), value] {
            // RFC 7541 §5.1: what does not fit into seven bits follows in groups of seven.
            let mut rest = text.len();
            if rest < 127 {
                block.push(u8::try_from(rest).expect("seven bits"));
            } else {
                block.push(127);
                rest -= 127;
                while rest >= 128 {
                    block.push(u8::try_from(rest % 128).expect("seven bits") | 128);
                    rest /= 128;
                }
                block.push(u8::try_from(rest).expect("seven bits"));
            }
            block.extend_from_slice(text);
        }
    }
    block
}

/// The pseudo-header fields of `GET https://localhost/PATH`.
pub fn get(path: &str) -> [(&str, &[u8]); 4] {
    [(":method", b"GET"), (":scheme", b"https"), (":authority", b"localhost"), (":path", path.as_bytes())]
}

/// The same for a POST.
pub fn post(path: &str) -> [(&str, &[u8]); 4] {
    [(":method", b"POST"), (":scheme", b"https"), (":authority", b"localhost"), (":path", path.as_bytes())]
}

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error of a `RST_STREAM` or GOAWAY.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// The reaction of the gateway to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The gateway responded; the first byte of the response's header block.
    Responded(u8),
    /// The gateway reset the stream, with this error.
    Reset(u32),
    /// The gateway ended the connection, with this error.
    GoAway(u32),
    /// The gateway closed without a frame.
    Closed,
}

impl Verdict {
    /// Whether it was a refusal: 400, 413, 414, 431 and their like begin otherwise than with `:status: 200`.
    pub fn is_refusal(self) -> bool {
        // RFC 7541 appendix A: 0x88 is `:status: 200`.
        self != Self::Responded(0x88)
    }
}

/// A client that sends frames.
pub struct Frames(pub RawClient);

impl Frames {
    /// A connection on which nothing has been sent, not even the preface.
    pub fn silent(gateway: &TestGateway) -> Self {
        Self(RawClient::connect_as(gateway, "localhost", &[b"h2"]))
    }

    /// A connection with preface and empty settings sent.
    pub fn connect(gateway: &TestGateway) -> Self {
        let mut this = Self::silent(gateway);
        this.send([PREFACE, &frame(SETTINGS, 0, 0, [])].concat());
        this
    }

    /// Sends bytes; the gateway may have closed already.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.try_send(bytes).ok();
    }

    /// The next frame; an error if the gateway closes.
    #[track_caller]
    pub fn next(&mut self) -> io::Result<Frame> {
        let head = self.0.bytes(9)?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = self.0.bytes(usize::try_from(len).expect("a length"))?;
        let stream = u32::from_be_bytes(head[5..9].try_into().expect("four bytes"));
        Ok(Frame { kind: head[3], stream, payload })
    }

    /// The first thing that the gateway says of this stream, or of the connection.
    #[track_caller]
    pub fn verdict(&mut self, stream: u32) -> Verdict {
        loop {
            let Ok(frame) = self.next() else { return Verdict::Closed };
            match frame.kind {
                HEADERS if frame.stream == stream => return Verdict::Responded(frame.payload[0]),
                RST_STREAM if frame.stream == stream => return Verdict::Reset(frame.error()),
                GOAWAY => return Verdict::GoAway(frame.error()),
                _ => {}
            }
        }
    }

    /// How the gateway ends the connection: with a GOAWAY, or by closing it.
    #[track_caller]
    pub fn end(&mut self) -> Verdict {
        self.verdict(u32::MAX)
    }
}
