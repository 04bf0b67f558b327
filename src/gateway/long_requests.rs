//! Requests that take long, and what ends them.
//!
//! An upload, a request that waits for its response, a download, an event stream, a WebSocket: each was allowed by
//! a session, an account and rules, and goes on as long as those allow it. The worker looks a few times a second:
//! whether the session is alive is asked each time; when the account or the configuration is another one, the
//! request is decided again, as a new one with the same path would be. What does not change by time alone (how
//! recently a password was confirmed) is taken as of the beginning.
//!
//! Who cannot be looked up goes on for [`GRACE`], so that a database that is locked for a moment breaks no download,
//! and ends then. Each request is looked at by itself: a look-up that hangs holds up the end of no other.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use super::Gateway;
use crate::{
    access::{AppId, Decision, decide},
    clock::Timestamp,
    forward::{CancelGuard, Canceller},
    identity::Identity,
    refusal::Refusal,
    request::Target,
    session::{AppSessionLimits, Owner, Session},
    snapshot::Snapshot,
    users::Account,
};

/// The requests of a worker that take long.
#[derive(Debug, Default)]
pub(super) struct LongRequests(RefCell<Vec<Rc<LongRequest>>>);

/// One of them.
#[derive(Debug)]
pub(super) struct LongRequest {
    canceller: Canceller,
    target: Rc<Target>,
    app: Arc<str>,
    /// Ends the request with it; `None`: the request was allowed without, and the app was not told of any.
    session: Option<Arc<Session>>,
    began: Timestamp,
    basis: RefCell<Basis>,
    /// Somebody is looking.
    is_looked_at: Cell<bool>,
    /// Since when it is not known whether it may go on.
    unknown_since: Cell<Option<Timestamp>>,
    ended_by: Cell<Option<Cause>>,
}

/// What the last decision rested on. As long as that is the same, so is the decision.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    generation: u64,
    account: Option<Weak<Account>>,
    own: AppSessionLimits,
}

/// Why a request was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    SignedOut,
    Forbidden,
    /// Nobody could tell for too long.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    GoesOn,
    Ends(Cause),
    Unknown,
}

impl LongRequests {
    /// Adds a request, which is cancelled through its guard.
    pub(super) fn add(
        &self,
        (target, app): (&Rc<Target>, &Arc<str>),
        session: Option<&Arc<Session>>,
        began: Timestamp,
        basis: Basis,
    ) -> (CancelGuard, Rc<LongRequest>) {
        let guard = CancelGuard::default();
        let request = Rc::new(LongRequest {
            canceller: guard.canceller(),
            target: Rc::clone(target),
            app: Arc::clone(app),
            session: session.cloned(),
            began,
            basis: RefCell::new(basis),
            is_looked_at: Cell::new(false),
            unknown_since: Cell::new(None),
            ended_by: Cell::new(None),
        });
        self.0.borrow_mut().push(Rc::clone(&request));
        (guard, request)
    }

    /// Those that have to be looked at; forgets what has ended.
    fn due(&self, generation: u64) -> Vec<Rc<LongRequest>> {
        let mut requests = self.0.borrow_mut();
        requests.retain(|request| request.canceller.is_under_way());
        let is_due = |request: &&Rc<LongRequest>| {
            !request.is_looked_at.get()
                && (request.session.is_some() || request.basis.borrow().generation != generation)
        };
        requests.iter().filter(is_due).cloned().collect()
    }
}

impl Basis {
    pub(super) fn new(snapshot: &Snapshot, account: Option<&Arc<Account>>, own: AppSessionLimits) -> Self {
        Self { generation: snapshot.generation, account: account.map(Arc::downgrade), own }
    }

    fn is(&self, snapshot: &Snapshot, account: Option<&Arc<Account>>) -> bool {
        self.generation == snapshot.generation
            && self.account.as_ref().map(Weak::as_ptr) == account.map(Arc::as_ptr)
    }
}

impl LongRequest {
    /// What the client is told whose request was ended before its response.
    pub(super) fn refusal(&self) -> Refusal {
        match self.ended_by.get() {
            Some(Cause::SignedOut) => Refusal::SignIn,
            Some(Cause::Forbidden) => Refusal::Forbidden,
            Some(Cause::Unknown) | None => Refusal::Unavailable,
        }
    }

    fn heed(&self, verdict: Verdict, now: Timestamp) {
        let cause = match verdict {
            Verdict::GoesOn => return self.unknown_since.set(None),
            Verdict::Ends(cause) => cause,
            Verdict::Unknown => {
                let since = self.unknown_since.get().unwrap_or(now);
                self.unknown_since.set(Some(since));
                if now.since(since) < GRACE {
                    return;
                }
                Cause::Unknown
            }
        };
        let session = self.session.as_ref().map(|session| tracing::field::display(session.key));
        tracing::debug!(session, app = %self.app, ?cause, "request under way cancelled");
        self.ended_by.set(Some(cause));
        self.canceller.cancel();
    }
}

impl Gateway {
    /// Looks at each request that takes long, and ends those that may not go on. Those that another look still
    /// waits for are left to it, so this is called again without waiting for its end.
    pub async fn judge_long_requests(&self) {
        let due = self.long_requests.due(self.shared.current.load().generation);
        let mut looks: FuturesUnordered<_> = due.iter().map(|request| self.look_at(request)).collect();
        while looks.next().await.is_some() {}
    }

    async fn look_at(&self, request: &LongRequest) {
        request.is_looked_at.set(true);
        let verdict = self.judge_again(request).await;
        request.is_looked_at.set(false);
        request.heed(verdict, self.shared.clock.now());
    }

    async fn judge_again(&self, request: &LongRequest) -> Verdict {
        let (now, snapshot) = (self.shared.clock.now(), self.shared.current.load_full());
        let (mut identity, mut account) = (Identity::Anonymous, None);
        if let Some(session) = &request.session {
            let limits = &snapshot.portal.sessions;
            let is_alive = timeout(LOOK_UP_LIMIT, self.shared.sessions.goes_on(session, now, limits));
            let user = session.owner.user();
            let found = timeout(LOOK_UP_LIMIT, async {
                match user {
                    Some(id) => self.account(id).await,
                    None => Ok(None),
                }
            });
            let (is_alive, found) = tokio::join!(is_alive, found);
            if matches!(is_alive, Ok(Ok(false))) || session.is_too_old_for(&request.basis.borrow().own, now) {
                return Verdict::Ends(Cause::SignedOut);
            }
            if let Owner::User { credential, .. } = session.owner {
                let Ok(Ok(found)) = found else { return Verdict::Unknown };
                let Some(known) = found.as_ref().and_then(|account| account.identity(credential)) else {
                    return Verdict::Ends(Cause::SignedOut);
                };
                (identity, account) = (known, found);
            }
            if !matches!(is_alive, Ok(Ok(true))) {
                return Verdict::Unknown;
            }
        }
        if request.basis.borrow().is(&snapshot, account.as_ref()) {
            return Verdict::GoesOn;
        }
        let is_of = |id: AppId| snapshot.app(id).is_ok_and(|app| app.forward.name == request.app);
        let routed = snapshot.policy.route(&request.target).ok().filter(|app| is_of(app.id));
        let Some(app) = routed else { return Verdict::Ends(Cause::Forbidden) };
        let Ok(own) = snapshot.session_limits(app, &request.target) else {
            return Verdict::Ends(Cause::Forbidden);
        };
        if request.session.as_ref().is_some_and(|session| session.is_too_old_for(&own, now)) {
            return Verdict::Ends(Cause::SignedOut);
        }
        let proved = request.session.as_ref().and_then(|session| session.proofs.newest());
        let confirmed = proved.map(|at| request.began.since(at));
        match decide(&snapshot.policy, app, identity, confirmed, Rc::clone(&request.target)) {
            Decision::Allow(_) => {
                *request.basis.borrow_mut() = Basis::new(&snapshot, account.as_ref(), own);
                Verdict::GoesOn
            }
            Decision::Challenge => Verdict::Ends(Cause::SignedOut),
            Decision::Confirm | Decision::Deny => Verdict::Ends(Cause::Forbidden),
        }
    }
}

/// How long a request goes on although nobody can tell whether it may. Longer than a backup locks a database.
const GRACE: Duration = Duration::from_secs(30);
/// A look-up that takes longer tells nothing.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(1);
