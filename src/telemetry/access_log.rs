//! The access log: one line for each request.
//!
//! A worker formats its lines into a buffer and hands full buffers to the
//! [`LogWriter`]. JSON is written field by field, because every request pays for
//! its line; escaping is left to `serde_json`. The query of a URL is left out:
//! it may hold secrets.

use std::{cell::RefCell, io::Write, net::IpAddr, time::Duration};

use super::{Format, LogWriter};
use crate::{clock::Timestamp, escape::escaped};

/// The access log of a worker.
#[derive(Debug)]
pub struct AccessLog {
    writer: LogWriter,
    format: Format,
    buffer: RefCell<Vec<u8>>,
}

/// A request and its response, at the end of the response.
#[derive(Debug)]
pub struct AccessRecord<'a> {
    /// When the request's head was read.
    pub time: Timestamp,
    /// The request's id, in ASCII.
    pub id: &'a [u8],
    /// Address of the client, after trusted proxies; `None`: unknown.
    pub client: Option<IpAddr>,
    /// The method, as received.
    pub method: &'a str,
    /// The host, as received; empty if none could be read.
    pub host: &'a str,
    /// The path, as received, without the query.
    pub path: &'a str,
    /// The status of the response.
    pub status: u16,
    /// The length of the response's body, as sent.
    pub bytes: u64,
    /// From the head of the request to the end of the response.
    pub duration: Duration,
    /// From the forwarded head to the head of the upstream's response.
    pub upstream_time: Option<Duration>,
    /// The app of the request.
    pub app: Option<&'a str>,
    /// The name of the user.
    pub user: Option<&'a str>,
    /// The decision of a rule that is not enforced, where it differs.
    pub unenforced: Option<UnenforcedRecord<'a>>,
    /// The reason of a refusal, where the status alone does not tell.
    pub reason: Option<&'a str>,
    /// The shield's finding about a request from another site.
    pub shield: Option<&'static str>,
    /// The reason why the response's body is not complete.
    pub ended: Option<Ended>,
}

/// Why the body of a response is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The upstream sent nothing for too long.
    Stalled,
    /// The upstream closed the connection, or sent invalid HTTP.
    Broken,
    /// The gateway ended the response: the session had ended, or the request's body was at fault.
    Cancelled,
    /// The client disconnected or reset the stream.
    Unread,
}

impl Ended {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
            Self::Unread => "unread",
        }
    }
}

/// The decision of a rule that is not enforced.
#[derive(Debug)]
pub struct UnenforcedRecord<'a> {
    /// `forbidden`, `sign-in` or `confirm`.
    pub outcome: &'static str,
    /// The location of the rule in the configuration.
    pub rule: &'a str,
}

impl AccessLog {
    /// An access log in front of the writer.
    pub fn new(writer: LogWriter, format: Format) -> Self {
        Self { writer, format, buffer: RefCell::default() }
    }

    /// Adds a line; hands the buffer over once it is large.
    pub fn record(&self, record: &AccessRecord<'_>) {
        let mut buffer = self.buffer.borrow_mut();
        let start = buffer.len();
        let written = match self.format {
            Format::Json => write_json(&mut buffer, record),
            Format::Text => write_text(&mut buffer, record),
        };
        if let Err(error) = written {
            buffer.truncate(start);
            tracing::error!(%error, "access-log line not formatted");
            return;
        }
        if buffer.len() >= HAND_OVER_BYTES {
            self.writer.write(std::mem::take(&mut buffer));
        }
    }

    /// Hands over what has collected; each worker calls this a few times a second.
    pub fn flush(&self) {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            self.writer.write(std::mem::take(&mut buffer));
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes a line without `serde`, which takes three times as long.
fn write_json(line: &mut Vec<u8>, record: &AccessRecord<'_>) -> std::io::Result<()> {
    line.reserve(TYPICAL_LINE_BYTES);
    line.extend_from_slice(br#"{"log":"access","time":""#);
    line.extend_from_slice(record.time.to_text().as_bytes());
    line.extend_from_slice(br#"","id":"#);
    write_id(line, record.id)?;
    line.extend_from_slice(br#","client":""#);
    match record.client {
        Some(addr) => write_addr(line, addr)?,
        None => line.extend_from_slice(UNKNOWN.as_bytes()),
    }
    line.extend_from_slice(br#"","method":"#);
    write_string(line, record.method)?;
    line.extend_from_slice(br#","host":"#);
    write_string(line, record.host)?;
    line.extend_from_slice(br#","path":"#);
    write_path(line, record.path)?;
    line.extend_from_slice(br#","status":"#);
    write_number(line, record.status.into());
    line.extend_from_slice(br#","bytes":"#);
    write_number(line, record.bytes);
    line.extend_from_slice(br#","ms":"#);
    write_millis(line, record.duration);
    if let Some(time) = record.upstream_time {
        line.extend_from_slice(br#","upstream_ms":"#);
        write_millis(line, time);
    }
    if let Some(app) = record.app {
        line.extend_from_slice(br#","app":"#);
        write_string(line, app)?;
    }
    if let Some(user) = record.user {
        line.extend_from_slice(br#","user":"#);
        write_string(line, user)?;
    }
    if let Some(UnenforcedRecord { outcome, rule }) = &record.unenforced {
        line.extend_from_slice(br#","unenforced":{"outcome":"#);
        write_string(line, outcome)?;
        line.extend_from_slice(br#","rule":"#);
        write_string(line, rule)?;
        line.push(b'}');
    }
    if let Some(reason) = record.reason {
        line.extend_from_slice(br#","reason":"#);
        write_string(line, reason)?;
    }
    if let Some(shield) = record.shield {
        line.extend_from_slice(br#","shield":"#);
        write_string(line, shield)?;
    }
    if let Some(ended) = record.ended {
        line.extend_from_slice(br#","ended":"#);
        write_string(line, ended.as_str())?;
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn write_id(line: &mut Vec<u8>, id: &[u8]) -> std::io::Result<()> {
    if needs_no_escape(id) {
        write_quoted(line, id);
        return Ok(());
    }
    write_string(line, &String::from_utf8_lossy(id))
}

fn write_string(line: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    if needs_no_escape(text.as_bytes()) {
        write_quoted(line, text.as_bytes());
        return Ok(());
    }
    Ok(serde_json::to_writer(line, text)?)
}

/// Writes a path. The path of a refused request may hold any UTF-8.
fn write_path(line: &mut Vec<u8>, path: &str) -> std::io::Result<()> {
    if needs_no_escape(path.as_bytes()) {
        write_quoted(line, path.as_bytes());
    } else {
        line.extend_from_slice(escaped(&serde_json::to_string(path)?).as_bytes());
    }
    Ok(())
}

fn write_quoted(line: &mut Vec<u8>, text: &[u8]) {
    line.push(b'"');
    line.extend_from_slice(text);
    line.push(b'"');
}

/// Whether the bytes are a string of JSON without any escape, as nearly all are.
fn needs_no_escape(text: &[u8]) -> bool {
    text.iter().all(|byte| PLAIN.get(usize::from(*byte)) == Some(&true))
}

/// Printable ASCII without quotes and backslashes. The table costs half as much as comparisons.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let [entry, others @ ..] = rest {
        *entry = matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

/// An address. `std::fmt` takes five times as long for that of IPv4.
fn write_addr(line: &mut Vec<u8>, addr: IpAddr) -> std::io::Result<()> {
    let IpAddr::V4(addr) = addr else { return write!(line, "{addr}") };
    let [first, others @ ..] = addr.octets();
    write_number(line, first.into());
    for octet in others {
        line.push(b'.');
        write_number(line, octet.into());
    }
    Ok(())
}

/// Milliseconds with their microseconds after the point.
fn write_millis(line: &mut Vec<u8>, duration: Duration) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    write_number(line, micros / 1000);
    line.push(b'.');
    // Leading zeros count: all digits of 1000 and more, without the first.
    let mut digits = itoa::Buffer::new();
    let three = digits.format(1000 + micros % 1000).as_bytes();
    line.extend_from_slice(three.get(1..).unwrap_or_default());
}

fn write_number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Replaces an address that is unknown.
const UNKNOWN: &str = "unknown";

fn write_text(buffer: &mut Vec<u8>, record: &AccessRecord<'_>) -> std::io::Result<()> {
    write!(buffer, "{} {} ", record.time, record.id.escape_ascii())?;
    match record.client {
        Some(addr) => write!(buffer, "{addr}")?,
        None => buffer.extend_from_slice(UNKNOWN.as_bytes()),
    }
    write!(
        buffer,
        " {} {}{} {} {}B {:.1}ms",
        record.method,
        record.host,
        record.path.escape_debug(),
        record.status,
        record.bytes,
        millis(record.duration),
    )?;
    if let Some(time) = record.upstream_time {
        write!(buffer, " upstream={:.1}ms", millis(time))?;
    }
    if let Some(app) = record.app {
        write!(buffer, " app={app}")?;
    }
    if let Some(user) = record.user {
        write!(buffer, " user={user}")?;
    }
    if let Some(unenforced) = &record.unenforced {
        write!(buffer, " unenforced={} rule={}", unenforced.outcome, unenforced.rule.escape_debug())?;
    }
    if let Some(reason) = record.reason {
        write!(buffer, " reason=\"{}\"", escaped(reason))?;
    }
    if let Some(shield) = record.shield {
        write!(buffer, " shield=\"{shield}\"")?;
    }
    if let Some(ended) = record.ended {
        write!(buffer, " ended={}", ended.as_str())?;
    }
    buffer.push(b'\n');
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Most lines are shorter; the buffer grows for longer ones.
const TYPICAL_LINE_BYTES: usize = 384;
/// Each hand-over wakes the writer's thread.
const HAND_OVER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::telemetry::CapturedLog;

    fn lines(format: Format) -> String {
        let output = CapturedLog::default();
        let writer = LogWriter::start(output.clone()).unwrap();
        let log = AccessLog::new(writer.clone(), format);
        log.record(&AccessRecord {
            time: Timestamp::from_millis(1_700_000_000_000),
            id: b"0f-1",
            client: Some(Ipv4Addr::LOCALHOST.into()),
            method: "GET",
            host: "wiki.example.com",
            path: "/a\"b\u{1b}[2J",
            status: 200,
            bytes: 12,
            duration: Duration::from_micros(1500),
            upstream_time: Some(Duration::from_micros(1250)),
            app: Some("wiki"),
            user: None,
            unenforced: Some(UnenforcedRecord { outcome: "forbidden", rule: "gateway.toml:7:8" }),
            reason: None,
            shield: Some("reported: origin"),
            ended: Some(Ended::Stalled),
        });
        log.flush();
        assert!(writer.flush(Duration::from_secs(20)));
        output.text()
    }

    #[test]
    fn json_lines_are_json() {
        let value: serde_json::Value = serde_json::from_str(&lines(Format::Json)).unwrap();
        assert_eq!(value["log"], "access");
        assert_eq!(value["time"], "2023-11-14T22:13:20.000Z");
        assert_eq!(value["ms"], 1.5);
        assert_eq!(value["upstream_ms"], 1.25);
        assert_eq!(value["path"], "/a\"b\u{1b}[2J");
        assert!(value.get("user").is_none());
        assert_eq!(value["unenforced"]["rule"], "gateway.toml:7:8");
        assert_eq!(
            (&value["unenforced"]["outcome"], &value["shield"]),
            (&"forbidden".into(), &"reported: origin".into())
        );
        assert_eq!(value["ended"], "stalled");
    }

    #[test]
    fn durations_are_milliseconds_to_the_microsecond() {
        for (micros, text) in [(0, "0.000"), (7, "0.007"), (1_050, "1.050"), (61_000_999, "61000.999")] {
            let mut line = Vec::new();
            write_millis(&mut line, Duration::from_micros(micros));
            assert_eq!(String::from_utf8(line).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn json_lines_parse_to_their_fields(
            text in r#"[ -~]{0,40}|[a\"\\\x00-\x1f\x7fä\u{202e}\u{1f600}]{0,20}|\PC{0,20}"#,
            client: Option<IpAddr>,
            (status, bytes) in (0..1000_u16, prop_oneof![Just(u64::MAX), any::<u64>(), 0..2000_u64]),
            micros in 0..100_000_000_u64,
        ) {
            let text = text.as_str();
            let record = AccessRecord {
                time: Timestamp::from_millis(1_700_000_000_000),
                id: text.as_bytes(),
                client,
                method: text,
                host: text,
                path: text,
                status,
                bytes,
                duration: Duration::from_micros(micros),
                upstream_time: None,
                app: Some(text),
                user: Some(text),
                unenforced: Some(UnenforcedRecord { outcome: "forbidden", rule: text }),
                reason: None,
                shield: None,
                ended: None,
            };
            let mut line = Vec::new();
            write_json(&mut line, &record).unwrap();
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(line.matches('\n').count(), 1);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            for key in ["id", "method", "host", "path", "app", "user"] {
                prop_assert_eq!(&value[key], text, "{}", key);
            }
            prop_assert_eq!(&value["unenforced"]["rule"], text);
            prop_assert_eq!(&value["client"], &client.map_or("unknown".to_owned(), |addr| addr.to_string()));
            prop_assert_eq!((&value["status"], &value["bytes"]), (&status.into(), &bytes.into()));
            let millis = format!("\"ms\":{}.{:03},", micros / 1000, micros % 1000);
            prop_assert!(line.contains(&millis), "{line}");
        }
    }

    #[test]
    fn text_lines_carry_no_control_characters() {
        let text = lines(Format::Text);
        assert_eq!(text.matches('\n').count(), 1);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(
            text.contains(" unenforced=forbidden rule=gateway.toml:7:8 shield=\"reported: origin\""),
            "{text}"
        );
    }
}
