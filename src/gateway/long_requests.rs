//! Requests that take long, and their cancellation.
//!
//! An upload, a request that waits for its response, a download, an event stream, a WebSocket: a session, an account
//! and rules allowed each of them, and it goes on as long as those allow it. The worker checks them a few times a second:
//! the session, or the credential of a program, is looked up each time; after a change of the account or of the configuration, the request is decided
//! again, as a new one with the same path would be. Its proofs are as old as they were at the start of the
//! request: a rule with `max_age` does not end a download.
//!
//! While a store cannot be asked, a request goes on for [`GRACE`], so that a database that is locked for a moment breaks
//! no download; then it is cancelled. Each request is checked by itself: a look-up that hangs delays the end of no other.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use super::{Gateway, client_certificate::CountedCertificate, identify::Caller};
use crate::{
    access::{AppId, Decision, decide},
    clock::Timestamp,
    forward::{CancelGuard, Canceller},
    identity::{Identity, Proof, ProofMethod, UserId},
    refusal::Refusal,
    request::Target,
    session::{AppSessionLimits, Owner, Session},
    snapshot::Snapshot,
    users::{Account, ProgramCredential},
};

/// The requests of a worker that take long.
#[derive(Debug, Default)]
pub(super) struct LongRequests(RefCell<Vec<Rc<LongRequest>>>);

/// One request that takes long.
#[derive(Debug)]
pub(super) struct LongRequest {
    canceller: Canceller,
    target: Rc<Target>,
    app: Arc<str>,
    holder: Holder,
    /// The request ends when it names its user no more. Without a session or a program, the user of the request is the one that
    /// it names.
    certificate: Option<CountedCertificate>,
    started: Timestamp,
    basis: RefCell<Basis>,
    /// A check runs.
    is_being_checked: Cell<bool>,
    /// Since when a store cannot be asked.
    unknown_since: Cell<Option<Timestamp>>,
    cancelled_by: Cell<Option<Cause>>,
}

/// The credential that a request goes on with, and ends with.
#[derive(Debug)]
pub(super) enum Holder {
    /// None: the request was allowed without, and the app was not told of any.
    Nobody,
    /// A session.
    Session(Arc<Session>),
    /// A credential of a program.
    Program(UserId, ProgramCredential),
}

/// The inputs of the last decision. As long as they are the same, so is the decision.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    generation: u64,
    account: Option<Weak<Account>>,
    limits: AppSessionLimits,
}

/// Why a request was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    SignedOut,
    Forbidden,
    /// A store could not be asked for too long.
    StoreFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    GoesOn,
    Ends(Cause),
    /// A store cannot be asked.
    Unknown,
}

impl LongRequests {
    /// Adds a request, which is cancelled through its guard.
    pub(super) fn add(
        &self,
        (target, app): (&Rc<Target>, &Arc<str>),
        (holder, certificate): (Holder, Option<CountedCertificate>),
        started: Timestamp,
        basis: Basis,
    ) -> (CancelGuard, Rc<LongRequest>) {
        let guard = CancelGuard::default();
        let request = Rc::new(LongRequest {
            canceller: guard.canceller(),
            target: Rc::clone(target),
            app: Arc::clone(app),
            holder,
            certificate,
            started,
            basis: RefCell::new(basis),
            is_being_checked: Cell::new(false),
            unknown_since: Cell::new(None),
            cancelled_by: Cell::new(None),
        });
        self.0.borrow_mut().push(Rc::clone(&request));
        (guard, request)
    }

    /// The requests to check; those that have ended are removed.
    fn due(&self, generation: u64) -> Vec<Rc<LongRequest>> {
        let mut requests = self.0.borrow_mut();
        requests.retain(|request| request.canceller.is_under_way());
        let is_due = |request: &&Rc<LongRequest>| {
            !request.is_being_checked.get()
                && (!matches!(request.holder, Holder::Nobody)
                    || request.certificate.is_some()
                    || request.basis.borrow().generation != generation)
        };
        requests.iter().filter(is_due).cloned().collect()
    }
}

impl Holder {
    /// The session that the app is told of, or the credential of a program.
    pub(super) fn of(session: Option<&Arc<Session>>, caller: Option<&Caller>) -> Self {
        let program =
            caller.and_then(|caller| Some((caller.account.as_ref()?.user.id, caller.program.clone()?)));
        match (session, program) {
            (_, Some((user, credential))) => Self::Program(user, credential),
            (Some(session), None) => Self::Session(Arc::clone(session)),
            (None, None) => Self::Nobody,
        }
    }

    fn session(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Session(session) => Some(session),
            Self::Nobody | Self::Program(..) => None,
        }
    }
}

impl Basis {
    pub(super) fn new(snapshot: &Snapshot, account: Option<&Arc<Account>>, limits: AppSessionLimits) -> Self {
        Self { generation: snapshot.generation, account: account.map(Arc::downgrade), limits }
    }

    fn is(&self, snapshot: &Snapshot, account: Option<&Arc<Account>>) -> bool {
        self.generation == snapshot.generation
            && self.account.as_ref().map(Weak::as_ptr) == account.map(Arc::as_ptr)
    }
}

impl LongRequest {
    /// The refusal of a request that was cancelled before its response.
    pub(super) fn refusal(&self) -> Refusal {
        match self.cancelled_by.get() {
            Some(Cause::SignedOut) => Refusal::SignIn,
            Some(Cause::Forbidden) => Refusal::Forbidden,
            Some(Cause::StoreFailed) | None => Refusal::Unavailable,
        }
    }

    fn apply(&self, verdict: Verdict, now: Timestamp) {
        let cause = match verdict {
            Verdict::GoesOn => return self.unknown_since.set(None),
            Verdict::Ends(cause) => cause,
            Verdict::Unknown => {
                let since = self.unknown_since.get().unwrap_or(now);
                self.unknown_since.set(Some(since));
                if now.since(since) < GRACE {
                    return;
                }
                Cause::StoreFailed
            }
        };
        let session = self.holder.session().map(|session| tracing::field::display(session.key));
        tracing::debug!(session, app = %self.app, ?cause, "request under way cancelled");
        self.cancelled_by.set(Some(cause));
        self.canceller.cancel();
    }
}

impl Gateway {
    /// Checks each request that takes long, and cancels those that may not go on. A request whose last check still runs
    /// is left to it, so that a caller need not wait for the end of this.
    pub async fn judge_long_requests(&self) {
        let due = self.long_requests.due(self.shared.current.load().generation);
        let mut checks: FuturesUnordered<_> = due.iter().map(|request| self.check(request)).collect();
        while checks.next().await.is_some() {}
    }

    async fn check(&self, request: &LongRequest) {
        request.is_being_checked.set(true);
        let verdict = self.judge_again(request).await;
        request.is_being_checked.set(false);
        request.apply(verdict, self.shared.clock.now());
    }

    async fn judge_again(&self, request: &LongRequest) -> Verdict {
        let (now, snapshot) = (self.shared.clock.now(), self.shared.current.load_full());
        let (mut identity, mut account) = (Identity::Anonymous, None);
        if let Holder::Program(user, credential) = &request.holder {
            let Ok(Ok(found)) = timeout(LOOKUP_TIMEOUT, self.account(*user)).await else {
                return Verdict::Unknown;
            };
            let tokens = snapshot.portal.tokens;
            let known = found.as_ref().and_then(|account| account.program(credential, tokens, now));
            let Some(known) = known else { return Verdict::Ends(Cause::SignedOut) };
            (identity, account) = (known, found);
        }
        if let Some(certificate) = &request.certificate {
            if !certificate.still_counts(&snapshot, now) {
                return Verdict::Ends(Cause::SignedOut);
            }
            if matches!(request.holder, Holder::Nobody) {
                let Ok(Ok(found)) = timeout(LOOKUP_TIMEOUT, certificate.account(self)).await else {
                    return Verdict::Unknown;
                };
                let known = found.as_ref().and_then(|account| account.identity_by_certificate());
                let Some(known) = known else { return Verdict::Ends(Cause::SignedOut) };
                (identity, account) = (known, found);
            }
        }
        if let Some(session) = request.holder.session() {
            let limits = &snapshot.portal.sessions;
            let is_alive = timeout(LOOKUP_TIMEOUT, self.shared.sessions.goes_on(session, now, limits));
            let user = session.owner.user();
            let found = timeout(LOOKUP_TIMEOUT, async {
                match user {
                    Some(id) => self.account(id).await,
                    None => Ok(None),
                }
            });
            let (is_alive, found) = tokio::join!(is_alive, found);
            if matches!(is_alive, Ok(Ok(false)))
                || session.is_too_old_for(&request.basis.borrow().limits, now)
            {
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
        let Ok((_, needs_certificate)) = snapshot.certificate_use(app, &request.target) else {
            return Verdict::Ends(Cause::Forbidden);
        };
        if needs_certificate && request.certificate.is_none() {
            return Verdict::Ends(Cause::Forbidden);
        }
        if let Holder::Program(_, credential) = &request.holder
            && !snapshot.programs(app, &request.target).is_ok_and(|programs| programs.take(credential))
        {
            return Verdict::Ends(Cause::Forbidden);
        }
        let Ok(limits) = snapshot.session_limits(app, &request.target) else {
            return Verdict::Ends(Cause::Forbidden);
        };
        if request.holder.session().is_some_and(|session| session.is_too_old_for(&limits, now)) {
            return Verdict::Ends(Cause::SignedOut);
        }
        let mut proofs = request.holder.session().map(|session| session.proofs).unwrap_or_default();
        // As `admit_certificate` does: a program proves nothing by it.
        if request.certificate.is_some() && !matches!(request.holder, Holder::Program(..)) {
            proofs = proofs.with(Proof { method: ProofMethod::Certificate, at: request.started });
        }
        let target = Rc::clone(&request.target);
        match decide(&snapshot.policy, app, identity, &proofs, request.started, target) {
            Decision::Allow(_) => {
                *request.basis.borrow_mut() = Basis::new(&snapshot, account.as_ref(), limits);
                Verdict::GoesOn
            }
            Decision::Challenge => Verdict::Ends(Cause::SignedOut),
            Decision::StepUp(_) | Decision::Deny => Verdict::Ends(Cause::Forbidden),
        }
    }
}

/// How long a request goes on while a store cannot be asked. Longer than a backup locks a database.
const GRACE: Duration = Duration::from_secs(30);
/// A look-up that takes longer has failed.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);
