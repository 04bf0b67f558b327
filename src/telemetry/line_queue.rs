//! A bounded queue of lines in front of a thread that writes them.
//!
//! [`LogWriter`](super::LogWriter) and [`MessageWriter`](super::MessageWriter)
//! use it. Writing to the queue never waits: what finds no room is dropped and
//! counted.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// A handle to the queue.
#[derive(Clone, Debug)]
pub(super) struct LineQueue {
    chunks: SyncSender<Chunk>,
    /// The number of lines that were never written.
    dropped: Arc<AtomicU64>,
}

enum Chunk {
    Lines(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The number of dropped lines, before the last chunk and with it.
pub(super) struct Dropped {
    pub(super) before: u64,
    pub(super) now: u64,
}

impl LineQueue {
    /// Starts a thread that writes to `out` and reports the outcome of each write.
    pub(super) fn start(
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

    /// Hands over lines, or drops and counts them if there is no room.
    pub(super) fn write(&self, lines: Vec<u8>) -> Result<(), Dropped> {
        match self.chunks.try_send(Chunk::Lines(lines)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) => {
                let lost = chunk.lines();
                let before = self.dropped.fetch_add(lost, Ordering::Relaxed);
                Err(Dropped { before, now: before + lost })
            }
        }
    }

    /// The number of dropped lines.
    pub(super) fn dropped(&self) -> &Arc<AtomicU64> {
        &self.dropped
    }

    /// Waits until everything handed over so far is written, at most for `limit`; whether it is.
    pub(super) fn flush(&self, limit: Duration) -> bool {
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

const FLUSH_RETRY: Duration = Duration::from_millis(10);
