//! The provider's own word that a sign-in has ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! The provider sends it itself: no cookie, no browser and no CSRF token come with it, and the signature of the token is
//! what counts. Nothing in the response tells whether the user was signed in.

use std::sync::Arc;

use http::StatusCode;

use super::{
    super::{PageRequest, PageResponse, Portal, form::Form},
    attempt_cookies::ATTEMPT_LIFETIME,
    start::provider_of,
};
use crate::{
    auth::oidc::{LogoutNotice, OidcFailure, Provider, Rejection, Secret, SubjectRule},
    identity::UserId,
    pages,
    refusal::Refusal,
    session::{ListedRecord, OneTimeEntry, OneTimeKey, OneTimePurpose, Record, StoreError, Which},
    telemetry::AuditKind,
};

impl Portal {
    /// `POST /.gateway/oidc/NAME/logout`: ends the sessions that the provider names.
    pub(in crate::portal) async fn end_by_provider(
        &self,
        request: &PageRequest<'_>,
        mut form: Form,
    ) -> Result<PageResponse, Refusal> {
        let provider = provider_of(request)?;
        let token = Secret::new(form.take("logout_token"));
        let notice = match provider.check_logout(token).await {
            Ok(notice) => notice,
            Err(failure) => return Ok(self.logout_failed(request, provider, &failure)),
        };
        let unavailable = |error: StoreError| request.unavailable("ending sessions for a provider", &error);
        if !self.is_first_use(provider, &notice).await.map_err(unavailable)? {
            let replayed = OidcFailure::Rejected(Rejection::LogoutReplayed);
            return Ok(self.logout_failed(request, provider, &replayed));
        }
        let ended = match self.end_named(request, provider, &notice).await {
            Ok(ended) => ended,
            Err(refusal) => {
                // The provider sends the same token again, and it must not be taken for a replay then.
                self.forget_use(provider, &notice).await;
                return Err(refusal);
            }
        };
        let reason = if ended == 0 { "none" } else { "ok" };
        self.record_logout(request, provider, reason, notice.subject.as_deref());
        Ok(pages::own_response(StatusCode::OK, Some(JSON), "{}"))
    }

    fn logout_failed(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        failure: &OidcFailure,
    ) -> PageResponse {
        self.record_logout(request, provider, &failure.reason(), None);
        let (status, body) = match failure {
            OidcFailure::Rejected(_) => (StatusCode::BAD_REQUEST, r#"{"error":"invalid_request"}"#),
            // The provider may try again.
            OidcFailure::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"temporarily_unavailable"}"#)
            }
        };
        pages::own_response(status, Some(JSON), body)
    }

    /// Remembers the token, on every gateway, for as long as it could be used.
    async fn is_first_use(
        &self,
        provider: &Arc<Provider>,
        notice: &LogoutNotice,
    ) -> Result<bool, StoreError> {
        let key = token_key(provider, notice);
        let expires = self.clock.now() + ATTEMPT_LIFETIME + ATTEMPT_LIFETIME;
        let entry = OneTimeEntry::new(key, OneTimePurpose::LogoutToken, "", expires);
        match entry {
            Ok(entry) => self.sessions.put_one_time(entry).await,
            // An empty value is not too large.
            Err(_) => Ok(false),
        }
    }

    /// Takes back [`Self::is_first_use`] as far as the store can be asked.
    async fn forget_use(&self, provider: &Arc<Provider>, notice: &LogoutNotice) {
        let (key, now) = (token_key(provider, notice), self.clock.now());
        if let Err(error) = self.sessions.take_one_time_at(key, OneTimePurpose::LogoutToken, now).await {
            tracing::warn!(%error, "logout token stays marked as used, although its sessions have not ended");
        }
    }

    /// Ends the sessions of the notice; returns how many.
    async fn end_named(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        notice: &LogoutNotice,
    ) -> Result<usize, Refusal> {
        let unavailable = |error: StoreError| request.unavailable("ending sessions for a provider", &error);
        // Entra's `sub` is not what a user is known by here; its session is.
        let subject = notice.subject.as_deref().filter(|_| provider.settings().subject == SubjectRule::Sub);
        let user = match subject {
            None => None,
            Some(subject) => {
                let account = self.sign_in.account_of(&provider.pair_of(subject)).await;
                let account =
                    account.map_err(|error| request.unavailable("looking up who has signed out", &error))?;
                match account {
                    Some(account) => Some(account.user.id),
                    None => return Ok(0),
                }
            }
        };
        let (backend, session) = (provider.settings().name.as_str(), notice.provider_session.as_deref());
        self.note_end_of_pending(provider, (user, session)).await.map_err(unavailable)?;
        let is_named = |record: &Record| {
            let Some(source) = &record.source else { return false };
            &*source.backend == backend
                && match (session, &source.provider_session) {
                    (Some(named), Some(own)) => named == &**own,
                    // Without a session in the token, all of the user; without one in the record, it may be this one.
                    (Some(_), None) | (None, _) => user.is_some(),
                }
        };
        self.end_where(user, is_named).await.map_err(unavailable)
    }

    /// Ends the sessions of one user, or of anybody, for which this holds.
    async fn end_where(
        &self,
        user: Option<UserId>,
        is_named: impl Fn(&Record) -> bool,
    ) -> Result<usize, StoreError> {
        let (mut after, mut ended) = (None, 0);
        loop {
            let page = self.sessions.list(user, after, PAGE).await?;
            for ListedRecord { record, .. } in page.iter().filter(|listed| is_named(&listed.record)) {
                ended += self.sessions.end_which(Which::One(record.key)).await?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.record.key),
                _ => return Ok(ended),
            }
        }
    }

    fn record_logout(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        reason: &str,
        subject: Option<&str>,
    ) {
        self.record_of_provider(request, provider, (AuditKind::ProviderLogout, reason), subject);
    }
}

/// The key of the entry of a logout token that was used.
fn token_key(provider: &Arc<Provider>, notice: &LogoutNotice) -> OneTimeKey {
    OneTimeKey::of_text(&format!("{}\n{}", provider.settings().authority(), notice.token_id))
}

const JSON: &str = "application/json";
const PAGE: usize = 500;
