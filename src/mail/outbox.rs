//! The outbox of the running gateway: the queue behind a thread, and the thread that delivers.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, mpsc::TryIter},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use super::{
    MailCounts, MailQueue, MailSettings, Message,
    deliverer::{Deliverer, Orders},
    relay::Relay,
};
use crate::{
    clock::Clock,
    error_chain::ErrorChain,
    store::sqlite::{DatabaseError, DatabaseThread, DatabaseWorker, Task},
};

/// The outbox; one for the process. A message is queued without waiting, and delivered by a thread of its own.
///
/// There are neither threads nor a queue before the first settings. Later settings, of a reload, lead the messages that
/// wait to another server, or stop the deliveries.
#[derive(Debug)]
pub struct Outbox {
    path: PathBuf,
    clock: Clock,
    counts: Arc<MailCounts>,
    open: OnceLock<OpenOutbox>,
}

/// Settings that can be used: nothing fails any more when they are.
pub struct PreparedMail {
    relay: Option<Arc<Relay>>,
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

/// The threads.
#[derive(Debug)]
struct OpenOutbox {
    writer: DatabaseThread<QueueWriter>,
    /// Ends the deliverer when it is dropped.
    orders: Option<watch::Sender<Orders>>,
    deliverer: Option<JoinHandle<()>>,
}

impl Outbox {
    /// An outbox whose queue is at `path`. It sends nothing yet.
    pub fn new(path: PathBuf, clock: Clock) -> Self {
        Self { path, clock, counts: Arc::default(), open: OnceLock::new() }
    }

    /// Makes these settings usable, without using them: sets up TLS, and opens the queue if that has not been done yet.
    pub fn prepare(&self, settings: Option<&MailSettings>) -> Result<PreparedMail, OutboxError> {
        let Some(settings) = settings else { return Ok(PreparedMail { relay: None }) };
        let relay = Relay::new(settings.clone()).map_err(OutboxError::Tls)?;
        if self.open.get().is_none() {
            let opened = OpenOutbox::start(&self.path, &self.clock, &self.counts)?;
            // The second of two at once ends here.
            self.open.set(opened).ok();
        }
        Ok(PreparedMail { relay: Some(Arc::new(relay)) })
    }

    /// Uses settings. Messages that wait are tried at once with them; a delivery under way to another server is broken off.
    /// Settings that are those in use change nothing.
    pub fn apply(&self, prepared: PreparedMail) {
        let Some(orders) = self.open.get().and_then(|open| open.orders.as_ref()) else { return };
        orders.send_if_modified(|orders| {
            let settings = |relay: &Option<Arc<Relay>>| relay.as_ref().map(|relay| relay.settings().clone());
            if settings(&orders.relay) == settings(&prepared.relay) {
                return false;
            }
            orders.relay = prepared.relay;
            true
        });
    }

    /// Queues a message without waiting until it is on the disk; see [`Outbox::queued`].
    pub fn queue(&self, message: Message) {
        drop(self.queued(message));
    }

    /// Queues a message. It is handed over when this returns, and on the disk when the future ends. Fails for nobody: a
    /// message that cannot be queued is counted and logged, because no request depends on it.
    pub fn queued(&self, message: Message) -> impl Future<Output = ()> + Send + use<> {
        let handed_over = self.hand_over(message);
        async move {
            // If the thread has ended, the process ends.
            if let Some(added) = handed_over {
                added.await.ok();
            }
        }
    }

    /// `None`: it is not queued, and that was logged.
    fn hand_over(&self, message: Message) -> Option<oneshot::Receiver<()>> {
        let Some(open) = self.open.get() else {
            self.counts.count_not_queued();
            tracing::error!("mail not queued: no mail is sent");
            return None;
        };
        let (counts, orders) = (Arc::clone(&self.counts), open.orders.clone());
        let (done, added) = oneshot::channel();
        let add: Task<QueueWriter> = Box::new(move |writer| {
            match writer.queue.add(&message) {
                Ok(()) => {
                    if let Some(orders) = orders {
                        orders.send_modify(|_| ());
                    }
                }
                Err(error) => {
                    counts.count_not_queued();
                    tracing::error!(error = %ErrorChain(&error), "mail not queued");
                }
            }
            // The caller may have stopped waiting.
            done.send(()).ok();
        });
        if open.writer.try_send(add).is_err() {
            self.counts.count_not_queued();
            tracing::error!("mail not queued: too many messages wait to be written");
            return None;
        }
        Some(added)
    }

    /// Counters of messages by their result.
    pub fn counts(&self) -> &Arc<MailCounts> {
        &self.counts
    }

    /// Whether there has been a server since the start.
    pub fn is_open(&self) -> bool {
        self.open.get().is_some()
    }
}

impl fmt::Debug for PreparedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedMail").field("sends", &self.relay.is_some()).finish()
    }
}

impl OpenOutbox {
    fn start(path: &Path, clock: &Clock, counts: &Arc<MailCounts>) -> Result<Self, OutboxError> {
        let writer = QueueWriter { queue: MailQueue::open(path, clock.clone())? };
        let queue = MailQueue::open(path, clock.clone())?;
        let deliverer = Deliverer::new(queue, Arc::clone(counts));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (orders, received) = watch::channel(Orders::default());
        let deliver = move || runtime.block_on(deliverer.run(received));
        let deliverer = thread::Builder::new().name("mail".to_owned()).spawn(deliver)?;
        let writer = DatabaseThread::start("mail-queue", WAITING_JOBS, writer)?;
        Ok(Self { writer, orders: Some(orders), deliverer: Some(deliverer) })
    }
}

/// Ends the deliverer; a delivery under way is broken off, and begins again at the next start.
impl Drop for OpenOutbox {
    fn drop(&mut self) {
        self.orders = None;
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

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{
        clock::Timestamp,
        mail::{MailServer, Security},
    };

    fn outbox() -> (Outbox, TempDir) {
        let temp = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        (Outbox::new(temp.path().join("mail.db"), clock), temp)
    }

    fn settings() -> MailSettings {
        MailSettings {
            server: MailServer { host: "127.0.0.1".into(), port: 9, security: Security::Plain },
            from: "gateway@example.com".parse().unwrap(),
            login: None,
            authorities: None,
            timeout: Duration::from_secs(1),
            per_minute: 60,
        }
    }

    #[tokio::test]
    async fn messages_that_are_lost_are_counted() {
        let (outbox, _temp) = outbox();
        let message = Message {
            to: "a@example.com".into(),
            subject: "Hello".into(),
            text: "x".repeat(1 << 20),
            html: String::new(),
            expires: None,
            to_stranger: false,
        };
        outbox.queued(message.clone()).await;
        assert_eq!(outbox.counts().not_queued(), 1, "no mail is sent");
        // Opened, and without a server.
        outbox.prepare(Some(&settings())).unwrap();
        outbox.queued(message.clone()).await;
        assert_eq!(outbox.counts().not_queued(), 2, "it is too long");
        outbox.queued(Message { text: "x".into(), ..message }).await;
        assert_eq!(outbox.counts().not_queued(), 2);
    }

    #[test]
    fn settings_that_are_those_in_use_break_no_delivery_off() {
        let (outbox, _temp) = outbox();
        let settings = settings();
        let apply = |settings: &MailSettings| outbox.apply(outbox.prepare(Some(settings)).unwrap());
        apply(&settings);
        let mut orders = outbox.open.get().unwrap().orders.as_ref().unwrap().subscribe();
        apply(&settings);
        assert!(!orders.has_changed().unwrap());
        apply(&MailSettings { per_minute: 61, ..settings.clone() });
        assert!(orders.has_changed().unwrap());
        orders.mark_unchanged();
        outbox.apply(outbox.prepare(None).unwrap());
        assert!(orders.has_changed().unwrap(), "no mail is sent any more");
    }
}
