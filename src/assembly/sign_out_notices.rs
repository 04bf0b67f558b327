//! The thread that tells apps of the end of sessions.
//!
//! `session` notifies it of each sign-in that ends. It signs a logout token for each app with `sign_out_notice` and posts it
//! there, off the path of requests. The queue is bounded: while an app is away, its notices are tried a few times and then
//! given up, and past the bound new ones are dropped; both are logged.

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
    forward::{self, Resolver, post_form},
    gateway::Shared,
    session::{EndedSignIn, Sessions},
};

/// Starts the thread. `shared` is complete already.
pub(super) fn start(shared: &Arc<Shared>, sessions: &Sessions) -> Result<(), AssemblyError> {
    let (sender, receiver) = mpsc::channel(QUEUED);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AssemblyError::Thread)?;
    let weak = Arc::downgrade(shared);
    let notify = move || runtime.block_on(deliver(&weak, receiver));
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

async fn deliver(shared: &Weak<Shared>, mut receiver: Receiver<EndedSignIn>) {
    let mut sending = FuturesUnordered::new();
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
        }
    }
}

/// A notice to one app.
struct Notice {
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
        for wait in WAITS {
            tokio::time::sleep(wait).await;
            match post_form(&self.app, &self.resolver, (&self.host, &self.path), &self.form).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(app = %name, %error, "notice of a sign-out not taken"),
            }
        }
        tracing::error!(app = %name, "notice of a sign-out given up");
    }
}

/// Maximum number of ends of sessions that wait.
const QUEUED: usize = 1024;
/// Maximum number of notices under way; further ends wait in the queue.
const AT_A_TIME: usize = 64;
const REMEMBERED: usize = 256;
/// Before each attempt. A logout token is valid for two minutes.
const WAITS: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
