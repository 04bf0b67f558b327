//! The page that asks for a further proof, where a rule or a page of the gateway asks for a recent one or for a second
//! factor.
//!
//! Its address names the methods of which one is missing, and it offers those that the account has. What it names gives no
//! right: the rule decides again afterwards. A proof gives the session a new token and a new time of that proof; its time
//! limits and its data stay as they were. A failure costs and counts as much as a failed sign-in.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use zeroize::Zeroizing;

use super::{
    PageRequest, PageResponse, Portal, ReturnTo, SecondFactorPolicy, SignedIn,
    csrf::Genuine,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    passkeys::{Ceremony, PreparedPasskey},
    person::readable_name,
    problem::{FORM_EXPIRED, form_again, refusal_for},
    providers::start_link,
    second_step::WRONG as WRONG_CODE,
    session_opening::SessionOpening,
};
use crate::{
    auth::{
        Backends, Claim, Credential, Entrance, NotProved, TypedCode, oidc::Provider,
        webauthn::UserVerification,
    },
    identity::{ProofMethod, ProofMethods},
    language::Text,
    pages::{self, Confirm, Page, PasskeyForm, ProviderLink, paths},
    refusal::Refusal,
    users::{Account, FactorKind, LinkedIdentity, Password},
};

impl Portal {
    /// The form. A browser without a live session is sent to the sign-in page: a sign-in is a confirmation, too.
    pub(super) async fn ask_to_confirm(&self, request: &PageRequest<'_>) -> PageResponse {
        let next = request.return_to(&request.parameter("next"));
        match SignedIn::of(request) {
            Ok(signed_in) => {
                let flash = FlashMessage::waiting(request);
                let text = flash.map(FlashMessage::text);
                let texts = (None, text.as_ref());
                let passkey = self.passkey_to_confirm(request, &signed_in).await;
                let mut response =
                    confirm_form(request, &signed_in, passkey.as_ref(), (StatusCode::OK, &next), texts);
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
        let newest_proof = signed_in.session.proofs.newest();
        let is_just_confirmed = newest_proof.is_some_and(|at| self.clock.now().since(at) < JUST_CONFIRMED);
        let mut form = match Genuine::check(request, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            // The form was open in another tab while the password was confirmed. The rule of the page that it leads to
            // decides whether that is recent enough.
            Err(_) if is_just_confirmed => return Ok(pages::redirect(next.as_str())),
            Err(_) => return self.confirmation_failed(request, &signed_in, &next, None).await,
        };
        let origin = request.origin(Entrance::Confirmation);
        let [code, recovery] = ["code", "recovery"].map(|name| Zeroizing::new(form.take(name)));
        let is_code = !(code.is_empty() && recovery.is_empty());
        let checked = if is_code {
            let code = TypedCode::of_fields(&code, &recovery);
            self.sign_in.check_code(signed_in.account, code, &origin).await
        } else {
            let credential = Credential::Password(Password::new(form.take("password")));
            self.sign_in.check(Claim::User(signed_in.account), credential, &origin).await
        };
        let proved = match checked {
            Ok(proved) => proved,
            Err(not_proved) => {
                let wrong = if is_code { WRONG_CODE } else { WRONG };
                let failed = Some((not_proved, wrong));
                return self.confirmation_failed(request, &signed_in, &next, failed).await;
            }
        };
        self.notify_of_recovery_code(request, &proved).await;
        self.finish_sign_in(request, &proved, SessionOpening::Confirmed, &next).await
    }

    /// The form again, after a proof that proved nothing; `None`: the form has expired.
    pub(super) async fn confirmation_failed(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        next: &ReturnTo,
        failed: Option<(NotProved, Text)>,
    ) -> Result<PageResponse, Refusal> {
        let passkey = self.passkey_to_confirm(request, signed_in).await;
        let again = |status, problem: &Text| {
            confirm_form(request, signed_in, passkey.as_ref(), (status, next), (Some(problem), None))
        };
        let Some((not_proved, wrong)) = failed else {
            return Ok(again(StatusCode::FORBIDDEN, &FORM_EXPIRED));
        };
        let refusal = refusal_for(not_proved, Refusal::Confirm(ProofMethods::ALL));
        form_again(request, refusal, |status, detail| {
            Ok(again(status, &if not_proved == NotProved::Wrong { wrong } else { detail }))
        })
    }

    /// The ceremony for a passkey, if one of those that are missing can be shown by it.
    async fn passkey_to_confirm(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
    ) -> Option<PreparedPasskey> {
        let need = ProofMethods::from_query(&request.parameter("need"));
        let verification =
            match [ProofMethod::Passkey, ProofMethod::SecurityKey].map(|method| need.contains(method)) {
                [_, true] => UserVerification::Preferred,
                [true, false] => UserVerification::Required,
                [false, false] => return None,
            };
        let browser = signed_in.token.key().to_hex();
        let ceremony = (Ceremony::Confirmation, verification);
        self.passkey_of_user(request, ceremony, browser, signed_in.account).await
    }
}

fn confirm_form(
    request: &PageRequest<'_>,
    signed_in: &SignedIn<'_>,
    passkey: Option<&PreparedPasskey>,
    (status, next): (StatusCode, &ReturnTo),
    (problem, flash): (Option<&Text>, Option<&Text>),
) -> PageResponse {
    let (account, need) = (signed_in.account, ProofMethods::from_query(&request.parameter("need")));
    let (user, backends) = (&account.user, &request.settings.backends);
    let [problem, flash] = [problem, flash].map(|text| text.map(|text| request.say(text)));
    let by_password = need.contains(ProofMethod::Password) && has_form(account, backends);
    let providers =
        if need.contains(ProofMethod::Provider) { providers(request, account, next) } else { Vec::new() };
    // Where anything will do, one way is enough.
    let by_code = need != ProofMethods::ALL || (!by_password && providers.is_empty());
    let has_totp = account.factors.iter().any(|factor| factor.kind == FactorKind::Totp);
    let has_totp = by_code && need.contains(ProofMethod::Totp) && has_totp;
    let takes_recovery = by_code && need.contains(ProofMethod::RecoveryCode);
    let csrf = signed_in.token.form_token();
    let page = Page::Confirm(Confirm {
        host: request.host,
        csrf: &csrf,
        next: next.as_str(),
        username: user.name.as_str(),
        name: readable_name(user),
        problem: problem.as_deref(),
        flash: flash.as_deref(),
        has_form: by_password,
        has_totp,
        recovery_codes_left: if takes_recovery { account.recovery_codes_left } else { 0 },
        has_factors: !account.factors.is_empty(),
        may_add_factors: request.settings.accounts.second_factor != SecondFactorPolicy::Off,
        providers,
        passkey: passkey.as_ref().map(|passkey| PasskeyForm {
            primary: !by_password && !has_totp,
            ..passkey.form(paths::PASSKEY_CONFIRM, &csrf, next.as_str())
        }),
        passkey_signals: passkey.and_then(PreparedPasskey::signals),
    });
    let mut response = request.render(status, &page);
    if passkey.is_some() {
        request.settings.pages.allow_passkey_script(&mut response, request.host);
    }
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
