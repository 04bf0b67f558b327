//! Sending a browser to a provider.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::{
    super::{PageRequest, PageResponse, Portal, ReturnTo, SignedIn, csrf::Genuine, form::Form},
    attempt::{Attempt, Purpose},
    attempt_cookies::{self, ATTEMPT_LIFETIME},
    outcome::{Outcome, respond},
    provider_page::{self, ProviderPage, ProviderStep},
};
use crate::{
    auth::oidc::{AttemptSecrets, OidcFailure, Prompt, Provider},
    pages::{self, Onward, Page, paths},
    refusal::Refusal,
    session::{OneTimeCode, OneTimeEntry, OneTimePurpose},
};

impl Portal {
    /// `GET /.gateway/oidc/NAME/start`: sends the browser to the provider.
    ///
    /// Any site may lead a browser here: it comes back as the user who is signed in at the provider in this browser, never
    /// as another one, for the attempt is bound to the browser.
    pub(in crate::portal) async fn start_at_provider(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        let provider = provider_of(request)?;
        let next = ReturnTo::parse(&request.parameter("next"));
        let (purpose, prompt) = match (request.parameter("for").as_str(), SignedIn::of(request)) {
            ("confirm", Ok(signed_in)) => (Purpose::Confirm(signed_in.account.user.id), Prompt::Login),
            ("another", _) => (Purpose::SignIn, Prompt::SelectAccount),
            // Signed in already, for instance in another tab.
            (_, Ok(_)) => return Ok(pages::redirect(next.as_str())),
            _ => (Purpose::SignIn, Prompt::AsNeeded),
        };
        self.begin_at_provider(request, provider, (purpose, prompt), &next).await
    }

    /// `POST /.gateway/oidc/NAME/link`: connects the provider to the account that is signed in. Mallory, who finds Alice's
    /// browser open, must not get a way in for herself: a recent proof is needed, by a second factor if the account has one.
    pub(in crate::portal) async fn link_at_provider(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let provider = provider_of(request)?;
        let signed_in = SignedIn::of(request)?;
        let account_page = ReturnTo::parse(paths::ACCOUNT);
        if Genuine::check(request, Some(&signed_in.token), form).is_err() {
            return Ok(pages::redirect(paths::ACCOUNT));
        }
        if let Err(methods) = signed_in.recent_proof(self.clock.now()) {
            return Ok(pages::redirect(&account_page.confirm_location_by(methods)));
        }
        let account = signed_in.account;
        let purpose = Purpose::Link(account.user.id, account.credential);
        self.begin_at_provider(request, provider, (purpose, Prompt::SelectAccount), &account_page).await
    }

    /// Starts an attempt and sends the browser to the provider.
    pub(in crate::portal) async fn begin_at_provider(
        &self,
        request: &PageRequest<'_>,
        provider: &Arc<Provider>,
        (purpose, prompt): (Purpose, Prompt),
        next: &ReturnTo,
    ) -> Result<PageResponse, Refusal> {
        let settings = provider.settings();
        let no_randomness = |error: crate::session::NoRandomness| {
            tracing::error!(%error, request_id = request.request_id, "attempt at a provider not started");
            Refusal::Internal
        };
        let secrets = AttemptSecrets::generate().map_err(no_randomness)?;
        let code = OneTimeCode::generate().map_err(no_randomness)?;
        let redirect_uri =
            provider_page::address(request.host, settings.name.as_str(), ProviderStep::Callback);
        let address = match provider.sign_in_address(&secrets, &redirect_uri, prompt).await {
            Ok(address) => address,
            Err(failure) => {
                self.record_failure(request, provider, &failure.reason(), None);
                let outcome = match failure {
                    OidcFailure::Rejected(_) => Outcome::Refused,
                    OidcFailure::Unavailable(_) => Outcome::Unavailable,
                };
                return Ok(respond(request, provider, outcome, next));
            }
        };
        let now = self.clock.now();
        let attempt = Attempt::new(settings, &secrets, request.host, next, purpose, now);
        let entry = OneTimeEntry::new(
            code.key(),
            OneTimePurpose::ProviderAttempt,
            attempt.to_text(),
            now + ATTEMPT_LIFETIME,
        );
        let entry = entry.map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "attempt at a provider not started");
            Refusal::Internal
        })?;
        let stored = self.sessions.put_one_time(entry).await;
        stored.map_err(|error| request.unavailable("storing an attempt at a provider", &error))?;
        let mut response = onward(request, &address, &settings.title);
        let [state, ..] = secrets.texts();
        let cookies = &request.settings.cookies;
        attempt_cookies::add(cookies, request.headers, (state, &code), now, response.headers_mut());
        Ok(response)
    }
}

/// The provider that a page is of.
pub(in crate::portal) fn provider_of<'r>(request: &PageRequest<'r>) -> Result<&'r Arc<Provider>, Refusal> {
    let page = ProviderPage::named(request.page).ok_or(Refusal::NotFound)?;
    request.settings.backends.provider(page.provider).ok_or(Refusal::NotFound)
}

/// The way to an address of a provider. After a form this is a page that goes on by itself: browsers hold the target of
/// a redirect against `form-action`, which names this host alone.
pub(super) fn onward(request: &PageRequest<'_>, address: &str, title: &str) -> PageResponse {
    if *request.method != Method::POST {
        return pages::redirect(address);
    }
    let page = Page::Onward(Onward { host: request.host, title, address });
    let mut response = request.render(StatusCode::OK, &page);
    if let Ok(value) = HeaderValue::from_str(&format!("0;url={address}")) {
        response.headers_mut().insert(REFRESH, value);
    }
    response
}

const REFRESH: HeaderName = HeaderName::from_static("refresh");
