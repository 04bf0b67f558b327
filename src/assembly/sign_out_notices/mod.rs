//! The thread that tells apps of the end of sessions.
//!
//! `session` notifies it of each sign-in that ends. It signs a logout token for each app with `sign_out_notice` and posts it
//! there, off the path of requests. Each app has a bounded queue of its own (`queues`), so that one that does not respond delays
//! and loses the notices to itself alone: they are tried a few times and then given up, and past the bound new ones are
//! dropped. Both are logged and counted (`counts`).
//!
//! The directory notifies it of each change that ends the sessions of a user: nobody has to present one of them for the apps to be
//! told. The thread ends those sessions in the store.

mod counts;
mod queues;

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{self, Receiver, error::TrySendError};

use super::AssemblyError;
use crate::{
    assertion::SessionEnd,
    clock::Clock,
    error_chain::ErrorChain,
    forward::{self, Resolver, post_form},
    gateway::Shared,
    identity::UserId,
    session::{EndedSignIn, Sessions},
    snapshot::Snapshot,
    users::{Action, Change},
};
use counts::{NoticeCounts, NoticeOutcome};
use queues::{AppQueues, Place};

/// A change that has ended the sessions of a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndingChange {
    user: UserId,
    action: Action,
}

impl EndingChange {
    /// `None`: the sessions go on.
    pub(super) fn of(change: &Change) -> Option<Self> {
        let Change { user, action, .. } = *change;
        action.ends_sessions().then_some(Self { user, action })
    }

    /// How long it takes at most until the session in which the change was made is replaced: somebody who changes the own
    /// password stays signed in, and the new session takes over the data of the old one.
    fn settles_after(self) -> Duration {
        match self.action {
            Action::Disabled | Action::Removed | Action::SourceEnded => Duration::ZERO,
            _ => SETTLES_AFTER,
        }
    }
}

/// The queue of such changes. The directory is opened before there is a thread that receives them.
pub(super) fn queue() -> (mpsc::Sender<EndingChange>, Receiver<EndingChange>) {
    mpsc::channel(QUEUED)
}

/// Starts the thread. `shared` is complete already.
pub(super) fn start(
    shared: &Arc<Shared>,
    sessions: &Sessions,
    changes: Receiver<EndingChange>,
) -> Result<(), AssemblyError> {
    let (sender, receiver) = mpsc::channel(QUEUED);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AssemblyError::Thread)?;
    let counts = NoticeCounts::registered_with(&shared.metrics);
    let (weak, counts_of_thread) = (Arc::downgrade(shared), Arc::clone(&counts));
    let notify = move || runtime.block_on(deliver(&weak, &counts_of_thread, receiver, changes));
    thread::Builder::new()
        .name("sign-out-notices".into())
        .spawn(notify)
        .map(drop)
        .map_err(AssemblyError::Thread)?;
    let shared = Arc::downgrade(shared);
    sessions.on_end(move |ended| {
        // Most gateways have no such app.
        let Some(shared) = shared.upgrade() else { return };
        let snapshot = shared.current.load();
        if !snapshot.has_sign_out_notices() {
            return;
        }
        if let Err(TrySendError::Full(ended)) = sender.try_send(ended) {
            tracing::warn!("notices of a sign-out dropped: too many ends of sessions wait");
            reached_apps(&snapshot, &ended).for_each(|app| counts.add(&app, NoticeOutcome::Dropped));
        }
    });
    Ok(())
}

async fn deliver(
    shared: &Weak<Shared>,
    counts: &NoticeCounts,
    mut receiver: Receiver<EndedSignIn>,
    mut changes: Receiver<EndingChange>,
) {
    let (mut sending, mut settling) = (FuturesUnordered::new(), FuturesUnordered::new());
    let mut queues = AppQueues::<Notice>::default();
    // A sign-in with its branches ends several times, and another gateway may say it, too.
    let mut told: VecDeque<SessionEnd> = VecDeque::new();
    loop {
        tokio::select! {
            // Ends are looked at first, so that they do not fill the queue that all apps share.
            biased;
            ended = receiver.recv() => {
                let Some(ended) = ended else { return };
                let Some(shared) = shared.upgrade() else { return };
                let end = SessionEnd { user: ended.user, signed_in: ended.signed_in };
                if told.contains(&end) {
                    continue;
                }
                told.push_back(end);
                if told.len() > REMEMBERED {
                    told.pop_front();
                }
                for app in reached_apps(&shared.current.load(), &ended) {
                    let notice = Notice { app: Arc::clone(&app), end, host: ended.host.clone() };
                    match queues.join(&app, notice) {
                        Place::Now(notice) => sending.push(notice.send(Arc::downgrade(&shared))),
                        Place::Later => {}
                        Place::Full { is_first } => {
                            counts.add(&app, NoticeOutcome::Dropped);
                            if is_first {
                                tracing::error!(%app, "notices of sign-outs dropped: too many wait for this app");
                            }
                        }
                    }
                }
            }
            Some((app, outcome)) = sending.next() => {
                if let Some(outcome) = outcome {
                    counts.add(&app, outcome);
                }
                if let Some(next) = queues.leave(&app) {
                    sending.push(next.send(Weak::clone(shared)));
                }
            }
            Some(change) = changes.recv(), if settling.len() < QUEUED => settling.push(end_former(shared, change)),
            Some(()) = settling.next() => {}
        }
    }
}

/// Ends the sessions of a user that a change has ended: those of another credential version than the account's. Their end is
/// reported like every other.
async fn end_former(shared: &Weak<Shared>, change: EndingChange) {
    let clock =
        |shared: Arc<Shared>| shared.current.load().has_sign_out_notices().then(|| shared.clock.clone());
    let Some(clock) = shared.upgrade().and_then(clock) else { return };
    clock.wait_until(clock.now() + change.settles_after()).await;
    let Some(shared) = shared.upgrade() else { return };
    let ended = async {
        let account = shared.directory.account(change.user).await.map_err(BoxError::from)?;
        let current = account.map(|account| account.credential);
        shared.sessions.end_former_of(change.user, current).await.map_err(BoxError::from)
    };
    if let Err(error) = ended.await {
        tracing::error!(
            user_id = %change.user, error = %ErrorChain(&*error),
            "apps not told of the sessions that a change of their user has ended"
        );
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A notice to one app, which is signed when its turn comes: a token is valid for two minutes.
struct Notice {
    app: Arc<str>,
    end: SessionEnd,
    /// The host of the session that ended.
    host: Box<str>,
}

/// The address of a notice, and its contents.
struct Letter {
    clock: Clock,
    app: forward::App,
    resolver: Resolver,
    host: Box<str>,
    path: Box<str>,
    form: String,
}

/// The names of all apps that the sign-in could have reached, and that are told.
fn reached_apps(snapshot: &Snapshot, ended: &EndedSignIn) -> impl Iterator<Item = Arc<str>> {
    let has_portal = snapshot.portal.portal_host.is_some();
    let host = ended.host.split(':').next().unwrap_or_default();
    snapshot.policy.apps().iter().filter_map(move |app| {
        let is_reached = has_portal || app.hosts.is_empty() || app.hosts.iter().any(|own| **own == *host);
        let settings = snapshot.app(app.id).ok().filter(|_| is_reached)?;
        settings.sign_out_notice.as_ref()?;
        Some(Arc::clone(&settings.forward.name))
    })
}

impl Notice {
    /// Sends the notice to its app as that is configured now. The result has no outcome if the app wants no notices any more.
    async fn send(self, shared: Weak<Shared>) -> (Arc<str>, Option<NoticeOutcome>) {
        let letter = shared.upgrade().and_then(|shared| self.sign(&shared));
        drop(shared);
        let outcome = match letter {
            Some(letter) => Some(letter.send().await),
            None => None,
        };
        (self.app, outcome)
    }

    fn sign(&self, shared: &Shared) -> Option<Letter> {
        let snapshot = shared.current.load();
        let (app, settings) = snapshot.policy.apps().iter().find_map(|app| {
            let settings = snapshot.app(app.id).ok()?;
            (settings.forward.name == self.app).then_some((app, settings))
        })?;
        let (path, assertion) = settings.sign_out_notice.as_ref()?;
        match shared.assertions.logout_token(assertion, &self.end) {
            Ok(token) => Some(Letter {
                clock: shared.clock.clone(),
                app: settings.forward.clone(),
                resolver: shared.resolver.clone(),
                host: app.hosts.first().map_or_else(|| self.host.clone(), Clone::clone),
                path: path.clone(),
                form: format!("logout_token={token}"),
            }),
            Err(error) => {
                tracing::error!(app = %self.app, %error, "notice of a sign-out not signed");
                None
            }
        }
    }
}

impl Letter {
    async fn send(self) -> NoticeOutcome {
        let name = &self.app.name;
        let mut waits = WAITS.iter();
        loop {
            let sent = self.clock.now();
            match post_form(&self.app, &self.resolver, (&self.host, &self.path), &self.form).await {
                Ok(()) => return NoticeOutcome::Sent,
                Err(error) => tracing::warn!(app = %name, %error, "notice of a sign-out not taken"),
            }
            let Some(wait) = waits.next() else { break };
            self.clock.wait_until(sent + *wait).await;
        }
        tracing::error!(app = %name, "notice of a sign-out given up");
        NoticeOutcome::GivenUp
    }
}

/// Maximum number of ends of sessions that wait to be looked at, which takes no time worth mentioning.
const QUEUED: usize = 1024;
const REMEMBERED: usize = 256;
/// From one attempt to the next. A logout token is valid for two minutes.
const WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
const SETTLES_AFTER: Duration = Duration::from_secs(10);
