//! A sign-in whose first step is done, and whose next one is not: a second factor, its enrolment, a new
//! password, required fields.
//!
//! A pending sign-in is no session. The browser holds its code in a cookie of its own, the session store holds the rest for five minutes,
//! and nothing reads either but the pages of the missing step. After five wrong codes it is gone, and the sign-in starts
//! again.

use std::time::Duration;

use http::{HeaderMap, header::SET_COOKIE};
use serde::{Deserialize, Serialize};

use super::{
    PageRequest, PageResponse, Portal, ReturnTo,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    problem::refusal_for,
    session_opening::SessionOpening,
};
use crate::{
    auth::{NotProved, PendingProof, Proved},
    clock::Timestamp,
    pages::{self, paths},
    refusal::Refusal,
    session::{
        OneTimeCode, OneTimeEntry, OneTimePurpose,
        cookie::{self, Keep},
    },
};

/// The step that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PendingStep {
    /// A second factor of the account.
    SecondFactor,
    /// The first second factor, which is required and which the account does not have yet.
    Enrol,
    /// A new password in place of one that has to be changed.
    NewPassword,
    /// Values of required fields, which the account of a backend does not have yet.
    Fields,
}

/// A pending sign-in, as the session store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PendingSignIn {
    pub(super) proof: PendingProof,
    pub(super) step: PendingStep,
    pub(super) remember: bool,
    host: String,
    next: String,
    tries_left: u8,
    expires: Timestamp,
}

/// A pending sign-in that was taken out of the store: it is gone unless it is put back.
pub(super) struct TakenSignIn {
    pub(super) pending: PendingSignIn,
    code: OneTimeCode,
}

/// A step whose form was sent: the form is one of the gateway's own page in this browser, the pending sign-in waits for this
/// step and was taken for this try, and its proof holds for the account as it is now.
pub(super) struct BegunStep {
    pub(super) form: Form,
    pub(super) taken: TakenSignIn,
    /// The proofs of the steps before.
    pub(super) first: Proved,
}

/// A step that was not begun.
pub(super) enum NotBegun {
    /// The form was not made for this browser, or is too old: the page shows a new one. No try was taken.
    FormExpired,
    /// There is no such pending sign-in: the browser goes to the sign-in page.
    StartAgain(PageResponse),
}

impl TakenSignIn {
    /// The hash of its code, to which a secret is bound that is shown during the sign-in.
    pub(super) fn session(&self) -> String {
        self.code.key().to_hex()
    }
}

impl PendingStep {
    /// Its page.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::SecondFactor => paths::SECOND_STEP,
            Self::Enrol => paths::ENROL_STEP,
            Self::NewPassword => paths::NEW_PASSWORD_STEP,
            Self::Fields => paths::FIELDS_STEP,
        }
    }
}

impl PendingSignIn {
    /// The page to go on to after the sign-in.
    pub(super) fn next(&self) -> ReturnTo {
        ReturnTo::parse(&self.next)
    }

    /// When it began to wait for its step.
    pub(super) fn begun(&self) -> Timestamp {
        self.expires - LIFETIME
    }

    /// The opening of the session at the end.
    pub(super) fn how(&self) -> SessionOpening {
        if self.remember { SessionOpening::Remembered } else { SessionOpening::SignedIn }
    }

    /// The code of the pending sign-in that came with the request.
    pub(super) fn presented(request: &PageRequest<'_>) -> Option<OneTimeCode> {
        cookie::find(request.headers, request.settings.cookies.pending()).and_then(OneTimeCode::parse)
    }

    /// Removes the cookie.
    pub(super) fn forget(request: &PageRequest<'_>, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, cookie::write(request.settings.cookies.pending(), "", Keep::Forget));
    }
}

impl Portal {
    /// Keeps a proof until the next step, and sends the browser to that step's page.
    pub(super) async fn suspend_sign_in(
        &self,
        request: &PageRequest<'_>,
        proved: &Proved,
        (step, how): (PendingStep, SessionOpening),
        next: &ReturnTo,
    ) -> Result<(PageResponse, OneTimeCode), Refusal> {
        let code = OneTimeCode::generate().map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "code of a pending sign-in not made");
            Refusal::Internal
        })?;
        // A longer address does not fit into an entry; the browser goes on to the start page then.
        let next = if next.as_str().len() > MAX_NEXT_BYTES { "/" } else { next.as_str() };
        let pending = PendingSignIn {
            proof: proved.to_pending(),
            step,
            remember: how == SessionOpening::Remembered,
            host: request.host.to_owned(),
            next: next.to_owned(),
            tries_left: TRIES,
            expires: self.clock.now() + LIFETIME,
        };
        self.put_pending(request, &code, &pending).await?;
        let mut response = pages::redirect(step.path());
        let cookie = cookie::write(request.settings.cookies.pending(), &code.to_text(), Keep::For(LIFETIME));
        response.headers_mut().append(SET_COOKIE, cookie);
        Ok((response, code))
    }

    /// The pending sign-in of this browser for the page of `step`, with the proofs of the steps before. It stays in the
    /// store. Otherwise the way back to the sign-in page.
    pub(super) async fn shown_step(
        &self,
        request: &PageRequest<'_>,
        step: PendingStep,
    ) -> Result<Result<(PendingSignIn, Proved), PageResponse>, Refusal> {
        let Some(pending) = self.pending_sign_in(request, step).await? else {
            return Ok(Err(start_again(request, &ReturnTo::start(), FlashMessage::SignInExpired)));
        };
        match self.sign_in.resume(&pending.proof, request.request_id).await {
            Ok(first) => Ok(Ok((pending, first))),
            Err(NotProved::Wrong) => {
                Ok(Err(start_again(request, &pending.next(), FlashMessage::SignInExpired)))
            }
            Err(not_proved) => Err(refusal_for(not_proved, Refusal::SignIn)),
        }
    }

    /// Begins a try at `step` with a form that was sent. Every page of a step begins here, so that none forgets a check.
    pub(super) async fn begin_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
        step: PendingStep,
    ) -> Result<Result<BegunStep, NotBegun>, Refusal> {
        let form_token = csrf::presented_form_token(request);
        let Ok(genuine) = Genuine::check(request, form_token.as_ref(), form) else {
            return Ok(Err(NotBegun::FormExpired));
        };
        let start_again = |next: &ReturnTo| {
            Ok(Err(NotBegun::StartAgain(start_again(request, next, FlashMessage::SignInExpired))))
        };
        let Some(taken) = self.take_pending_sign_in(request, step).await? else {
            return start_again(&ReturnTo::start());
        };
        match self.sign_in.resume(&taken.pending.proof, request.request_id).await {
            Ok(first) => Ok(Ok(BegunStep { form: genuine.into_form(), taken, first })),
            Err(NotProved::Wrong) => start_again(&taken.pending.next()),
            Err(not_proved) => {
                self.put_back(request, &taken).await?;
                Err(refusal_for(not_proved, Refusal::SignIn))
            }
        }
    }

    /// The pending sign-in of this browser, for the page of `step`. It stays in the store.
    async fn pending_sign_in(
        &self,
        request: &PageRequest<'_>,
        step: PendingStep,
    ) -> Result<Option<PendingSignIn>, Refusal> {
        let Some(code) = PendingSignIn::presented(request) else { return Ok(None) };
        let read = self.sessions.read_one_time(&code, OneTimePurpose::PendingSignIn, self.clock.now()).await;
        let read = read.map_err(|error| request.unavailable("reading a pending sign-in", &error))?;
        let Some(pending) = read.and_then(|value| parse(&value, request, step)) else { return Ok(None) };
        let has_ended = self.was_ended_by_provider(request, &pending).await?;
        Ok((!has_ended).then_some(pending))
    }

    /// Takes the pending sign-in of this browser for a try at `step`. Of two tries at once, one gets it.
    async fn take_pending_sign_in(
        &self,
        request: &PageRequest<'_>,
        step: PendingStep,
    ) -> Result<Option<TakenSignIn>, Refusal> {
        let Some(code) = PendingSignIn::presented(request) else { return Ok(None) };
        let taken = self.sessions.take_one_time(&code, OneTimePurpose::PendingSignIn, self.clock.now()).await;
        let taken = taken.map_err(|error| request.unavailable("taking a pending sign-in", &error))?;
        let Some(pending) = taken.and_then(|value| parse(&value, request, step)) else { return Ok(None) };
        let has_ended = self.was_ended_by_provider(request, &pending).await?;
        Ok((!has_ended).then_some(TakenSignIn { pending, code }))
    }

    /// Puts a pending sign-in back after a failed try. `false`: that was the last one, and the sign-in starts again.
    pub(super) async fn put_back_failed(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
    ) -> Result<bool, Refusal> {
        let mut pending = taken.pending.clone();
        pending.tries_left = pending.tries_left.saturating_sub(1);
        if pending.tries_left == 0 {
            return Ok(false);
        }
        self.put_pending(request, &taken.code, &pending).await?;
        Ok(true)
    }

    /// Puts a pending sign-in back after a try that was not checked.
    pub(super) async fn put_back(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
    ) -> Result<(), Refusal> {
        self.put_pending(request, &taken.code, &taken.pending).await
    }

    async fn put_pending(
        &self,
        request: &PageRequest<'_>,
        code: &OneTimeCode,
        pending: &PendingSignIn,
    ) -> Result<(), Refusal> {
        let value = serde_json::to_string(pending).map_err(|_| Refusal::Internal)?;
        let entry = OneTimeEntry::new(code.key(), OneTimePurpose::PendingSignIn, value, pending.expires);
        let stored = self.sessions.put_one_time(entry.map_err(|_| Refusal::Internal)?).await;
        let is_new = stored.map_err(|error| request.unavailable("storing a pending sign-in", &error))?;
        if is_new { Ok(()) } else { Err(Refusal::Internal) }
    }
}

/// Sends the browser back to the sign-in page.
pub(super) fn start_again(request: &PageRequest<'_>, next: &ReturnTo, why: FlashMessage) -> PageResponse {
    let mut response = pages::redirect(&next.login_location());
    let headers = response.headers_mut();
    if PendingSignIn::presented(request).is_some() {
        PendingSignIn::forget(request, headers);
        why.leave(&request.settings.cookies, headers);
    }
    response
}

/// `None`: it is of another host, or waits for another step.
fn parse(value: &str, request: &PageRequest<'_>, step: PendingStep) -> Option<PendingSignIn> {
    let pending: PendingSignIn = serde_json::from_str(value).ok()?;
    (pending.host == request.host && pending.step == step).then_some(pending)
}

/// Time to fetch the phone.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);
const TRIES: u8 = 5;
/// With the other fields it fits into a one-time entry.
const MAX_NEXT_BYTES: usize = 2048;
