//! One line for each request.

use std::{cell::RefCell, io::Write, net::IpAddr, time::Duration};

use serde::Serialize;

use super::{Format, LogWriter};
use crate::clock::Timestamp;

/// A worker's access log: lines collect in a buffer of its own, whole buffers go to the writer.
#[derive(Debug)]
pub struct AccessLog {
    writer: LogWriter,
    format: Format,
    buffer: RefCell<Vec<u8>>,
}

/// What is known of a request once its answer has ended. The query is left out: it may hold secrets.
#[derive(Debug, Serialize)]
pub struct AccessRecord<'a> {
    /// When the request's head was read.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// The request's id.
    pub id: &'a str,
    /// Address of the client, after trusted proxies.
    pub client: IpAddr,
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
    /// From the request's head to the end of the answer, in milliseconds.
    #[serde(serialize_with = "as_millis", rename = "ms")]
    pub duration: Duration,
    /// From the forwarded head to the upstream's answer, in milliseconds.
    #[serde(serialize_with = "as_optional_millis", rename = "upstream_ms")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_time: Option<Duration>,
    /// The app that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<&'a str>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// What a rule that is not enforced would have made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unenforced: Option<UnenforcedRecord<'a>>,
    /// What the shield made of it, if it took another site for the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shield: Option<&'static str>,
}

/// What a rule that is not enforced would have made of a request.
#[derive(Debug, Serialize)]
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

fn write_json(buffer: &mut Vec<u8>, record: &AccessRecord<'_>) -> std::io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        log: &'static str,
        #[serde(flatten)]
        record: &'a AccessRecord<'a>,
    }
    serde_json::to_writer(&mut *buffer, &Line { log: "access", record })?;
    buffer.push(b'\n');
    Ok(())
}

fn write_text(buffer: &mut Vec<u8>, record: &AccessRecord<'_>) -> std::io::Result<()> {
    write!(
        buffer,
        "{} {} {} {} {}{} {} {}B {:.1}ms",
        record.time,
        record.id,
        record.client,
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
    if let Some(shield) = record.shield {
        write!(buffer, " shield=\"{shield}\"")?;
    }
    buffer.push(b'\n');
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn as_millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((millis(*duration) * 1000.0).round() / 1000.0)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn as_optional_millis<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => as_millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}

const HAND_OVER_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::{Arc, Mutex},
    };

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
            id: "0f-1",
            client: Ipv4Addr::LOCALHOST.into(),
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
            shield: Some("reported: origin"),
        });
        log.flush();
        writer.flush();
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
