//! The page that asks for the password again, where a rule asks for a recent sign-in.
//!
//! A confirmed password gives the session a new token and a new time of confirmation; its time limits stay as they
//! were. A failure costs and counts as much as a failed sign-in.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{
    PageRequest, PageResponse, Portal, ReturnTo, SignedIn,
    csrf::Genuine,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    person::readable_name,
    problem::{FORM_EXPIRED, form_again, refusal_for},
    providers::start_link,
    session_opening::{OpenedSession, SessionOpening},
};
use crate::{
    auth::{Backends, Claim, Credential, Entrance, NotProved, oidc::Provider},
    language::Text,
    pages::{self, Confirm, Page, ProviderLink},
    refusal::Refusal,
    telemetry::AuditKind,
    users::{Account, LinkedIdentity, Password},
};

impl Portal {
    /// The form. A browser without a live session is sent to the sign-in page: a sign-in is a confirmation, too.
    pub(super) fn ask_to_confirm(request: &PageRequest<'_>) -> PageResponse {
        let next = request.return_to(&request.parameter("next"));
        match SignedIn::of(request) {
            Ok(signed_in) => {
                let flash = FlashMessage::waiting(request);
                let text = flash.map(FlashMessage::text);
                let texts = (None, text.as_ref());
                let mut response = confirm_form(request, &signed_in, StatusCode::OK, &next, texts);
                if flash.is_some() {
                    FlashMessage::clear(request, response.headers_mut());
                }
                response
            }
            Err(_) => pages::redirect(&next.login_location()),
        }
    }

    /// Checks the password of the user who is signed in, and sends the browser on.
    pub(super) async fn confirm(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let next = request.return_to(form.text("next"));
        let Ok(signed_in) = SignedIn::of(request) else {
            return Ok(pages::redirect(&next.login_location()));
        };
        let again =
            |status, problem: &Text| confirm_form(request, &signed_in, status, &next, (Some(problem), None));
        let newest_proof = signed_in.session.proofs.newest();
        let is_just_confirmed = newest_proof.is_some_and(|at| self.clock.now().since(at) < JUST_CONFIRMED);
        let mut form = match Genuine::check(request, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            // The form was open in another tab while the password was confirmed. The rule of the page that it leads to
            // decides whether that is recent enough.
            Err(_) if is_just_confirmed => return Ok(pages::redirect(next.as_str())),
            Err(_) => return Ok(again(StatusCode::FORBIDDEN, &FORM_EXPIRED)),
        };
        let credential = Credential::Password(Password::new(form.take("password")));
        let (claim, origin) = (Claim::User(signed_in.account), request.origin(Entrance::Confirmation));
        let proved = match self.sign_in.check(claim, credential, &origin).await {
            Ok(proved) => proved,
            Err(not_proved) => {
                return form_again(request, refusal_for(not_proved, Refusal::Confirm), |status, detail| {
                    Ok(again(status, &if not_proved == NotProved::Wrong { WRONG } else { detail }))
                });
            }
        };
        let OpenedSession { response, session } =
            self.open_session(request, &proved, SessionOpening::Confirmed, next.as_str()).await?;
        self.record_proof(request, AuditKind::Confirm, &proved, &session);
        Ok(response)
    }
}

fn confirm_form(
    request: &PageRequest<'_>,
    signed_in: &SignedIn<'_>,
    status: StatusCode,
    next: &ReturnTo,
    (problem, flash): (Option<&Text>, Option<&Text>),
) -> PageResponse {
    let user = &signed_in.account.user;
    let [problem, flash] = [problem, flash].map(|text| text.map(|text| request.say(text)));
    let page = Page::Confirm(Confirm {
        host: request.host,
        csrf: &signed_in.token.form_token(),
        next: next.as_str(),
        username: user.name.as_str(),
        name: readable_name(user),
        problem: problem.as_deref(),
        flash: flash.as_deref(),
        has_form: has_form(signed_in.account, &request.settings.backends),
        providers: providers(request, signed_in.account, next),
    });
    let mut response = request.render(status, &page);
    if let Some(hand_over) = HandOver::at(next, request) {
        pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
    }
    response
}

/// Whether the user has a password that a backend checks.
fn has_form(account: &Account, backends: &Backends) -> bool {
    let is_checked = |identity: &LinkedIdentity| {
        identity.ended.is_none() && backends.provider(identity.pair.backend.as_str()).is_none()
    };
    account.password.is_some() || account.identities.iter().any(is_checked)
}

/// The providers through which the user can confirm.
fn providers<'r>(request: &PageRequest<'r>, account: &Account, next: &ReturnTo) -> Vec<ProviderLink<'r>> {
    let is_linked = |provider: &&Arc<Provider>| {
        let settings = provider.settings();
        account.identities.iter().any(|identity| {
            identity.pair.backend == settings.name && *identity.pair.authority == *settings.authority()
        })
    };
    let linked = request.settings.backends.providers().iter().filter(is_linked);
    linked
        .map(|provider| ProviderLink {
            href: start_link(provider.settings().name.as_str(), "confirm", next),
            title: &provider.settings().title,
        })
        .collect()
}

const WRONG: Text = Text::of("confirm-wrong");
/// Time to go through the other tabs that ask for the password.
const JUST_CONFIRMED: Duration = Duration::from_mins(5);
