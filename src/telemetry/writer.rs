//! One thread that owns standard output.

use std::{
    io::{IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

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
        if std::io::stdout().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// A handle to the writer thread.
#[derive(Clone, Debug)]
pub struct LogWriter {
    chunks: SyncSender<Chunk>,
    dropped: Arc<AtomicU64>,
}

enum Chunk {
    Lines(Vec<u8>),
    Flush(SyncSender<()>),
}

impl LogWriter {
    /// Starts the thread that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (chunks, queue) = sync_channel(QUEUED_CHUNKS);
        thread::Builder::new().name("log".into()).spawn(move || write_all(out, &queue))?;
        Ok(Self { chunks, dropped: Arc::default() })
    }

    /// Hands over whole lines. If the reader of our output is too slow to take them, they are
    /// dropped and counted: a full pipe must not stop the gateway.
    pub fn write(&self, lines: Vec<u8>) {
        match self.chunks.try_send(Chunk::Lines(lines)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                let count = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
                if count.is_power_of_two() {
                    tracing::warn!(
                        chunks = count,
                        "log lines dropped: standard output is not read fast enough"
                    );
                }
            }
        }
    }

    /// Waits until everything handed over so far is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.chunks.send(Chunk::Flush(done)).is_ok() {
            // An error means that the writer is gone: there is nothing left to wait for.
            wait.recv().ok();
        }
    }
}

fn write_all(mut out: impl Write, queue: &Receiver<Chunk>) {
    while let Ok(chunk) = queue.recv() {
        let written = match chunk {
            Chunk::Lines(lines) => out.write_all(&lines).and_then(|()| out.flush()),
            Chunk::Flush(done) => {
                done.send(()).ok();
                Ok(())
            }
        };
        if let Err(error) = written {
            tracing::error!(%error, "writing the log");
        }
    }
}

const QUEUED_CHUNKS: usize = 1024;
