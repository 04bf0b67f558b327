//! The connection that commands go over, and the thread that keeps it up.
//!
//! Commands reach the thread through a bounded channel and are pipelined over one connection, each with a deadline.
//! The connection is checked a few times a second. While the server does not answer, commands fail at once instead of
//! waiting each for its own deadline, and the thread connects again with growing, jittered pauses.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
};
use redis::{
    ErrorKind, RedisError, ServerErrorKind,
    aio::{MultiplexedConnection, PubSubStream},
};
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{
    Failure, Heard, KeyPrefix, MessageListener, RedisAddress,
    backoff::Backoff,
    find_server::{Finder, connect},
};
use crate::store::StoreError;

/// The configuration of a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where it is.
    pub address: RedisAddress,
    /// Certificates of the authorities that may certify the server, PEM; `None`: the system's authorities.
    pub ca: Option<PathBuf>,
    /// The start of all keys; gateways with the same one share what they store. Default `portcullis`.
    pub prefix: String,
}

/// The way to the thread that keeps the connection up. The thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct RedisLink {
    jobs: mpsc::Sender<Job>,
    prefix: KeyPrefix,
}

/// A command to be sent over the connection, if there is one.
type Job = Box<dyn FnOnce(&ConnectionState) -> BoxFuture<'static, ()> + Send>;

/// The connection, or why there is none.
#[derive(Debug)]
struct ConnectionState {
    connection: Mutex<Result<MultiplexedConnection, Arc<str>>>,
    /// Notified when a command lost the connection, or learnt that the server takes no writes any more.
    doubts: Arc<Notify>,
}

impl RedisLink {
    /// Connects, and starts the thread. Fails if the server cannot be reached now or takes no writes.
    ///
    /// `listen` makes the listener of messages.
    pub fn open<L: MessageListener>(
        server: &RedisConfig,
        listen: impl FnOnce(KeyPrefix) -> L,
    ) -> Result<Self, StoreError> {
        Self::start(server, listen).map_err(|failure| {
            let address = &server.address;
            let doing = format!("cannot use the session store at {address}: {failure}; {}", advice(&failure));
            StoreError::new(doing, failure)
        })
    }

    fn start<L: MessageListener>(
        server: &RedisConfig,
        listen: impl FnOnce(KeyPrefix) -> L,
    ) -> Result<Self, Failure> {
        let prefix = KeyPrefix::new(&server.prefix);
        let finder =
            Finder { address: server.address.clone(), ca: server.ca.clone(), prefix: prefix.clone() };
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
        let (connected, outcomes) = sync_channel(2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let state = Arc::new(ConnectionState {
            connection: Mutex::new(Err("not connected yet".into())),
            doubts: Arc::default(),
        });
        let listener = Arc::new(Subscription { listener: listen(prefix.clone()), again: Notify::new() });
        let connector = Connector { finder, listener, state, is_down: false };
        thread::Builder::new()
            .name("sessions-redis".into())
            .spawn(move || runtime.block_on(serve(connector, waiting, connected)))?;
        // One outcome for each of the two connections.
        first_outcome(&outcomes)?;
        first_outcome(&outcomes)?;
        Ok(Self { jobs, prefix })
    }

    /// The start of all our keys.
    pub fn prefix(&self) -> &KeyPrefix {
        &self.prefix
    }

    /// Does `work` with the connection and waits for its reply. It is sent at once, even if the future is dropped;
    /// while Redis is away, it fails at once.
    pub fn ask<T, F>(
        &self,
        doing: &'static str,
        work: impl FnOnce(MultiplexedConnection) -> F + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let (reply, replied) = oneshot::channel();
        let job: Job = Box::new(move |state| {
            let connection = state.connection();
            let doubts = Arc::clone(&state.doubts);
            async move {
                let outcome = match connection {
                    Ok(connection) => work(connection).await,
                    Err(reason) => Err(reason.to_string().into()),
                };
                if outcome.as_ref().is_err_and(needs_another_server) {
                    doubts.notify_one();
                }
                // The client may have disconnected; the work holds all the same.
                reply.send(outcome).ok();
            }
            .boxed()
        });
        let sent = self.jobs.try_send(job);
        async move {
            sent.map_err(|refused| {
                let reason = match refused {
                    mpsc::error::TrySendError::Full(_) => "too many commands are waiting for Redis",
                    mpsc::error::TrySendError::Closed(_) => THREAD_ENDED,
                };
                StoreError::new(doing, reason)
            })?;
            let outcome = replied.await.map_err(|_| StoreError::new(doing, THREAD_ENDED))?;
            outcome.map_err(|error| StoreError::new(doing, error))
        }
        .boxed()
    }

    /// Whether the server takes writes.
    pub fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let prefix = self.prefix.clone();
        self.ask("writing to the session store", move |connection| async move {
            check_writes(connection, &prefix).await
        })
    }
}

impl ConnectionState {
    fn connection(&self) -> Result<MultiplexedConnection, Arc<str>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, connection: Result<MultiplexedConnection, Arc<str>>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// The thread's work, until the last link is dropped.
async fn serve<L: MessageListener>(
    connector: Connector<L>,
    mut jobs: mpsc::Receiver<Job>,
    first: SyncSender<Result<(), Failure>>,
) {
    let (state, finder) = (Arc::clone(&connector.state), connector.finder.clone());
    let listener = Arc::clone(&connector.listener);
    let connecting = tokio::spawn(connector.keep_connected(first.clone()));
    let listening = tokio::spawn(async move { listener.keep_subscribed(&finder, first).await });
    let in_flight = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        let Some(job) = jobs.recv().await else { break };
        let work = job(&state);
        tokio::spawn(async move {
            work.await;
            drop(permit);
        });
    }
    connecting.abort();
    listening.abort();
}

/// Keeps the connection for commands up.
struct Connector<L> {
    finder: Finder,
    listener: Arc<Subscription<L>>,
    state: Arc<ConnectionState>,
    /// The server is away, and that was logged.
    is_down: bool,
}

impl<L: MessageListener> Connector<L> {
    async fn keep_connected(mut self, first: SyncSender<Result<(), Failure>>) {
        let mut first = Some(first);
        let mut backoff = Backoff::new();
        loop {
            let connected =
                timeout(CONNECT_FOR, self.connect()).await.unwrap_or_else(|_| Err(NO_REPLY.into()));
            let failure = match connected {
                Ok(connection) => {
                    self.state.set(Ok(connection.clone()));
                    if let Some(first) = first.take() {
                        first.send(Ok(())).ok();
                    }
                    backoff.reset();
                    self.watch(connection).await
                }
                Err(failure) => failure,
            };
            if let Some(first) = first.take() {
                first.send(Err(failure)).ok();
                return;
            }
            if !self.is_down {
                self.is_down = true;
                let address = &self.finder.address;
                tracing::error!(%address, error = %failure, "session store unreachable; nobody can sign in or out");
            }
            self.state.set(Err(format!("{}: {failure}", self.finder.address).into()));
            sleep(backoff.next()).await;
        }
    }

    /// A connection to a server that takes writes.
    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let mut connection = connect(&self.finder.find().await?).await?;
        connection.set_response_timeout(COMMAND_FOR);
        check_writes(connection.clone(), &self.finder.prefix).await?;
        Ok(connection)
    }

    /// Checks a connection a few times a second; returns when it has failed.
    async fn watch(&mut self, connection: MultiplexedConnection) -> Failure {
        // The connection may lead to another server, or to the same one emptied.
        self.listener.listener.start_anew();
        loop {
            let counter = match timeout(LOOK_FOR, self.counter(connection.clone())).await {
                Ok(Ok(counter)) => counter,
                Ok(Err(failure)) => return failure,
                Err(_) => return NO_REPLY.into(),
            };
            if self.is_down {
                self.is_down = false;
                tracing::info!(address = %self.finder.address, "session store reachable again");
            }
            self.listener.count(counter);
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.state.doubts.notified() => return "the connection was lost, or leads to another server".into(),
            }
        }
    }

    /// The number of the newest message.
    async fn counter(&self, mut connection: MultiplexedConnection) -> Result<Option<i64>, Failure> {
        let name = self.listener.listener.counter();
        Ok(redis::cmd("GET").arg(name).query_async(&mut connection).await?)
    }
}

/// The connection on which messages of other gateways arrive.
struct Subscription<L> {
    listener: L,
    /// Notified when a message was lost: the connection may only look alive.
    again: Notify,
}

impl<L: MessageListener> Subscription<L> {
    /// Subscribes again and again. Reports how the first attempt ended, and goes on only if it worked.
    async fn keep_subscribed(&self, finder: &Finder, first: SyncSender<Result<(), Failure>>) {
        let mut backoff = Backoff::new();
        let mut first = Some(first);
        loop {
            let failure = match self.subscribe(finder).await {
                Ok(messages) => {
                    if let Some(first) = first.take() {
                        first.send(Ok(())).ok();
                    }
                    backoff.reset();
                    self.hear(messages).await
                }
                Err(failure) => failure,
            };
            if let Some(first) = first.take() {
                first.send(Err(failure)).ok();
                return;
            }
            tracing::debug!(error = %failure, "subscribing to the session store again");
            sleep(backoff.next()).await;
        }
    }

    async fn subscribe(&self, finder: &Finder) -> Result<PubSubStream, Failure> {
        let subscribing = async {
            let mut subscription = finder.find().await?.get_async_pubsub().await?;
            subscription.subscribe(self.listener.channel()).await?;
            Ok::<_, Failure>(subscription.into_on_message())
        };
        timeout(CONNECT_FOR, subscribing).await.unwrap_or_else(|_| Err(NO_REPLY.into()))
    }

    /// Takes messages until there is a reason to subscribe again.
    async fn hear(&self, mut messages: PubSubStream) -> Failure {
        self.listener.start_anew();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.listener.hear(message.get_payload_bytes()),
                    None => return "the connection was closed".into(),
                },
                () = self.again.notified() => return "a message was lost".into(),
            }
        }
    }

    fn count(&self, counter: Option<i64>) {
        if self.listener.count(counter) == Heard::NotAll {
            tracing::debug!("messages of the session store were lost; every session is read again");
            self.again.notify_one();
        }
    }
}

async fn check_writes(mut connection: MultiplexedConnection, prefix: &KeyPrefix) -> Result<(), Failure> {
    let mut command = redis::cmd("SET");
    command.arg(format!("{prefix}:checked")).arg(1).arg("EX").arg(60);
    Ok(command.query_async(&mut connection).await?)
}

/// Whether the server has to be looked for again after this failure.
fn needs_another_server(failure: &Failure) -> bool {
    let Some(error) = failure.downcast_ref::<RedisError>() else { return false };
    if error.is_timeout() {
        // The next check of the connection finds out.
        return false;
    }
    error.is_io_error()
        || matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
            )
        )
}

fn first_outcome(outcomes: &Receiver<Result<(), Failure>>) -> Result<(), Failure> {
    outcomes.recv_timeout(CONNECT_FOR * 2).unwrap_or_else(|_| Err(NO_REPLY.into()))
}

/// Advice to the operator about a server that cannot be used.
fn advice(failure: &Failure) -> &'static str {
    let code = failure.downcast_ref::<RedisError>().and_then(RedisError::code);
    let text = format!("{} {failure}", code.unwrap_or_default());
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["NOAUTH", "WRONGPASS", "AuthenticationFailed", "uthentication", "invalid username"]) {
        "put user and password into `session.store`: redis://user:password@host"
    } else if says(&["MOVED", "CLUSTERDOWN", "cluster mode"]) {
        "if this is a cluster, write redis+cluster://host1,host2"
    } else if says(&["cluster support disabled"]) {
        "this is no cluster: write redis://host:port"
    } else if says(&["READONLY"]) {
        "this is a replica: name the master, or ask Sentinels with redis+sentinel://host1,host2/NAME"
    } else if says(&["NOPERM"]) {
        "let this user run scripts, publish, subscribe, and write keys with the prefix of `session.prefix`"
    } else if says(&["ertificate"]) {
        "name the authority of its certificate in `session.store_ca`"
    } else if says(&["MISCONF"]) {
        "Redis cannot save to its disk and so takes no writes; its log says why"
    } else {
        "start Redis, or correct `session.store`"
    }
}

const THREAD_ENDED: &str = "the thread of the session store has ended";
const NO_REPLY: &str = "no reply in time";
/// Past this many, further commands fail at once.
const WAITING_JOBS: usize = 16 * 1024;
const MAX_IN_FLIGHT: usize = 1024;
const COMMAND_FOR: Duration = Duration::from_secs(2);
/// For a connection, with all that has to be asked before.
const CONNECT_FOR: Duration = Duration::from_secs(4);
/// A lost message is noticed after two checks: within a second, with room for slowness.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOK_FOR: Duration = Duration::from_secs(1);
