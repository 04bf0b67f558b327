//! The threads that own standard output and standard error: nobody else waits for whoever reads them.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Kind, Metrics};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Format {
    /// Text on a terminal, JSON otherwise.
    pub fn for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// A handle to the thread that writes access and audit lines to standard output.
#[derive(Clone, Debug)]
pub struct LogWriter {
    queue: Queue,
}

/// A handle to the thread that writes the gateway's own messages to standard error; `tracing` writes through it.
#[derive(Clone, Debug)]
pub struct MessageWriter {
    queue: Queue,
    /// How many lines were lost when somebody was last told of it.
    told: Arc<AtomicU64>,
}

/// What one thread writes, bounded.
#[derive(Clone, Debug)]
struct Queue {
    chunks: SyncSender<Chunk>,
    /// Lines that were never written.
    dropped: Arc<AtomicU64>,
}

enum Chunk {
    Lines(Vec<u8>),
    Flush(SyncSender<()>),
}

impl LogWriter {
    /// Starts the thread that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let mut ails = false;
        let report = move |error: Option<io::Error>| {
            // Once for as long as it lasts.
            if let (Some(error), false) = (&error, ails) {
                tracing::error!(%error, "writing the log");
            }
            ails = error.is_some();
        };
        Ok(Self { queue: Queue::start("log", QUEUED_LOG_CHUNKS, out, report)? })
    }

    /// Hands over whole lines. If the reader of our output is too slow to take them, they are
    /// dropped and counted: a full pipe must not stop the gateway.
    pub fn write(&self, lines: Vec<u8>) {
        if let Err(dropped) = self.queue.write(lines)
            && (dropped.before == 0 || dropped.before.ilog2() < dropped.now.ilog2())
        {
            tracing::warn!(lines = dropped.now, "log lines dropped: standard output is not read fast enough");
        }
    }

    /// Waits until everything handed over so far is written, but not for longer; whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// Tells how many lines of both were lost.
    pub fn tell_dropped(&self, messages: &MessageWriter, metrics: &Metrics) {
        let help = "Lines that were never written: what reads standard output or standard error is too slow.";
        let family = ("portcullis_log_lines_dropped_total", help, Kind::Counter);
        let both = [("stdout", &self.queue.dropped), ("stderr", &messages.queue.dropped)];
        for (stream, dropped) in both {
            let dropped = Arc::clone(dropped);
            metrics.tell(family, Some(("stream", stream)), move || dropped.load(Ordering::Relaxed));
        }
    }
}

impl MessageWriter {
    /// Starts the thread that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        // There is nobody to tell that nobody can be told.
        let queue = Queue::start("messages", QUEUED_MESSAGES, out, |_| ())?;
        Ok(Self { queue, told: Arc::default() })
    }

    /// As [`LogWriter::flush`].
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// Once there is room again, says how much is missing before the next message.
    fn tell_of_dropped(&self) {
        let dropped = self.queue.dropped.load(Ordering::Relaxed);
        let told = self.told.load(Ordering::Relaxed);
        if dropped > told
            && self.told.compare_exchange(told, dropped, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            let missing = dropped - told;
            let note =
                format!("{missing} messages were dropped here: standard error was not read fast enough\n");
            if self.queue.write(note.into_bytes()).is_err() {
                // The note itself is one more line that is missing, of which nobody needs to hear.
                self.queue.dropped.fetch_sub(1, Ordering::Relaxed);
                self.told.store(told, Ordering::Relaxed);
            }
        }
    }
}

/// Never fails and never waits: what there is no room for is dropped and counted. Each call is one message.
impl Write for MessageWriter {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.tell_of_dropped();
        self.queue.write(message.to_owned()).ok();
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many lines were lost, before the last chunk and with it.
struct Dropped {
    before: u64,
    now: u64,
}

impl Queue {
    fn start(
        name: &str,
        length: usize,
        out: impl Write + Send + 'static,
        report: impl FnMut(Option<io::Error>) + Send + 'static,
    ) -> io::Result<Self> {
        let (chunks, waiting) = sync_channel(length);
        let dropped = Arc::<AtomicU64>::default();
        let lost = Arc::clone(&dropped);
        thread::Builder::new().name(name.into()).spawn(move || write_all(out, &waiting, &lost, report))?;
        Ok(Self { chunks, dropped })
    }

    fn write(&self, lines: Vec<u8>) -> Result<(), Dropped> {
        match self.chunks.try_send(Chunk::Lines(lines)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => {
                let lost = chunk.lines();
                let before = self.dropped.fetch_add(lost, Ordering::Relaxed);
                Err(Dropped { before, now: before + lost })
            }
        }
    }

    fn flush(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let (done, wait) = sync_channel(1);
        let mut asking = Chunk::Flush(done);
        loop {
            match self.chunks.try_send(asking) {
                Ok(()) => {
                    return wait.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok();
                }
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(_)) if Instant::now() >= deadline => return false,
                Err(TrySendError::Full(again)) => asking = again,
            }
            thread::sleep(FLUSH_RETRY);
        }
    }
}

impl Chunk {
    fn lines(&self) -> u64 {
        match self {
            Self::Lines(lines) => memchr::memchr_iter(b'\n', lines).count().max(1) as u64,
            Self::Flush(_) => 0,
        }
    }
}

fn write_all(
    mut out: impl Write,
    waiting: &Receiver<Chunk>,
    lost: &AtomicU64,
    mut report: impl FnMut(Option<io::Error>),
) {
    while let Ok(chunk) = waiting.recv() {
        match &chunk {
            Chunk::Lines(lines) => {
                let written = out.write_all(lines).and_then(|()| out.flush());
                if written.is_err() {
                    lost.fetch_add(chunk.lines(), Ordering::Relaxed);
                }
                report(written.err());
            }
            Chunk::Flush(done) => drop(done.send(())),
        }
    }
}

/// Of up to 64 KiB each.
const QUEUED_LOG_CHUNKS: usize = 1024;
/// Of some hundred bytes each.
const QUEUED_MESSAGES: usize = 8192;
const FLUSH_RETRY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// A pipe that nobody reads, until it is told that somebody does.
    struct Pipe {
        read: Receiver<()>,
        is_read: bool,
        entered: Sender<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.entered.send(()).ok();
            // When the other end is gone, everything is taken.
            self.is_read = self.is_read || self.read.recv().is_err();
            self.written.send(bytes.to_owned()).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The pipe, who reads it, the writes that have begun, and what was written.
    fn pipe() -> (Pipe, Sender<()>, Receiver<()>, Receiver<Vec<u8>>) {
        let ((reader, read), (entered, entries), (written, lines)) = (channel(), channel(), channel());
        (Pipe { read, is_read: false, entered, written }, reader, entries, lines)
    }

    #[test]
    fn messages_that_nobody_reads_are_dropped_and_counted_and_nobody_waits() {
        let (pipe, reader, entries, lines) = pipe();
        let mut messages = MessageWriter::start(pipe).unwrap();
        // The thread holds the first; taken later, it would make room among those that are dropped.
        messages.write_all(b"the first\n").unwrap();
        entries.recv_timeout(Duration::from_secs(20)).unwrap();
        let sent = QUEUED_MESSAGES as u64 + 100;
        for number in 0..sent {
            messages.write_all(format!("message {number}\n").as_bytes()).unwrap();
        }
        let dropped = messages.queue.dropped.load(Ordering::Relaxed);
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

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
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
        log.tell_dropped(&messages, &metrics);
        log.write(b"one\ntwo\n".to_vec());
        log.write(b"three\n".to_vec());
        assert!(log.flush(Duration::from_secs(20)));
        let text = metrics.text();
        assert!(text.contains("portcullis_log_lines_dropped_total{stream=\"stdout\"} 3\n"), "{text}");
        assert!(text.contains("portcullis_log_lines_dropped_total{stream=\"stderr\"} 0\n"), "{text}");
    }
}
