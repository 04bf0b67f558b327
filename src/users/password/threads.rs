//! The threads that hash and check passwords.
//!
//! Hashing is slow on purpose, so it never runs on a thread that serves requests, but on a fixed number of threads with a
//! bounded queue in front of them: Mallory, who floods the sign-in form, fills the queue and gets 503, while users who are
//! signed in notice nothing. Memory is bounded with it: threads × memory of one check.
//!
//! A check that has started runs to its end, whether or not a request waits for it. So the job owns the [`Charged`] to
//! which the check counts, and hands it back with the verdict.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    HashSettings, Password, PasswordHash, WeakPassword, argon,
    argon2_hash::Argon2Hash,
    hash::Recipe,
    imported::ImportedHash,
    rules::{PasswordOwner, PasswordRules},
};

/// The hashing threads; shared by everything that checks or sets passwords. They end when this is dropped.
#[derive(Debug)]
pub struct Passwords {
    jobs: SyncSender<Job>,
    /// Maximum number of jobs that wait and run at once, per thread.
    jobs_per_thread: u32,
    settings: HashSettings,
    rules: Arc<PasswordRules>,
    gauges: Arc<Gauges>,
}

/// How a check ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password does not fit, or there was no hash.
    Wrong,
    /// The password fits.
    Right {
        /// The same password hashed with today's settings, if the stored hash is weaker.
        upgrade: Option<PasswordHash>,
    },
}

/// The account of a check, such as an attempt of the throttle. It moves into the job, and is dropped on the hashing thread,
/// or with the request, if no request waits for the verdict.
pub trait Charged: Send + 'static {
    /// The check starts.
    fn start(&mut self);

    /// The check has ended with this verdict.
    fn end(&mut self, verdict: &Verdict);
}

/// No account.
impl Charged for () {
    fn start(&mut self) {}

    fn end(&mut self, _: &Verdict) {}
}

/// The queue of passwords to hash is full; answer 503 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked, try again in {} s", self.retry_after.as_secs())]
pub struct Busy {
    /// When the queue that was found full will have been worked off; whole seconds, at least one.
    pub retry_after: Duration,
}

impl Passwords {
    /// Starts `threads` threads (at least one), with room for `queue` waiting jobs (at least one). Settings
    /// that [`HashSettings::check`] refuses are brought into bounds.
    ///
    /// # Panics
    ///
    /// When the operating system has no thread to give.
    pub fn start(settings: HashSettings, threads: usize, queue: usize) -> Arc<Self> {
        Self::start_with_rules(settings, PasswordRules::default(), threads, queue)
    }

    /// The same, with rules for new passwords.
    ///
    /// # Panics
    ///
    /// When the operating system has no thread to give.
    pub fn start_with_rules(
        settings: HashSettings,
        rules: PasswordRules,
        threads: usize,
        queue: usize,
    ) -> Arc<Self> {
        let (threads, queue) = (threads.max(1), queue.max(1));
        let settings = settings.bounded();
        let gauges = Arc::new(Gauges::default());
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads {
            let mut hasher = Hasher {
                settings,
                memory: argon::Memory::default(),
                usual: None,
                gauges: Arc::clone(&gauges),
            };
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || {
                    give_way(number);
                    hasher.serve(&waiting);
                })
                .expect("the system can start a thread");
        }
        let jobs_per_thread = u32::try_from((queue + threads).div_ceil(threads)).unwrap_or(u32::MAX);
        Arc::new(Self { jobs, jobs_per_thread, settings, rules: Arc::new(rules), gauges })
    }

    /// Compares `password` with `hash`; `None` costs the same and is [`Verdict::Wrong`].
    ///
    /// A hash that cannot be read fits no password, at the same cost. For a cheaper hash the difference is made up, so that
    /// the time of a wrong password reveals nothing about the account. (A dearer one takes longer; the alternative would
    /// be to slow every check.)
    pub async fn verify(&self, hash: Option<PasswordHash>, password: Password) -> Result<Verdict, Busy> {
        self.verify_charged(hash, password, ()).await.map(|(verdict, ())| verdict)
    }

    /// The same, for the account of `charge`: it is called when the check starts and when it ends, and is returned with
    /// the verdict.
    pub async fn verify_charged<C: Charged>(
        &self,
        hash: Option<PasswordHash>,
        password: Password,
        mut charge: C,
    ) -> Result<(Verdict, C), Busy> {
        self.ask(move |hasher| {
            charge.start();
            let verdict = hasher.verify(hash.as_ref(), &password);
            charge.end(&verdict);
            (verdict, charge)
        })
        .await
    }

    /// Hashes a new password with today's settings.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        self.ask(move |hasher| argon::hash(hasher.settings, &password, &mut hasher.memory)).await
    }

    /// Checks a new password of this user against the rules and hashes it; the outer error is a full queue. The rules
    /// cost up to 12 ms, so they are not for threads that serve requests.
    pub async fn hash_new(
        &self,
        password: Password,
        owner: PasswordOwner,
    ) -> Result<Result<PasswordHash, WeakPassword>, Busy> {
        let rules = Arc::clone(&self.rules);
        self.ask(move |hasher| {
            rules
                .check(&password, &owner)
                .map(|()| argon::hash(hasher.settings, &password, &mut hasher.memory))
        })
        .await
    }

    /// The rules for new passwords.
    pub fn rules(&self) -> &PasswordRules {
        &self.rules
    }

    /// Hashes on the thread of the caller, for the command line.
    pub fn hash_now(settings: HashSettings, password: &Password) -> PasswordHash {
        argon::hash(settings, password, &mut argon::Memory::default())
    }

    /// The settings of new hashes.
    pub fn settings(&self) -> HashSettings {
        self.settings
    }

    /// How many checks were done since the start, those against no account included.
    pub fn verifications(&self) -> u64 {
        self.gauges.verifications.load(Ordering::Relaxed)
    }

    /// How many jobs were turned away since the start because the queue was full.
    pub fn refusals(&self) -> u64 {
        self.gauges.refusals.load(Ordering::Relaxed)
    }

    /// How many jobs wait for a thread.
    pub fn waiting(&self) -> u64 {
        self.gauges.waiting.load(Ordering::Relaxed)
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Hasher) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (reply, replied) = oneshot::channel();
        let job: Job = Box::new(move |hasher| {
            // A sign-in whose client has disconnected before its turn costs nothing.
            if !reply.is_closed() {
                // The client may disconnect during the work; the reply is then dropped here.
                drop(reply.send(work(hasher)));
            }
        });
        // Before it can be taken out again.
        self.gauges.waiting.fetch_add(1, Ordering::Relaxed);
        if self.jobs.try_send(job).is_err() {
            self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            self.gauges.refusals.fetch_add(1, Ordering::Relaxed);
            return Err(self.busy());
        }
        // No reply means that the job panicked: nobody was let in, and trying again is right.
        replied.await.map_err(|_| self.busy())
    }

    fn busy(&self) -> Busy {
        let one = Duration::from_micros(self.gauges.last_job_micros.load(Ordering::Relaxed));
        let all = one.saturating_mul(self.jobs_per_thread);
        Busy { retry_after: Duration::from_secs(all.as_secs() + 1) }
    }
}

type Job = Box<dyn FnOnce(&mut Hasher) + Send>;

/// Stands for the threads in tests: each job is done when the test says so.
#[cfg(test)]
pub(crate) struct ByHand {
    waiting: Receiver<Job>,
    hasher: Hasher,
}

#[cfg(test)]
impl ByHand {
    /// Does the job that has waited longest; `false` if there is none.
    pub(crate) fn work(&mut self) -> bool {
        let job = self.waiting.try_recv();
        self.hasher.gauges.waiting.fetch_sub(u64::from(job.is_ok()), Ordering::Relaxed);
        job.map(|job| job(&mut self.hasher)).is_ok()
    }
}

#[cfg(test)]
impl Passwords {
    /// Without threads.
    pub(crate) fn by_hand(settings: HashSettings, queue: usize) -> (Arc<Self>, ByHand) {
        let gauges = Arc::new(Gauges::default());
        let (jobs, waiting) = sync_channel(queue);
        let hasher =
            Hasher { settings, memory: argon::Memory::default(), usual: None, gauges: Arc::clone(&gauges) };
        (
            Arc::new(Self { jobs, jobs_per_thread: 1, settings, rules: Arc::default(), gauges }),
            ByHand { waiting, hasher },
        )
    }
}

/// Figures of the threads, for metrics.
#[derive(Debug, Default)]
struct Gauges {
    verifications: AtomicU64,
    refusals: AtomicU64,
    waiting: AtomicU64,
    last_job_micros: AtomicU64,
}

/// The state of one thread.
struct Hasher {
    settings: HashSettings,
    memory: argon::Memory,
    /// The time of the last check of no account, which is that of any wrong password.
    usual: Option<Duration>,
    gauges: Arc<Gauges>,
}

impl Hasher {
    fn serve(&mut self, waiting: &Mutex<Receiver<Job>>) {
        loop {
            // Only receiving happens under the lock, which therefore is never poisoned.
            let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            let started = Instant::now();
            // A thread that ended by a panic would be missing for good; the request gets no reply instead.
            if catch_unwind(AssertUnwindSafe(|| job(self))).is_err() {
                tracing::error!("hashing a password panicked");
                self.memory = argon::Memory::default();
            }
            self.memory.shrink_to(self.settings);
            let took = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.gauges.last_job_micros.store(took, Ordering::Relaxed);
        }
    }

    /// Compares every form of the password with the hash, whatever the hash is: a password in two forms is two
    /// computations for a name that no user has as well.
    fn verify(&mut self, hash: Option<&PasswordHash>, password: &Password) -> Verdict {
        self.gauges.verifications.fetch_add(1, Ordering::Relaxed);
        let recipe = hash.and_then(PasswordHash::recipe);
        for (index, form) in password.forms().iter().enumerate() {
            let fits = match &recipe {
                None => self.pretend(form),
                Some(Recipe::Argon2(hash)) => self.fits_argon2(hash, form),
                Some(Recipe::Imported(hash)) => self.fits_imported(hash, form),
            };
            if fits {
                let is_kept =
                    matches!(&recipe, Some(Recipe::Argon2(hash)) if !hash.is_weaker_than(self.settings));
                let upgrade =
                    (!is_kept || index > 0).then(|| argon::hash(self.settings, password, &mut self.memory));
                return Verdict::Right { upgrade };
            }
        }
        Verdict::Wrong
    }

    /// The work of a check with today's settings; fits nothing.
    fn pretend(&mut self, password: &Password) -> bool {
        let started = Instant::now();
        argon::pretend(self.settings, password, &mut self.memory);
        self.usual = Some(started.elapsed());
        false
    }

    /// A hash with cheaper settings takes as long as one with today's, if the password is wrong.
    fn fits_argon2(&mut self, hash: &Argon2Hash, password: &Password) -> bool {
        let fits = argon::fits(hash, password, &mut self.memory);
        if !fits {
            argon::make_up_for(hash, self.settings, password, &mut self.memory);
        }
        fits
    }

    /// A hash that is computed faster than one of the gateway's own takes as long as one, if the password is wrong. A
    /// slower one takes longer.
    fn fits_imported(&mut self, hash: &ImportedHash, password: &Password) -> bool {
        let started = Instant::now();
        let fits = hash.fits(password.exposed().as_bytes());
        let took = started.elapsed();
        if !fits {
            match self.usual {
                Some(usual) if took >= usual => {}
                Some(usual) => {
                    let missing = 1.0 - took.as_secs_f64() / usual.as_secs_f64();
                    argon::pretend_part(self.settings, missing, password, &mut self.memory);
                }
                // The time that a check takes here is not known yet.
                None => {
                    self.pretend(password);
                }
            }
        }
        fits
    }
}

/// Lowers the priority of a hashing thread: where processors are short, a flood of sign-ins waits for the requests of users
/// who are signed in. On Linux the priority is the thread's own (setpriority(2), "C library/kernel differences").
#[cfg(target_os = "linux")]
fn give_way(number: usize) {
    let lowered = rustix::process::setpriority_process(None, HASHING_NICENESS);
    // Logged once: the system call is forbidden to all threads or to none.
    if let (Err(error), 0) = (lowered, number) {
        tracing::warn!(
            %error,
            "passwords are hashed at the priority of everything else: a flood of sign-ins slows everybody down; \
             allow the system call setpriority"
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: usize) {}

/// A thread with this niceness gets about a tenth of the time that a thread of normal priority gets beside it; alone, all.
#[cfg(target_os = "linux")]
const HASHING_NICENESS: i32 = 10;

#[cfg(test)]
mod tests;
