//! The end of a sign-in, after each of its steps: a session, or the next step.
//!
//! Each page at which somebody proves who they are hands its [`Proved`] over here. The first step is the same for
//! everybody: that an account has a second factor shows only to somebody who has proved the first one.

use super::{
    PageRequest, PageResponse, Portal, ReturnTo,
    fields_step::lacks_required_field,
    pending_sign_in::{PendingSignIn, PendingStep},
    session_opening::{OpenedSession, SessionOpening},
};
use crate::{
    auth::{Proved, oidc::Secret},
    identity::ProofMethod,
    refusal::Refusal,
    session::{OneTimeCode, OneTimeEntry, OneTimeKey, OneTimePurpose, Session},
    telemetry::AuditKind,
};

impl Portal {
    /// Opens the session of a user who has proved enough, and sends the browser on to `next`; otherwise keeps what was
    /// proved, and leads to the page of the step that is missing.
    ///
    /// A confirmation, which needs a session already, has no further step here.
    pub(super) async fn finish_sign_in(
        &self,
        request: &PageRequest<'_>,
        proved: &Proved,
        how: SessionOpening,
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        self.finish_with_id_token(request, proved, how, next, None).await
    }

    /// The same with the ID token of a provider, which its sign-out needs.
    pub(super) async fn finish_with_id_token(
        &self,
        request: &PageRequest<'_>,
        proved: &Proved,
        how: SessionOpening,
        next: &ReturnTo,
        id_token: Option<Secret>,
    ) -> Result<PageResponse, Refusal> {
        if let Some(step) = missing_step(request, proved, how) {
            let id_token = match id_token {
                Some(id_token) => Some(id_token),
                None => self.take_pending_id_token(request).await,
            };
            let (response, code) = self.suspend_sign_in(request, proved, (step, how), next).await?;
            if let Some(id_token) = id_token {
                self.keep_pending_id_token(request, &code, &id_token).await;
            }
            return Ok(response);
        }
        let OpenedSession { mut response, session } =
            self.open_session(request, proved, how, next.as_str()).await?;
        let event = match how {
            SessionOpening::Confirmed => AuditKind::Confirm,
            SessionOpening::SignedIn | SessionOpening::Remembered => AuditKind::SignIn,
        };
        self.record_proof(request, event, proved, &session);
        let kept = self.take_pending_id_token(request).await;
        if PendingSignIn::presented(request).is_some() {
            PendingSignIn::forget(request, response.headers_mut());
        }
        if let Some(id_token) = id_token.or(kept) {
            self.keep_id_token(request, &session, id_token).await;
        }
        Ok(response)
    }

    /// The ID token that was kept with the step before.
    async fn take_pending_id_token(&self, request: &PageRequest<'_>) -> Option<Secret> {
        let key = pending_hint(&PendingSignIn::presented(request)?);
        let taken = self.sessions.take_one_time_at(key, OneTimePurpose::SignOutHint, self.clock.now()).await;
        taken.ok().flatten().map(|kept| Secret::new(kept.into()))
    }

    /// Keeps an ID token for as long as a sign-in is pending.
    async fn keep_pending_id_token(&self, request: &PageRequest<'_>, code: &OneTimeCode, id_token: &Secret) {
        let expires = self.clock.now() + HINT_LIFETIME;
        let entry =
            OneTimeEntry::new(pending_hint(code), OneTimePurpose::SignOutHint, id_token.to_stored(), expires);
        // One that is too long is left out.
        let Ok(entry) = entry else { return };
        if let Err(error) = self.sessions.put_one_time(entry).await {
            tracing::warn!(%error, request_id = request.request_id, "ID token not kept for the sign-out");
        }
    }
}

/// The step that is missing before a session; `None`: none is. The second factor comes first: until it is shown, the
/// browser may change neither the password nor the factors. Required fields come last.
fn missing_step(request: &PageRequest<'_>, proved: &Proved, how: SessionOpening) -> Option<PendingStep> {
    if how == SessionOpening::Confirmed {
        return None;
    }
    missing_proof(request, proved)
        .or_else(|| lacks_required_field(request, proved).then_some(PendingStep::Fields))
}

fn missing_proof(request: &PageRequest<'_>, proved: &Proved) -> Option<PendingStep> {
    let settings = request.settings;
    let provider = settings.backends.provider(&proved.source().backend);
    if provider.is_some_and(|provider| !provider.settings().second_factor) {
        return None;
    }
    let account = proved.account();
    if !account.factors.is_empty() && !proved.proofs().have_possession() {
        return Some(PendingStep::SecondFactor);
    }
    if !proved.proofs().have_possession() && settings.accounts.require_second_factor(&account.user) {
        return Some(PendingStep::Enrol);
    }
    let by_password = proved.proofs().at(ProofMethod::Password).is_some();
    (account.must_change_password && by_password).then_some(PendingStep::NewPassword)
}

/// Whether the user has to add a second factor at the next sign-in: the factor is required, and neither this proof nor the
/// session holds one. Alice was signed in when factors became required; a new session that starts anew whenever she changes
/// her password would put that sign-in off for ever.
pub(super) fn lacks_required_factor(request: &PageRequest<'_>, proved: &Proved, session: &Session) -> bool {
    let has_possession = session.proofs.and(proved.proofs()).have_possession();
    !has_possession && request.settings.accounts.require_second_factor(&proved.account().user)
}

/// The key of the ID token that waits with a pending sign-in.
fn pending_hint(code: &OneTimeCode) -> OneTimeKey {
    OneTimeKey::of_text(&format!("sign-out hint of a pending sign-in\n{}", code.key().to_hex()))
}

/// As long as a pending sign-in lasts, with each of its steps.
const HINT_LIFETIME: std::time::Duration = std::time::Duration::from_mins(15);
