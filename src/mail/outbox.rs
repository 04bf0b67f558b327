//! The outbox of the running gateway: the queue behind a thread, and the thread that delivers.

use std::{
    io,
    path::Path,
    sync::{Arc, mpsc::TryIter},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::watch;

use super::{MailCounts, MailQueue, MailSettings, Message, deliverer::Deliverer};
use crate::{
    clock::Clock,
    error_chain::ErrorChain,
    store::sqlite::{DatabaseError, DatabaseThread, DatabaseWorker, Task},
};

/// The outbox; one for the process. A message is queued without waiting, and delivered by a thread of its own.
#[derive(Debug)]
pub struct Outbox {
    writer: DatabaseThread<QueueWriter>,
    counts: Arc<MailCounts>,
    /// Ends the deliverer when it is dropped.
    wake: Option<watch::Sender<()>>,
    deliverer: Option<JoinHandle<()>>,
}

/// Why an outbox cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The queue cannot be opened.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The connection to the server cannot be set up.
    #[error("setting up TLS for the mail server")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// A thread cannot be started.
    #[error("starting a thread for mail")]
    Thread(#[from] io::Error),
}

impl Outbox {
    /// Opens the queue at `path` and starts to deliver.
    pub fn start(path: &Path, settings: MailSettings, clock: Clock) -> Result<Self, OutboxError> {
        let counts = Arc::<MailCounts>::default();
        let writer = QueueWriter { queue: MailQueue::open(path, clock.clone())? };
        let queue = MailQueue::open(path, clock)?;
        let deliverer = Deliverer::new(queue, settings, Arc::clone(&counts)).map_err(OutboxError::Tls)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (wake, woken) = watch::channel(());
        let deliver = move || runtime.block_on(deliverer.run(woken));
        let deliverer = thread::Builder::new().name("mail".to_owned()).spawn(deliver)?;
        let writer = DatabaseThread::start("mail-queue", WAITING_JOBS, writer)?;
        Ok(Self { writer, counts, wake: Some(wake), deliverer: Some(deliverer) })
    }

    /// Queues a message. Neither waits nor fails: a message that cannot be queued is counted and logged, because no
    /// request depends on it.
    pub fn queue(&self, message: Message) {
        let (counts, wake) = (Arc::clone(&self.counts), self.wake.clone());
        let add: Task<QueueWriter> = Box::new(move |writer| match writer.queue.add(&message) {
            Ok(()) => {
                if let Some(wake) = wake {
                    wake.send_replace(());
                }
            }
            Err(error) => {
                counts.count_not_queued();
                tracing::error!(error = %ErrorChain(&error), "mail not queued");
            }
        });
        if self.writer.try_send(add).is_err() {
            self.counts.count_not_queued();
            tracing::error!("mail not queued: too many messages wait to be written");
        }
    }

    /// Counters of messages by their result.
    pub fn counts(&self) -> &Arc<MailCounts> {
        &self.counts
    }
}

/// Ends the deliverer; a delivery under way is broken off, and begins again at the next start.
impl Drop for Outbox {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(deliverer) = self.deliverer.take()
            && deliverer.join().is_err()
        {
            tracing::error!("the thread that delivers mail panicked");
        }
    }
}

/// The owner of the connection that messages are queued through.
#[derive(Debug)]
struct QueueWriter {
    queue: MailQueue,
}

impl DatabaseWorker for QueueWriter {
    type Job = Task<Self>;

    const LOOK_EVERY: Duration = Duration::from_mins(1);

    fn work(&mut self, job: Task<Self>, _: TryIter<'_, Task<Self>>) {
        job(self);
    }

    fn look(&mut self) {}
}

/// Maximum number of messages that wait to be written to the disk.
const WAITING_JOBS: usize = 256;
