//! The thread that writes access and audit lines to standard output.
//!
//! Workers hand whole lines to a [`LogWriter`]. No worker waits for the reader
//! of standard output: lines that find no room in the queue are dropped and
//! counted.

use std::{
    io::{self, Write},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    MessageWriter,
    line_queue::LineQueue,
    metrics::{MetricKind, Metrics},
};

/// A handle to the thread.
#[derive(Clone, Debug)]
pub struct LogWriter {
    queue: LineQueue,
}

impl LogWriter {
    /// Starts the thread, which writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let mut is_failing = false;
        let report = move |error: Option<io::Error>| {
            // A failure that lasts is reported once.
            if let (Some(error), false) = (&error, is_failing) {
                tracing::error!(%error, "log lines not written");
            }
            is_failing = error.is_some();
        };
        Ok(Self { queue: LineQueue::start("log", QUEUED_CHUNKS, out, report)? })
    }

    /// Hands over whole lines. If the reader of standard output is too slow, they are dropped and counted:
    /// a full pipe must not stop the gateway.
    pub fn write(&self, lines: Vec<u8>) {
        if let Err(dropped) = self.queue.write(lines)
            && (dropped.before == 0 || dropped.before.ilog2() < dropped.now.ilog2())
        {
            tracing::warn!(lines = dropped.now, "log lines dropped: standard output is not read fast enough");
        }
    }

    /// Waits until everything handed over so far is written, at most for `limit`; whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// Registers the number of dropped lines, on standard output and standard error.
    pub fn register_dropped(&self, messages: &MessageWriter, metrics: &Metrics) {
        let help =
            "Lines that were dropped because standard output or standard error was not read fast enough.";
        let family = ("portcullis_log_lines_dropped_total", help, MetricKind::Counter);
        for (stream, dropped) in [("stdout", self.queue.dropped()), ("stderr", messages.dropped())] {
            let dropped = Arc::clone(dropped);
            metrics.register(family, Some(("stream", stream)), move || dropped.load(Ordering::Relaxed));
        }
    }
}

/// Capacity of the queue, in chunks of up to 64 KiB.
const QUEUED_CHUNKS: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_written_are_counted_as_dropped() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = LogWriter::start(Closed).unwrap();
        let messages = MessageWriter::start(io::sink()).unwrap();
        let metrics = Metrics::default();
        log.register_dropped(&messages, &metrics);
        log.write(b"one\ntwo\n".to_vec());
        log.write(b"three\n".to_vec());
        assert!(log.flush(Duration::from_secs(20)));
        let text = metrics.text();
        assert!(text.contains("portcullis_log_lines_dropped_total{stream=\"stdout\"} 3\n"), "{text}");
        assert!(text.contains("portcullis_log_lines_dropped_total{stream=\"stderr\"} 0\n"), "{text}");
    }
}
