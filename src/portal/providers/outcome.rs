//! The page after an attempt that did not sign anybody in.
//!
//! The page never goes on by itself: a provider that signs a user in at once would send them back, and so on for ever.

use std::sync::Arc;

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    super::{PageRequest, PageResponse, ReturnTo},
    provider_page::{self, ProviderStep},
};
use crate::{
    auth::oidc::Provider,
    language::Text,
    pages::{NotSignedIn, Page, PageLink},
    users::NotProvisioned,
};

/// How an attempt ended without a sign-in, as far as the page may say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Something that came back is not believed, or the user may not come in: the cause is in the audit stream alone.
    Refused,
    /// The attempt is not known, or not one of this browser.
    Unknown,
    /// The user did not agree at the provider.
    Denied,
    /// The provider does not respond.
    Unavailable,
    /// The provider has proved who the user is, and there is no account for them.
    NotProvisioned(NotProvisioned),
    /// The provider's user belongs to another account.
    Taken,
    /// Another user than the one who is signed in has confirmed.
    AnotherUser,
}

impl Outcome {
    fn status(self) -> StatusCode {
        match self {
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        }
    }

    fn title(self) -> Text {
        Text::of(match self {
            Self::NotProvisioned(NotProvisioned::WaitingForApproval) => "provider-waiting-title",
            Self::Unavailable => "provider-unavailable-title",
            Self::Unknown => "provider-unknown-title",
            Self::Taken => "provider-taken-title",
            _ => "provider-not-signed-in-title",
        })
    }

    fn detail(self, provider: &str) -> Text {
        match self {
            Self::Refused => Text::of("provider-refused").with("provider", provider),
            Self::Unknown => Text::of("provider-unknown"),
            Self::Denied => Text::of("provider-denied").with("provider", provider),
            Self::Unavailable => Text::of("provider-unavailable").with("provider", provider),
            Self::NotProvisioned(NotProvisioned::WaitingForApproval) => Text::of("provider-waiting"),
            Self::NotProvisioned(_) => Text::of("provider-no-account").with("provider", provider),
            Self::Taken => Text::of("provider-taken"),
            Self::AnotherUser => Text::of("provider-another-user").with("provider", provider),
        }
    }

    fn can_try_again(self) -> bool {
        !matches!(self, Self::NotProvisioned(_) | Self::Taken)
    }
}

/// The page that says how the attempt ended.
pub(super) fn respond(
    request: &PageRequest<'_>,
    provider: &Arc<Provider>,
    outcome: Outcome,
    next: &ReturnTo,
) -> PageResponse {
    let settings = provider.settings();
    let start = |another| start_link(settings.name.as_str(), another, next);
    let (again, another) = (start(""), start("another"));
    let login = next.login_location();
    let detail = request.say(&outcome.detail(&settings.title));
    let title = request.say(&outcome.title());
    let [try_again, another_account, back] =
        [Text::of("try-again"), Text::of("provider-another-account"), Text::of("back-to-sign-in")]
            .map(|text| request.say(&text));
    let page = Page::NotSignedIn(NotSignedIn {
        host: request.host,
        title: &title,
        detail: &detail,
        again: outcome.can_try_again().then_some(PageLink { href: &again, text: &try_again }),
        another: (outcome != Outcome::Unavailable)
            .then_some(PageLink { href: &another, text: &another_account }),
        login: PageLink { href: &login, text: &back },
        request_id: request.request_id,
    });
    request.render(outcome.status(), &page)
}

/// The address that starts a sign-in at a provider and goes on to `next`.
pub(in crate::portal) fn start_link(provider: &str, purpose: &str, next: &ReturnTo) -> String {
    let path = provider_page::path(provider, ProviderStep::Start);
    let mut parameters = Vec::new();
    if !purpose.is_empty() {
        parameters.push(format!("for={purpose}"));
    }
    if next.as_str() != "/" {
        parameters.push(format!("next={}", utf8_percent_encode(next.as_str(), NON_ALPHANUMERIC)));
    }
    if parameters.is_empty() { path } else { format!("{path}?{}", parameters.join("&")) }
}
