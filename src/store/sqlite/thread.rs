//! A thread that owns a database.
//!
//! SQLite blocks, so a database is read and written on a thread of its own. Jobs reach it through a bounded queue: a
//! full queue is an error at once, so that a slow disk fills no memory. Between jobs, and however many there are, the
//! thread looks for changes of other processes at fixed intervals.

use std::{
    fmt, io,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryIter, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// The owner of a database, as its thread calls it.
pub trait DatabaseWorker: Send + 'static {
    /// A job for the thread. [`Task`] unless jobs are done together.
    type Job: Send + 'static;

    /// Time between two calls of [`DatabaseWorker::look`].
    const LOOK_EVERY: Duration;

    /// Does a job, and as many of the waiting ones as it likes.
    fn work(&mut self, job: Self::Job, waiting: TryIter<'_, Self::Job>);

    /// Looks for changes of other processes, and does what is due from time to time.
    fn look(&mut self);

    /// Finishes what was left for later. No job comes any more.
    fn finish(&mut self) {}
}

/// A job that has the owner of the database to itself.
pub type Task<W> = Box<dyn FnOnce(&mut W) + Send>;

/// The way to a thread that owns a database. Dropping it waits until the thread has done all jobs.
pub struct DatabaseThread<W: DatabaseWorker> {
    name: &'static str,
    /// Gone when this is dropped, so that the thread ends.
    jobs: Option<SyncSender<W::Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A job was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Too many jobs are waiting.
    QueueFull,
    /// The thread has ended.
    ThreadEnded,
}

impl<W: DatabaseWorker> DatabaseThread<W> {
    /// Starts the thread, with room for `queue` waiting jobs.
    pub fn start(name: &'static str, queue: usize, worker: W) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || serve(worker, &waiting))?;
        Ok(Self { name, jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands over a job, unless the queue is full.
    pub fn try_send(&self, job: W::Job) -> Result<(), NotDone> {
        let jobs = self.jobs.as_ref().ok_or(NotDone::ThreadEnded)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => NotDone::QueueFull,
            TrySendError::Disconnected(_) => NotDone::ThreadEnded,
        })
    }

    /// Hands over a job; waits for room in the queue.
    pub fn send(&self, job: W::Job) -> Result<(), NotDone> {
        let jobs = self.jobs.as_ref().ok_or(NotDone::ThreadEnded)?;
        jobs.send(job).map_err(|_| NotDone::ThreadEnded)
    }

    /// Hands over the job that `make` makes from a channel for its reply, and waits for the reply. The job is handed
    /// over when this returns, and is done even if the future is dropped.
    pub fn ask<T, F>(&self, make: F) -> impl Future<Output = Result<T, NotDone>> + Send + use<T, F, W>
    where
        T: Send,
        F: FnOnce(oneshot::Sender<T>) -> W::Job,
    {
        let (reply, replied) = oneshot::channel();
        let sent = self.try_send(make(reply));
        async move {
            sent?;
            replied.await.map_err(|_| NotDone::ThreadEnded)
        }
    }
}

#[cfg(test)]
impl<W: DatabaseWorker> DatabaseThread<W> {
    /// Whether the thread has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<W: DatabaseWorker<Job = Task<W>>> DatabaseThread<W> {
    /// Has `work` done on the thread. It is handed over when this returns, and is done even if the future is dropped.
    pub fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T, NotDone>> + Send + use<T, F, W>
    where
        T: Send + 'static,
        F: FnOnce(&mut W) -> T + Send + 'static,
    {
        self.ask(|reply| {
            Box::new(move |worker: &mut W| {
                // The client may have disconnected; the work holds all the same.
                reply.send(work(worker)).ok();
            })
        })
    }
}

impl<W: DatabaseWorker> fmt::Debug for DatabaseThread<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseThread").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<W: DatabaseWorker> Drop for DatabaseThread<W> {
    fn drop(&mut self) {
        self.jobs = None;
        // The last owner may be the thread itself.
        if let Some(thread) = self.thread.take().filter(|it| it.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!(thread = self.name, "the thread of a database panicked");
        }
    }
}

fn serve<W: DatabaseWorker>(mut worker: W, jobs: &Receiver<W::Job>) {
    let mut next_look = Instant::now() + W::LOOK_EVERY;
    loop {
        match jobs.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
            Ok(job) => worker.work(job, jobs.try_iter()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return worker.finish(),
        }
        if Instant::now() >= next_look {
            worker.look();
            next_look = Instant::now() + W::LOOK_EVERY;
        }
    }
}
