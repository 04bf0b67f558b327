//! The thread that tells apps of the end of sessions.
//!
//! `session` notifies it of each sign-in that ends. It signs a logout token for each app with `sign_out_notice` and posts it
//! there, off the path of requests. The queue is bounded: while an app is away, its notices are tried a few times and then
//! given up, and past the bound new ones are dropped; both are logged.
//!
//! The directory notifies it of each change that ends the sessions of a user: nobody has to present one of them for the apps to be
//! told. The thread ends those sessions in the store.

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
    assertion::{AssertionSettings, SessionEnd},
    clock::Clock,
    error_chain::ErrorChain,
    forward::{self, Resolver, post_form},
    gateway::Shared,
    identity::UserId,
    session::{EndedSignIn, Sessions},
    users::{Action, Change},
};

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
    let weak = Arc::downgrade(shared);
    let notify = move || runtime.block_on(deliver(&weak, receiver, changes));
    thread::Builder::new()
        .name("sign-out-notices".into())
        .spawn(notify)
        .map(drop)
        .map_err(AssemblyError::Thread)?;
    let shared = Arc::downgrade(shared);
    sessions.on_end(move |ended| {
        // Most gateways have no such app.
        let has_notices = |shared: Arc<Shared>| shared.current.load().has_sign_out_notices();
        if !shared.upgrade().is_some_and(has_notices) {
            return;
        }
        if let Err(TrySendError::Full(_)) = sender.try_send(ended) {
            tracing::warn!("notice of a sign-out dropped: too many wait to be sent");
        }
    });
    Ok(())
}

async fn deliver(
    shared: &Weak<Shared>,
    mut receiver: Receiver<EndedSignIn>,
    mut changes: Receiver<EndingChange>,
) {
    let (mut sending, mut settling) = (FuturesUnordered::new(), FuturesUnordered::new());
    // A sign-in with its branches ends several times, and another gateway may say it, too.
    let mut told: VecDeque<SessionEnd> = VecDeque::new();
    loop {
        tokio::select! {
            ended = receiver.recv(), if sending.len() < AT_A_TIME => {
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
                for notice in notices(&shared, &ended, &end) {
                    sending.push(notice.send());
                }
            }
            Some(()) = sending.next() => {}
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

/// A notice to one app.
struct Notice {
    clock: Clock,
    app: forward::App,
    resolver: Resolver,
    host: Box<str>,
    path: Box<str>,
    form: String,
}

/// The notices for all apps that the sign-in could have reached.
fn notices(shared: &Shared, ended: &EndedSignIn, end: &SessionEnd) -> Vec<Notice> {
    let snapshot = shared.current.load();
    let has_portal = snapshot.portal.portal_host.is_some();
    let host = ended.host.split(':').next().unwrap_or_default();
    let mut notices = Vec::new();
    for app in snapshot.policy.apps() {
        let is_reached = has_portal || app.hosts.is_empty() || app.hosts.iter().any(|own| **own == *host);
        let Ok(settings) = snapshot.app(app.id) else { continue };
        let (Some((path, assertion)), true) = (&settings.sign_out_notice, is_reached) else { continue };
        let assertion: &AssertionSettings = assertion;
        match shared.assertions.logout_token(assertion, end) {
            Ok(token) => notices.push(Notice {
                clock: shared.clock.clone(),
                app: settings.forward.clone(),
                resolver: shared.resolver.clone(),
                host: app.hosts.first().map_or_else(|| ended.host.clone(), Clone::clone),
                path: path.clone(),
                form: format!("logout_token={token}"),
            }),
            Err(error) => {
                tracing::error!(app = %settings.forward.name, %error, "notice of a sign-out not signed");
            }
        }
    }
    notices
}

impl Notice {
    async fn send(self) {
        let name = &self.app.name;
        let mut waits = WAITS.iter();
        loop {
            let sent = self.clock.now();
            match post_form(&self.app, &self.resolver, (&self.host, &self.path), &self.form).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(app = %name, %error, "notice of a sign-out not taken"),
            }
            let Some(wait) = waits.next() else { break };
            self.clock.wait_until(sent + *wait).await;
        }
        tracing::error!(app = %name, "notice of a sign-out given up");
    }
}

/// Maximum number of ends of sessions that wait.
const QUEUED: usize = 1024;
/// Maximum number of notices under way; further ends wait in the queue.
const AT_A_TIME: usize = 64;
const REMEMBERED: usize = 256;
/// From one attempt to the next. A logout token is valid for two minutes.
const WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
const SETTLES_AFTER: Duration = Duration::from_secs(10);
