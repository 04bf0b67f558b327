//! The page after an attempt that did not sign anybody in.
//!
//! It never goes on by itself: a provider that signs a user in at once would send them back, and so on for ever.

use std::sync::Arc;

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    super::{PageRequest, PageResponse, ReturnTo},
    provider_page::{self, ProviderStep},
};
use crate::{
    auth::oidc::Provider,
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

    fn title(self) -> &'static str {
        match self {
            Self::NotProvisioned(NotProvisioned::WaitingForApproval) => "Your account waits for approval",
            Self::Unavailable => "Sign-in isn’t possible right now",
            Self::Unknown => "Please start again",
            Self::Taken => "That sign-in is connected already",
            _ => "You aren’t signed in",
        }
    }

    fn detail(self, title: &str) -> String {
        match self {
            Self::Refused => format!("The sign-in with {title} was refused. If you need access, ask an administrator."),
            Self::Unknown => "This sign-in was started in another browser, has been used already, or took longer than ten minutes.".to_owned(),
            Self::Denied => format!("You did not agree at {title}."),
            Self::Unavailable => format!("{title} isn’t answering. Please try again in a little while."),
            Self::NotProvisioned(NotProvisioned::WaitingForApproval) => {
                "An administrator has to approve it. Then you can sign in.".to_owned()
            }
            Self::NotProvisioned(_) => {
                format!("{title} knows you, but there is no account for you here. If you need access, ask an administrator.")
            }
            Self::Taken => "It belongs to another account. Sign in with that account, or ask an administrator.".to_owned(),
            Self::AnotherUser => format!("Another user is signed in at {title}. Confirm with the account that you are signed in with here."),
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
    let detail = outcome.detail(&settings.title);
    let page = Page::NotSignedIn(NotSignedIn {
        host: request.host,
        title: outcome.title(),
        detail: &detail,
        again: outcome.can_try_again().then_some(PageLink { href: &again, text: "Try again" }),
        another: (outcome != Outcome::Unavailable)
            .then_some(PageLink { href: &another, text: "Use another account" }),
        login: PageLink { href: &login, text: "Back to sign-in" },
        request_id: request.request_id,
    });
    request.settings.pages.render(outcome.status(), &page)
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
