//! One line for each request.

use std::{cell::RefCell, io::Write, net::IpAddr, time::Duration};

use super::{Format, LogWriter};
use crate::{clock::Timestamp, escape::escaped};

/// A worker's access log: lines collect in a buffer of its own, whole buffers go to the writer.
#[derive(Debug)]
pub struct AccessLog {
    writer: LogWriter,
    format: Format,
    buffer: RefCell<Vec<u8>>,
}

/// What is known of a request once its answer has ended. The query is left out: it may hold secrets.
#[derive(Debug)]
pub struct AccessRecord<'a> {
    /// When the request's head was read.
    pub time: Timestamp,
    /// The request's id, in ASCII.
    pub id: &'a [u8],
    /// Address of the client, after trusted proxies; `None`: not known.
    pub client: Option<IpAddr>,
    /// As received.
    pub method: &'a str,
    /// As received; empty if there was none that could be read.
    pub host: &'a str,
    /// As received, without the query.
    pub path: &'a str,
    /// Of the answer.
    pub status: u16,
    /// Of the answer's body, as sent.
    pub bytes: u64,
    /// From the request's head to the end of the answer.
    pub duration: Duration,
    /// From the forwarded head to the upstream's answer.
    pub upstream_time: Option<Duration>,
    /// The app that answered.
    pub app: Option<&'a str>,
    /// Who asked.
    pub user: Option<&'a str>,
    /// What a rule that is not enforced would have made of it.
    pub unenforced: Option<UnenforcedRecord<'a>>,
    /// Why it was refused, where the status alone does not say.
    pub reason: Option<&'a str>,
    /// What the shield made of it, if it took another site for the sender.
    pub shield: Option<&'static str>,
    /// Why the response's body did not come to its end.
    pub ended: Option<Ended>,
}

/// Why the body of a response did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The upstream was silent for too long.
    Stalled,
    /// The upstream closed the connection, or sent what is no HTTP.
    Broken,
    /// The gateway ended it: the session was over, or the request's own body was at fault.
    Cancelled,
    /// The client's connection or stream was over first.
    Unread,
}

impl Ended {
    /// One word, for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
            Self::Unread => "unread",
        }
    }
}

/// What a rule that is not enforced would have made of a request.
#[derive(Debug)]
pub struct UnenforcedRecord<'a> {
    /// `forbidden`, `sign-in` or `confirm`.
    pub outcome: &'static str,
    /// Where the rule stands in the configuration.
    pub rule: &'a str,
}

impl AccessLog {
    /// An empty buffer before the writer.
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
            tracing::error!(%error, "formatting an access-log line");
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

/// Field by field, and by hand: a third of what serde needs for the same line, and every request pays it.
fn write_json(line: &mut Vec<u8>, record: &AccessRecord<'_>) -> std::io::Result<()> {
    line.reserve(TYPICAL_LINE_BYTES);
    line.extend_from_slice(br#"{"log":"access","time":""#);
    line.extend_from_slice(record.time.to_text().as_bytes());
    line.extend_from_slice(br#"","id":"#);
    write_id(line, record.id)?;
    line.extend_from_slice(br#","client":""#);
    match record.client {
        Some(addr) => write!(line, "{addr}")?,
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
    write_millis(line, record.duration)?;
    if let Some(time) = record.upstream_time {
        line.extend_from_slice(br#","upstream_ms":"#);
        write_millis(line, time)?;
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

/// A path that is refused is logged as it came, and may hold anything that is UTF-8.
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

/// Whether a string of JSON can be these bytes as they are: nearly all can.
fn needs_no_escape(text: &[u8]) -> bool {
    text.iter().all(|byte| PLAIN.get(usize::from(*byte)) == Some(&true))
}

/// By byte. Half the cost of comparing each with the ends of what is printable.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let [place, others @ ..] = rest {
        *place = matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

/// Milliseconds with their microseconds after the point.
fn write_millis(line: &mut Vec<u8>, duration: Duration) -> std::io::Result<()> {
    let micros = duration.as_micros();
    write!(line, "{}.{:03}", micros / 1000, micros % 1000)
}

fn write_number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// In place of an address.
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

/// Most lines are shorter; what is longer makes room for itself.
const TYPICAL_LINE_BYTES: usize = 384;
/// Each hand-over wakes the writer's thread.
const HAND_OVER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{Arc, Mutex},
    };

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(format: Format) -> String {
        let output = Output::default();
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
        let bytes = output.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
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
            write_millis(&mut line, Duration::from_micros(micros)).unwrap();
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
