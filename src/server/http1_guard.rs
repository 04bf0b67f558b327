//! The start and the end of each HTTP/1.1 request of a connection, read strictly.
//!
//! hyper forgives what a proxy in front of the gateway may read differently: a bare line feed as the end of a line, a length
//! beside `chunked`, the same length twice, codings before `chunked`. Each is a way to hide one request within another.
//! `counted_socket` has [`Http1Guard`] read the bytes before hyper does; it finds the first byte that RFC 9112 does not allow
//! where it stands. It follows the bodies too, or it would lose sight of the second request in a packet. Every other fault
//! of a head is hyper's to refuse.

use memchr::{memchr, memchr2, memchr3};

/// Follows the requests of one connection.
#[derive(Debug)]
pub(crate) struct Http1Guard {
    part: Part,
    line: Line,
    request_line: RequestLine,
    length: Option<u64>,
    chunked: bool,
    /// Whether the request wants another protocol.
    upgrades: bool,
    /// Heads that have ended.
    heads: u32,
    /// Header fields of the head that is being read, and the most that a head had.
    fields: usize,
    most_fields: usize,
}

/// How far the request line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestLine {
    /// Not to its target. Empty lines before it are ignored (RFC 9112 §2.2).
    Method,
    /// Into its target, not to a query.
    Target,
    /// Into the query of its target.
    Query,
    /// To its end.
    Read,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Body { left: u64 },
    ChunkSize,
    Chunk { left: u64 },
    ChunkEnd,
    Trailers,
}

/// A line that has come in part: its length and its first bytes.
#[derive(Debug)]
struct Line {
    start: [u8; LOOKED_AT],
    len: usize,
    after_cr: bool,
}

/// A line that has come whole.
#[derive(Clone, Copy)]
struct Text<'l> {
    /// Its first bytes, at most [`LOOKED_AT`].
    start: &'l [u8],
    len: usize,
}

/// A byte that RFC 9112 does not allow where it stands.
struct Misplaced;

/// How far [`Http1Guard::follow_to_upgrade`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// To the end of the bytes.
    All,
    /// To the end of a request that wants another protocol (RFC 9110 §7.8), which ends here. The bytes behind it
    /// belong to that protocol or are the next request; only the response tells which.
    Upgrade(usize),
    /// To this byte, which does not belong there.
    Misplaced(usize),
}

impl Http1Guard {
    /// At the beginning of a connection.
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Head,
            line: Line::new(),
            request_line: RequestLine::Method,
            length: None,
            chunked: false,
            upgrades: false,
            heads: 0,
            fields: 0,
            most_fields: 0,
        }
    }

    /// The most header fields that a head had.
    pub(super) fn most_fields(&self) -> usize {
        self.most_fields
    }

    /// How many heads have ended, wrapping around.
    pub(super) fn heads(&self) -> u32 {
        self.heads
    }

    /// Whether a head has come in part.
    pub(super) fn is_within_head(&self) -> bool {
        matches!(self.part, Part::Head) && (self.request_line == RequestLine::Read || !self.line.is_empty())
    }

    /// Whether all that came belongs to requests that have come whole.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.part, Part::Head) && !self.is_within_head()
    }

    /// Follows the next bytes, all of which are HTTP; says which of them is the first that does not belong there.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            match self.follow_to_upgrade(bytes.get(at..).unwrap_or_default()) {
                Followed::All => return None,
                Followed::Upgrade(end) => at += end,
                Followed::Misplaced(misplaced) => return Some(at + misplaced),
            }
        }
    }

    /// Follows the next bytes, until a request has ended that wants another protocol.
    pub(super) fn follow_to_upgrade(&mut self, bytes: &[u8]) -> Followed {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.part {
                Part::Body { left } => {
                    at += self.skip(left, rest.len(), |left| Part::Body { left }, Part::Head);
                }
                Part::Chunk { left } => {
                    at += self.skip(left, rest.len(), |left| Part::Chunk { left }, Part::ChunkEnd);
                }
                Part::Head | Part::ChunkSize | Part::ChunkEnd | Part::Trailers => {
                    let plain = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
                    let (plain, ending) = rest.split_at(plain);
                    if let Some(misplaced) = self.misplaced_in(plain) {
                        return Followed::Misplaced(at + misplaced);
                    }
                    at += plain.len();
                    match ending {
                        // Nearly always, a line is there whole, and is read in place.
                        [b'\r', b'\n', ..] if self.line.is_empty() => {
                            if self.line_ended(Text::of(plain)).is_err() {
                                return Followed::Misplaced(at + 1);
                            }
                            at += 2;
                        }
                        [byte, ..] => {
                            self.line.push(plain);
                            if self.ending(*byte).is_err() {
                                return Followed::Misplaced(at);
                            }
                            at += 1;
                        }
                        [] => self.line.push(plain),
                    }
                }
            }
            if self.upgrades && self.is_between() {
                self.upgrades = false;
                return Followed::Upgrade(at);
            }
        }
        Followed::All
    }

    fn skip(&mut self, left: u64, here: usize, still: impl Fn(u64) -> Part, then: Part) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(here);
        let left = left - skipped as u64;
        self.part = if left == 0 { then } else { still(left) };
        skipped
    }

    /// The first byte of a line, before its end, that does not belong there.
    fn misplaced_in(&mut self, text: &[u8]) -> Option<usize> {
        let first = *text.first()?;
        let line = &self.line;
        // A CR that no LF follows; §5.2: no line begins with a blank.
        if line.after_cr || (line.len == 0 && matches!(first, b' ' | b'\t')) {
            return Some(0);
        }
        // No byte between the end of a chunk and that of its line, however long it takes to come.
        if matches!(self.part, Part::ChunkEnd) {
            return Some(0);
        }
        if self.is_in_request_line() { self.misplaced_in_target(text) } else { None }
    }

    /// The first byte of a request line that may stand in no request target (RFC 9112 §3.2, RFC 3986 §2): a fragment, which
    /// hyper would cut off silently, or a byte that hyper refuses after it has thrown the head away, so that the access log
    /// would have neither path nor host.
    fn misplaced_in_target(&mut self, text: &[u8]) -> Option<usize> {
        let misplaced = memchr3(b'#', b'<', b'>', text);
        let find = |byte, from: usize| Some(from + memchr(byte, text.get(from..)?)?);
        let path = match self.request_line {
            // A method may have a backtick (RFC 9110 §5.6.2).
            RequestLine::Method => memchr(b' ', text),
            RequestLine::Target => Some(0),
            RequestLine::Query | RequestLine::Read => None,
        };
        let query = match path {
            Some(path) => find(b'?', path),
            None => (self.request_line == RequestLine::Query).then_some(0),
        };
        if query.is_some() {
            self.request_line = RequestLine::Query;
        } else if path.is_some() {
            self.request_line = RequestLine::Target;
        }
        let backtick =
            path.and_then(|path| find(b'`', path)).filter(|at| query.is_none_or(|query| *at < query));
        let quote = query.and_then(|query| find(b'"', query));
        misplaced.into_iter().chain(backtick).chain(quote).min()
    }

    /// Whether the request line has not ended yet.
    pub(super) fn is_in_request_line(&self) -> bool {
        self.request_line != RequestLine::Read && matches!(self.part, Part::Head)
    }

    /// RFC 9112 §2.2: a line ends in CR LF, and neither stands alone.
    fn ending(&mut self, byte: u8) -> Result<(), Misplaced> {
        match (self.line.after_cr, byte) {
            (true, b'\n') => {
                let line = std::mem::replace(&mut self.line, Line::new());
                self.line_ended(line.looked_at())
            }
            (false, b'\r') => {
                self.line.after_cr = true;
                Ok(())
            }
            _ => Err(Misplaced),
        }
    }

    fn line_ended(&mut self, line: Text<'_>) -> Result<(), Misplaced> {
        let is_empty = line.len == 0;
        match self.part {
            Part::Head if !is_empty && self.request_line == RequestLine::Read => return self.header(line),
            Part::Head if self.request_line == RequestLine::Read => return self.head_ended(),
            Part::Head if is_empty => {}
            Part::Head => self.request_line = RequestLine::Read,
            Part::ChunkSize => {
                self.part = match chunk_size(line)? {
                    0 => Part::Trailers,
                    left => Part::Chunk { left },
                };
            }
            Part::ChunkEnd => self.part = Part::ChunkSize,
            Part::Trailers if is_empty => self.part = Part::Head,
            // `forward` decides which trailers pass.
            Part::Trailers | Part::Body { .. } | Part::Chunk { .. } => {}
        }
        Ok(())
    }

    fn header(&mut self, Text { start: line, len }: Text<'_>) -> Result<(), Misplaced> {
        self.fields += 1;
        self.most_fields = self.most_fields.max(self.fields);
        let is_whole = len <= LOOKED_AT;
        if let Some(value) = value_of(b"content-length", line) {
            let length = digits(value, 10, MAX_DECIMAL_DIGITS).filter(|_| is_whole).ok_or(Misplaced)?;
            return if self.length.replace(length).is_some() { Err(Misplaced) } else { Ok(()) };
        }
        self.upgrades |= value_of(b"upgrade", line).is_some();
        if let Some(value) = value_of(b"transfer-encoding", line) {
            let is_chunked = is_whole && value.eq_ignore_ascii_case(b"chunked");
            return if std::mem::replace(&mut self.chunked, true) || !is_chunked {
                Err(Misplaced)
            } else {
                Ok(())
            };
        }
        Ok(())
    }

    fn head_ended(&mut self) -> Result<(), Misplaced> {
        self.request_line = RequestLine::Method;
        self.heads = self.heads.wrapping_add(1);
        self.fields = 0;
        self.part = match (self.length.take(), std::mem::take(&mut self.chunked)) {
            (Some(_), true) => return Err(Misplaced),
            (None, true) => Part::ChunkSize,
            (None | Some(0), false) => Part::Head,
            (Some(left), false) => Part::Body { left },
        };
        Ok(())
    }
}

impl Line {
    fn new() -> Self {
        Self { start: [0; LOOKED_AT], len: 0, after_cr: false }
    }

    fn is_empty(&self) -> bool {
        self.len == 0 && !self.after_cr
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.start.get_mut(self.len..).unwrap_or_default();
        let fits = room.len().min(text.len());
        if let (Some(room), Some(text)) = (room.get_mut(..fits), text.get(..fits)) {
            room.copy_from_slice(text);
        }
        self.len += text.len();
    }

    fn looked_at(&self) -> Text<'_> {
        Text { start: self.start.get(..self.len).unwrap_or(&self.start), len: self.len }
    }
}

impl<'l> Text<'l> {
    fn of(line: &'l [u8]) -> Self {
        Self { start: line.get(..LOOKED_AT).unwrap_or(line), len: line.len() }
    }
}

/// RFC 9112 §7.1; no blanks, which some take for the end of the number.
fn chunk_size(line: Text<'_>) -> Result<u64, Misplaced> {
    let size = line.start.split(|byte| *byte == b';').next().unwrap_or_default();
    digits(size, 16, MAX_HEX_DIGITS).ok_or(Misplaced)
}

/// The value in this line, if it is of this name.
fn value_of<'l>(name: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// A number of nothing but digits, too few of them to overflow.
fn digits(text: &[u8], radix: u32, most: usize) -> Option<u64> {
    if text.is_empty() || text.len() > most {
        return None;
    }
    text.iter().try_fold(0, |number: u64, byte| {
        Some(number * u64::from(radix) + u64::from(char::from(*byte).to_digit(radix)?))
    })
}

/// Enough for the names and values that frame a message.
const LOOKED_AT: usize = 64;
const MAX_DECIMAL_DIGITS: usize = 18;
const MAX_HEX_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first byte that is misplaced, however the bytes are cut into pieces.
    fn follow(bytes: &str) -> Option<usize> {
        let whole = Http1Guard::new().follow(bytes.as_bytes());
        let mut guard = Http1Guard::new();
        let single = bytes.bytes().position(|byte| guard.follow(&[byte]).is_some());
        assert_eq!(whole, single, "{bytes:?}");
        whole
    }

    #[test]
    fn requests_one_after_the_other_are_followed() {
        for fine in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nReferer: /#a\r\n\r\n",
            "GET /\"a\"?b HTTP/1.1\r\nX: <\"a\">?\r\n\r\nGET /\" HTTP/1.1\r\n\r\n",
            "G`T /?a=`b HTTP/1.1\r\nX: `\r\n\r\nG`T / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-LENGTH:0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=\"y\"\r\n\n\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(follow(fine), None, "{fine:?}");
        }
    }

    #[test]
    fn a_request_that_wants_another_protocol_is_followed_to_its_end() {
        for (upgrade, behind) in [
            ("GET / HTTP/1.1\r\nUpgrade: websocket\r\nHost: a\r\n\r\n", "\x02\x03a\nb"),
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nupgrade:x\r\n\r\n", ""),
            ("POST / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc", "GET / HTTP/1.1\r\n"),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nUpgrade: x\r\n\r\n1\r\nx\r\n0\r\nY: z\r\n\r\n",
                "\n",
            ),
        ] {
            let whole = format!("{upgrade}{behind}");
            let followed = Http1Guard::new().follow_to_upgrade(whole.as_bytes());
            assert_eq!(followed, Followed::Upgrade(upgrade.len()), "{whole:?}");
            let mut guard = Http1Guard::new();
            let single = whole.bytes().position(|byte| guard.follow_to_upgrade(&[byte]) != Followed::All);
            assert_eq!(single, Some(upgrade.len() - 1), "{whole:?}");
            assert_eq!(guard.follow_to_upgrade(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Followed::All);
        }
    }

    #[test]
    fn a_request_that_could_be_read_in_two_ways_is_found() {
        let long = format!("POST / HTTP/1.1\r\nContent-Length: {}5\r\n\r\n", " ".repeat(80));
        for wrong in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n",
            " GET / HTTP/1.1\r\n\r\n",
            "GET /public#/../admin HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /a`b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /a`?b HTTP/1.1\r\n\r\n",
            "GET /a<b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?a>b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /?a=\"b HTTP/1.1\r\nHost: a\r\n\r\n",
            "\nGET / HTTP/1.1\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length:\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;x\r\n\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1111111111111111\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\nHost: a\r\n\r\n",
            &long,
        ] {
            assert!(follow(wrong).is_some(), "{wrong:?}");
        }
    }
}
