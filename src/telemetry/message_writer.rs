//! The thread that writes the gateway's own messages to standard error.
//!
//! `tracing` writes through a [`MessageWriter`]. No thread of the gateway waits
//! for the reader of standard error: messages that find no room are dropped,
//! and a note says how many as soon as there is room.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::line_queue::LineQueue;

/// A handle to the thread.
#[derive(Clone, Debug)]
pub struct MessageWriter {
    queue: LineQueue,
    /// The number of dropped messages that notes have reported.
    reported: Arc<AtomicU64>,
}

impl MessageWriter {
    /// Starts the thread, which writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        // A failure of standard error cannot be reported anywhere.
        let queue = LineQueue::start("messages", QUEUED_MESSAGES, out, |_| ())?;
        Ok(Self { queue, reported: Arc::default() })
    }

    /// As of [`LogWriter::flush`](super::LogWriter::flush).
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// The number of messages that were dropped.
    pub(super) fn dropped(&self) -> &Arc<AtomicU64> {
        self.queue.dropped()
    }

    /// Writes the number of dropped messages before the next message, as soon as there is room.
    fn report_dropped(&self) {
        let dropped = self.dropped().load(Ordering::Relaxed);
        let reported = self.reported.load(Ordering::Relaxed);
        if dropped > reported
            && self.reported.compare_exchange(reported, dropped, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let missing = dropped - reported;
            let note =
                format!("{missing} messages were dropped here: standard error was not read fast enough\n");
            if self.queue.write(note.into_bytes()).is_err() {
                // The note itself was counted as dropped.
                self.dropped().fetch_sub(1, Ordering::Relaxed);
                self.reported.store(reported, Ordering::Relaxed);
            }
        }
    }
}

/// Each call is one message. It never fails and never waits: a message that finds no room is dropped and counted.
impl Write for MessageWriter {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.report_dropped();
        self.queue.write(message.to_owned()).ok();
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Capacity of the queue, in messages of some hundred bytes.
const QUEUED_MESSAGES: usize = 8192;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A pipe without a reader until `read` receives or disconnects.
    struct Pipe {
        read: Receiver<()>,
        is_read: bool,
        entered: Sender<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.entered.send(()).ok();
            self.is_read = self.is_read || self.read.recv().is_err();
            self.written.send(bytes.to_owned()).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The pipe, its reader, the writes that have started, and the written bytes.
    fn pipe() -> (Pipe, Sender<()>, Receiver<()>, Receiver<Vec<u8>>) {
        let ((reader, read), (entered, entries), (written, lines)) = (channel(), channel(), channel());
        (Pipe { read, is_read: false, entered, written }, reader, entries, lines)
    }

    #[test]
    fn unread_messages_are_dropped_and_counted_without_waiting() {
        let (pipe, reader, entries, lines) = pipe();
        let mut messages = MessageWriter::start(pipe).unwrap();
        // The thread holds the first message; taken later, it would leave room for one more.
        messages.write_all(b"the first\n").unwrap();
        entries.recv_timeout(Duration::from_secs(20)).unwrap();
        let sent = QUEUED_MESSAGES as u64 + 100;
        for number in 0..sent {
            messages.write_all(format!("message {number}\n").as_bytes()).unwrap();
        }
        let dropped = messages.dropped().load(Ordering::Relaxed);
        assert_eq!(dropped, 100);
        assert!(!messages.flush(Duration::ZERO), "nothing was written");
        drop(reader);
        while !messages.flush(Duration::from_secs(20)) {}
        messages.write_all(b"the last\n").unwrap();
        assert!(messages.flush(Duration::from_secs(20)));
        let written: Vec<String> = lines.try_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        // With the first, the note and the last.
        assert_eq!(written.len() as u64, sent - dropped + 3);
        let [.., note, last] = written.as_slice() else { panic!("{} lines", written.len()) };
        assert!(note.starts_with(&format!("{dropped} messages were dropped here")), "{note}");
        assert_eq!(last, "the last\n");
    }
}
