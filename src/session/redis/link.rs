//! The connection that commands go over, and who keeps it up.
//!
//! One thread owns everything that talks to Redis. Commands come over a
//! bounded channel and are pipelined over one connection, each with a
//! deadline. The connection is looked at a few times a second: while the server
//! does not answer, commands fail at once instead of waiting each for its own
//! deadline, and the way back is tried with growing, jittered pauses.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt};
use redis::{ErrorKind, RedisError, ServerErrorKind, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{
    CONNECT_FOR, Failure, NO_ANSWER,
    backoff::Backoff,
    commands::Commands,
    find_server::{Finder, connect},
    listener::Listener,
    sequence::Heard,
};
use crate::session::StoreError;

/// The way into the thread.
#[derive(Debug)]
pub(super) struct Link {
    jobs: mpsc::Sender<Job>,
}

/// Something to be done with the connection, if there is one.
type Job = Box<dyn FnOnce(&Standing) -> BoxFuture<'static, ()> + Send>;

/// How things stand with the server.
#[derive(Debug)]
struct Standing {
    connection: Mutex<Result<MultiplexedConnection, Arc<str>>>,
    /// A command was told that this is no longer the server, or lost the connection.
    doubts: Arc<Notify>,
}

impl Link {
    /// Starts the thread and waits for the first connection, which has to take writes.
    pub(super) fn start(
        finder: Finder,
        commands: Arc<Commands>,
        listener: Listener,
    ) -> Result<Self, Failure> {
        let (jobs, waiting) = mpsc::channel(WAITING_JOBS);
        let (connected, first) = sync_channel(2);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let standing = Arc::new(Standing {
            connection: Mutex::new(Err("not connected yet".into())),
            doubts: Arc::default(),
        });
        let keeper = Keeper {
            finder,
            commands,
            listener: Arc::new(listener),
            standing: Arc::clone(&standing),
            ails: false,
        };
        thread::Builder::new()
            .name("sessions-redis".into())
            .spawn(move || runtime.block_on(serve(keeper, standing, waiting, connected)))?;
        // One for each of the two connections.
        first_outcome(&first)?;
        first_outcome(&first)?;
        Ok(Self { jobs })
    }

    /// Does something that is answered.
    pub(super) fn ask<T, F>(
        &self,
        doing: &'static str,
        work: impl FnOnce(MultiplexedConnection) -> F + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |standing| {
            let connection = standing.connection();
            let doubts = Arc::clone(&standing.doubts);
            async move {
                let outcome = match connection {
                    Ok(connection) => work(connection).await,
                    Err(reason) => Err(reason.to_string().into()),
                };
                if outcome.as_ref().is_err_and(tells_of_another_server) {
                    doubts.notify_one();
                }
                // Nobody waits any more if the client is gone; what was done holds all the same.
                answer.send(outcome).ok();
            }
            .boxed()
        });
        let sent = self.jobs.try_send(job);
        async move {
            sent.map_err(|refused| {
                let reason = match refused {
                    mpsc::error::TrySendError::Full(_) => "too many commands are waiting for Redis",
                    mpsc::error::TrySendError::Closed(_) => GONE,
                };
                StoreError::new(doing, reason)
            })?;
            let outcome = answered.await.map_err(|_| StoreError::new(doing, GONE))?;
            outcome.map_err(|error| StoreError::new(doing, error))
        }
        .boxed()
    }
}

impl Standing {
    fn connection(&self) -> Result<MultiplexedConnection, Arc<str>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, connection: Result<MultiplexedConnection, Arc<str>>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }
}

/// The thread's work, until nobody can ask any more.
async fn serve(
    keeper: Keeper,
    standing: Arc<Standing>,
    mut jobs: mpsc::Receiver<Job>,
    first: SyncSender<Result<(), Failure>>,
) {
    let listener = Arc::clone(&keeper.listener);
    let finder = keeper.finder.clone();
    let keeping = tokio::spawn(keeper.keep(first.clone()));
    let listening = tokio::spawn(async move { listener.listen(&finder, first).await });
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        let Some(job) = jobs.recv().await else { break };
        let work = job(&standing);
        tokio::spawn(async move {
            work.await;
            drop(permit);
        });
    }
    keeping.abort();
    listening.abort();
}

struct Keeper {
    finder: Finder,
    commands: Arc<Commands>,
    listener: Arc<Listener>,
    standing: Arc<Standing>,
    /// Whether the server was away, to log the change and not every failure.
    ails: bool,
}

impl Keeper {
    async fn keep(mut self, first: SyncSender<Result<(), Failure>>) {
        let mut first = Some(first);
        let mut backoff = Backoff::new();
        loop {
            let connected =
                timeout(CONNECT_FOR, self.connect()).await.unwrap_or_else(|_| Err(NO_ANSWER.into()));
            let failure = match connected {
                Ok(connection) => {
                    self.standing.set(Ok(connection.clone()));
                    if let Some(first) = first.take() {
                        first.send(Ok(())).ok();
                    }
                    backoff.reset();
                    self.attend(connection).await
                }
                Err(failure) => failure,
            };
            if let Some(first) = first.take() {
                first.send(Err(failure)).ok();
                return;
            }
            if !self.ails {
                self.ails = true;
                let address = &self.finder.address;
                tracing::error!(%address, error = %failure, "the session store is away; nobody can sign in or out");
            }
            self.standing.set(Err(format!("{}: {failure}", self.finder.address).into()));
            sleep(backoff.next()).await;
        }
    }

    /// A connection to a server that takes writes.
    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let mut connection = connect(&self.finder.find().await?).await?;
        connection.set_response_timeout(COMMAND_FOR);
        self.commands.check(connection.clone()).await?;
        Ok(connection)
    }

    /// Looks after a connection until it fails.
    async fn attend(&mut self, connection: MultiplexedConnection) -> Failure {
        // It may be another server, or the same one emptied.
        self.listener.begin_anew();
        loop {
            let counter = match timeout(LOOK_FOR, self.commands.counter(connection.clone())).await {
                Ok(Ok(counter)) => counter,
                Ok(Err(failure)) => return failure,
                Err(_) => return NO_ANSWER.into(),
            };
            if self.ails {
                self.ails = false;
                tracing::info!(address = %self.finder.address, "the session store is back");
            }
            if self.listener.count(counter) == Heard::NotAll {
                tracing::debug!("messages of the session store were lost: asking again for every session");
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.standing.doubts.notified() => return "the connection was lost, or leads to another server".into(),
            }
        }
    }
}

/// Errors after which the server has to be looked for again.
fn tells_of_another_server(failure: &Failure) -> bool {
    let Some(error) = failure.downcast_ref::<RedisError>() else { return false };
    if error.is_timeout() {
        // The next look finds out.
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

fn first_outcome(first: &Receiver<Result<(), Failure>>) -> Result<(), Failure> {
    first.recv_timeout(CONNECT_FOR * 2).unwrap_or_else(|_| Err(NO_ANSWER.into()))
}

const GONE: &str = "the thread of the session store is gone";
/// Past it, sign-ins are told to come back.
const WAITING_JOBS: usize = 16 * 1024;
const IN_FLIGHT: usize = 1024;
const COMMAND_FOR: Duration = Duration::from_secs(2);
/// A lost message is noticed after two looks: within a second, with room for slowness.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOK_FOR: Duration = Duration::from_secs(1);
