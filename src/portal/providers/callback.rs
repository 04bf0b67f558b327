//! The return of a browser from a provider.

use std::sync::Arc;

use super::{
    super::{
        PageRequest, PageResponse, Portal, ReturnTo, flash::FlashMessage, session_opening::SessionOpening,
    },
    attempt::{Attempt, Purpose},
    attempt_cookies,
    outcome::{Outcome, respond},
    provider_page::{self, ProviderStep},
    start::provider_of,
};
use crate::{
    auth::{
        NotProved,
        oidc::{Callback, OidcFailure, Provider, ProviderSignIn, Rejection, Return},
    },
    pages,
    refusal::Refusal,
    session::OneTimePurpose,
    telemetry::{AuditEvent, AuditKind},
    users::{DirectoryError, UserStoreError},
};

/// Why an attempt could not be found again.
enum NotFound {
    Rejected(Rejection),
    /// The store can't be asked.
    Refusal(Refusal),
}

impl Portal {
    /// `GET /.gateway/oidc/NAME/callback`: signs the user in whom the provider has sent back.
    ///
    /// The attempt is used up by this, whatever comes of it.
    pub(in crate::portal) async fn come_back_from_provider(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        let provider = provider_of(request)?;
        let callback = match Callback::parse(request.query.unwrap_or_default()) {
            Ok(callback) => callback,
            Err(rejection) => return Ok(self.not_known(request, provider, rejection)),
        };
        let state = callback.state.clone();
        let mut response = match self.find_attempt(request, provider, &callback).await {
            Ok(attempt) => self.finish_attempt(request, provider, callback, attempt).await,
            Err(NotFound::Rejected(rejection)) => Ok(self.not_known(request, provider, rejection)),
            Err(NotFound::Refusal(refusal)) => Err(refusal),
        }?;
        attempt_cookies::forget(&request.settings.cookies, &state, response.headers_mut());
        Ok(response)
    }

    /// Takes the attempt that the browser comes back from.
    async fn find_attempt(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        callback: &Callback,
    ) -> Result<Attempt, NotFound> {
        let cookies = &request.settings.cookies;
        let code = attempt_cookies::find(cookies, request.headers, &callback.state)
            .ok_or(NotFound::Rejected(Rejection::StateOfAnotherBrowser))?;
        let taken = self
            .sessions
            .take_one_time(&code, OneTimePurpose::ProviderAttempt, self.clock.now())
            .await
            .map_err(|error| {
                NotFound::Refusal(request.unavailable("taking an attempt at a provider", &error))
            })?;
        let attempt =
            taken.and_then(|text| Attempt::parse(&text)).filter(|it| it.fits(&callback.state, request.host));
        let attempt = attempt.ok_or(NotFound::Rejected(Rejection::StateUnknown))?;
        if attempt.is_of(provider.settings()) {
            Ok(attempt)
        } else {
            Err(NotFound::Rejected(Rejection::StateOfAnotherProvider))
        }
    }

    /// The response to a callback of no attempt of this browser. With the back button, or in a second tab, a user who is
    /// signed in comes here again, and goes on.
    fn not_known(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        rejection: Rejection,
    ) -> PageResponse {
        if request.account.is_some() {
            return pages::redirect(ReturnTo::start().as_str());
        }
        self.record_failure(request, provider, rejection.as_str(), None);
        respond(request, provider, Outcome::Unknown, &ReturnTo::start())
    }

    async fn finish_attempt(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        callback: Callback,
        attempt: Attempt,
    ) -> Result<PageResponse, Refusal> {
        let (purpose, next) = (attempt.purpose, attempt.next());
        let redirect_uri =
            provider_page::address(request.host, provider.settings().name.as_str(), ProviderStep::Callback);
        let signed_in_since = matches!(purpose, Purpose::Confirm(_)).then_some(attempt.started);
        let back = Return { callback, secrets: attempt.into_secrets(), redirect_uri, signed_in_since };
        let signed_in = match provider.redeem(back).await {
            Ok(signed_in) => signed_in,
            Err(failure) => {
                self.record_failure(request, provider, &failure.reason(), None);
                let outcome = match failure {
                    OidcFailure::Rejected(Rejection::ProviderDenied) => Outcome::Denied,
                    OidcFailure::Rejected(_) => Outcome::Refused,
                    OidcFailure::Unavailable(_) => Outcome::Unavailable,
                };
                return Ok(respond(request, provider, outcome, &next));
            }
        };
        match purpose {
            Purpose::SignIn => self.sign_in_from_provider(request, provider, signed_in, &next).await,
            Purpose::Link(..) => self.link_from_provider(request, provider, signed_in, purpose, &next).await,
            Purpose::Confirm(_) => {
                self.confirm_from_provider(request, provider, signed_in, purpose, &next).await
            }
        }
    }

    async fn sign_in_from_provider(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        signed_in: ProviderSignIn,
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        let subject = signed_in.profile.pair.subject.to_string();
        let id_token = signed_in.id_token.clone();
        let proved = match self.sign_in.sign_in_from_provider(provider, signed_in, request.request_id).await {
            Ok(proved) => proved,
            Err(not_proved) => return self.not_proved(request, provider, not_proved, &subject, next),
        };
        // Another tab has signed the same user in while this one was at the provider.
        if request.account.is_some_and(|account| account.user.id == proved.account().user.id) {
            return Ok(pages::redirect(next.as_str()));
        }
        self.finish_with_id_token(request, &proved, SessionOpening::SignedIn, next, Some(id_token)).await
    }

    /// Connects the provider's user to the account that is signed in, if nothing has changed since the start.
    async fn link_from_provider(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        signed_in: ProviderSignIn,
        purpose: Purpose,
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        let account = request.account.ok_or(Refusal::SignIn)?;
        if purpose != Purpose::Link(account.user.id, account.credential) {
            self.record_failure(request, provider, "link-of-another-user", None);
            return Ok(respond(request, provider, Outcome::AnotherUser, next));
        }
        let pair = signed_in.profile.pair.clone();
        let user = account.user.name.as_str();
        let record = |reason: &str| {
            self.audit.record(&AuditEvent {
                event: AuditKind::IdentityLinked,
                reason,
                user: Some(user),
                actor: None,
                backend: Some(pair.backend.as_str()),
                subject: Some(&pair.subject),
                client: request.client_addr.known(),
                request_id: Some(request.request_id),
                session: None,
            });
        };
        match self.sign_in.link(account, signed_in.profile).await {
            Ok(_) => {
                record("ok");
                let mut response = pages::redirect(next.as_str());
                FlashMessage::IdentityLinked.leave(&request.settings.cookies, response.headers_mut());
                Ok(response)
            }
            Err(DirectoryError::Store(UserStoreError::PairTaken { .. })) => {
                record("taken");
                Ok(respond(request, provider, Outcome::Taken, next))
            }
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                record("credential-changed");
                Err(Refusal::SignIn)
            }
            Err(error) => Err(request.unavailable("connecting a sign-in", &error)),
        }
    }

    /// Confirms the sign-in of a user who has just signed in again at the provider.
    async fn confirm_from_provider(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        mut signed_in: ProviderSignIn,
        purpose: Purpose,
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        let account = request.account.ok_or(Refusal::SignIn)?;
        let subject = signed_in.profile.pair.subject.to_string();
        let id_token = signed_in.id_token.clone();
        let is_same = account.linked(&signed_in.profile.pair).is_some();
        if purpose != Purpose::Confirm(account.user.id) || !is_same {
            self.record_failure(request, provider, "confirmed-by-another-user", Some(&subject));
            return Ok(respond(request, provider, Outcome::AnotherUser, next));
        }
        // The ID token was checked to be of a sign-in after the start of this attempt, so the proof is as of now. By the
        // provider's clock, which may be late, it could be too old for the rule that asked for it.
        signed_in.authenticated = None;
        let proved = match self.sign_in.sign_in_from_provider(provider, signed_in, request.request_id).await {
            Ok(proved) if proved.account().user.id == account.user.id => proved,
            Ok(_) => return Ok(respond(request, provider, Outcome::AnotherUser, next)),
            Err(not_proved) => return self.not_proved(request, provider, not_proved, &subject, next),
        };
        self.finish_with_id_token(request, &proved, SessionOpening::Confirmed, next, Some(id_token)).await
    }

    fn not_proved(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        not_proved: NotProved,
        subject: &str,
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        match not_proved {
            NotProved::NotProvisioned(why) => {
                self.record_failure(request, provider, why.as_str(), Some(subject));
                Ok(respond(request, provider, Outcome::NotProvisioned(why), next))
            }
            NotProved::Busy { retry_after } => Err(Refusal::TooBusy { retry_after }),
            NotProved::Throttled { retry_after } => Err(Refusal::TooManyAttempts { retry_after }),
            // No provider says that a password must be changed.
            NotProved::Wrong | NotProved::MustChangePassword | NotProved::Unavailable => {
                self.record_failure(request, provider, "unavailable", Some(subject));
                Err(Refusal::Unavailable)
            }
        }
    }

    /// Records a sign-in through a provider that failed.
    pub(super) fn record_failure(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        reason: &str,
        subject: Option<&str>,
    ) {
        self.record_of_provider(request, provider, (AuditKind::SignInFailed, reason), subject);
    }

    /// Records an event with a provider that is of no account.
    pub(super) fn record_of_provider(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        (event, reason): (AuditKind, &str),
        subject: Option<&str>,
    ) {
        self.audit.record(&AuditEvent {
            event,
            reason,
            user: None,
            actor: None,
            backend: Some(provider.settings().name.as_str()),
            subject,
            client: request.client_addr.known(),
            request_id: Some(request.request_id),
            session: None,
        });
    }
}
