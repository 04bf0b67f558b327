//! The page of the user's own second factors: their list, names, removal, and the recovery codes.
//!
//! Whatever changes them needs a proof of the last ten minutes, see `SignedIn::recently_proved`, and its owner gets a
//! notice.

use http::StatusCode;

use super::{
    Notice, PageRequest, PageResponse, Portal, SecondFactorPolicy, SignedIn, csrf::Genuine,
    flash::FlashMessage, form::Form, problem::FORM_EXPIRED,
};
use crate::{
    language::Text,
    pages::{self, Factors, ListedFactor, Page, RecoveryCodesPage, paths},
    refusal::Refusal,
    users::{
        Account, DirectoryError, Factor, FactorId, FactorKind, FactorName, LastFactor, RecoveryCode,
        RecoveryCodes, UserStoreError,
    },
};

impl Portal {
    /// The list.
    pub(super) async fn show_factors(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let flash = FlashMessage::waiting(request);
        let text = flash.map(FlashMessage::text);
        let mut response =
            self.factors_page(request, &signed_in, StatusCode::OK, (None, text.as_ref())).await;
        if flash.is_some() {
            FlashMessage::clear(request, response.headers_mut());
        }
        Ok(response)
    }

    /// Renames or removes a factor, or makes new recovery codes.
    pub(super) async fn change_factors(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let again = async |status, problem: &Text| {
            Ok(self.factors_page(request, &signed_in, status, (Some(problem), None)).await)
        };
        let form = match Genuine::check(request, Some(&signed_in.token), form) {
            Ok(genuine) => genuine.into_form(),
            Err(_) => return again(StatusCode::FORBIDDEN, &FORM_EXPIRED).await,
        };
        if let Err(response) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*response);
        }
        let account = signed_in.account;
        if !form.text("codes").is_empty() {
            return self.new_recovery_codes(request, &signed_in).await;
        }
        let (id, credential) = (account.user.id, account.credential);
        // Only the user's own factors are looked through; the store does so again.
        if let Some(factor) = own_factor(account, form.text("rename")) {
            let Ok(name) = FactorName::parse(form.text("name")) else {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &WRONG_NAME).await;
            };
            return match self.sign_in.directory().rename_factor(id, credential, factor.id, name).await {
                Ok(_) => Ok(to_factors(request, FlashMessage::FactorRenamed)),
                Err(error) => Err(refusal_for_change(request, &error)),
            };
        }
        let Some(factor) = own_factor(account, form.text("remove")) else {
            return Ok(pages::redirect(paths::FACTORS));
        };
        let last = last_factor(request, account);
        let removed = self.sign_in.directory().remove_factor(id, credential, (factor.id, last)).await;
        let account = match removed {
            Ok(account) => account,
            Err(DirectoryError::Store(UserStoreError::LastWayIn(_))) => {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &LAST_WAY_IN).await;
            }
            Err(DirectoryError::Store(UserStoreError::LastRequiredFactor(_))) => {
                return again(StatusCode::UNPROCESSABLE_ENTITY, &LAST_REQUIRED).await;
            }
            Err(error) => return Err(refusal_for_change(request, &error)),
        };
        self.notify(request, &account, &Notice::FactorRemoved { name: factor.name.clone() }).await;
        if !form.text("others").is_empty() {
            self.end_other_sessions(request, &signed_in).await;
        }
        Ok(to_factors(request, FlashMessage::FactorRemoved))
    }

    async fn new_recovery_codes(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
    ) -> Result<PageResponse, Refusal> {
        let (id, credential) = (signed_in.account.user.id, signed_in.account.credential);
        match self.sign_in.directory().make_recovery_codes(id, credential).await {
            Ok((account, codes)) => {
                self.notify(request, &account, &Notice::RecoveryCodesMade).await;
                Ok(recovery_codes_page(request, &account, &codes, paths::FACTORS))
            }
            Err(error) => Err(refusal_for_change(request, &error)),
        }
    }

    /// Ends the user's sessions but this one. The change before holds even if the store fails.
    pub(super) async fn end_other_sessions(&self, request: &PageRequest<'_>, signed_in: &SignedIn<'_>) {
        let (user, own) = (signed_in.account.user.id, signed_in.session.sign_in());
        if let Err(error) = self.sessions.end_all_of(user, Some(own)).await {
            tracing::warn!(%error, request_id = request.request_id, "sessions not ended after a change of factors");
        }
    }

    async fn factors_page(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        status: StatusCode,
        (problem, flash): (Option<&Text>, Option<&Text>),
    ) -> PageResponse {
        let account = signed_in.account;
        let [problem, flash] = [problem, flash].map(|text| text.map(|text| request.say(text)));
        let accounts = &request.settings.accounts;
        // Right after the removal of the last one, the browser is told as well.
        let is_told = account.has_passkey() || flash.is_some();
        let signals = if is_told { self.passkey_signals(request, account).await } else { None };
        let page = Page::Factors(Factors {
            host: request.host,
            csrf: &signed_in.token.form_token(),
            username: account.user.name.as_str(),
            factors: account.factors.iter().map(|factor| listed(request, account, factor)).collect(),
            recovery_codes_left: account.recovery_codes_left,
            may_add: accounts.second_factor != SecondFactorPolicy::Off,
            may_add_passkeys: request.passkeys().is_some(),
            is_required: accounts.require_second_factor(&account.user),
            problem: problem.as_deref(),
            flash: flash.as_deref(),
            passkey_signals: signals.as_deref(),
        });
        let mut response = request.render(status, &page);
        request.allow_signals(&mut response, signals.as_deref());
        response
    }
}

/// The page with new recovery codes. They are shown once: nothing but their hashes is kept.
pub(super) fn recovery_codes_page(
    request: &PageRequest<'_>,
    account: &Account,
    codes: &RecoveryCodes,
    next: &str,
) -> PageResponse {
    let codes: Vec<_> = codes.iter().map(RecoveryCode::to_groups).collect();
    let page = Page::RecoveryCodes(RecoveryCodesPage {
        host: request.host,
        username: account.user.name.as_str(),
        codes: codes.iter().map(|code| code.as_str()).collect(),
        next,
    });
    request.render(StatusCode::OK, &page)
}

/// Whether the rules of accounts leave an account without a factor.
fn last_factor(request: &PageRequest<'_>, account: &Account) -> LastFactor {
    if request.settings.accounts.require_second_factor(&account.user) {
        LastFactor::Required
    } else {
        LastFactor::Optional
    }
}

/// Why a factor cannot be removed. The store decides again.
fn why_it_stays(request: &PageRequest<'_>, account: &Account, factor: FactorId) -> Option<Text> {
    if last_factor(request, account) == LastFactor::Required && account.is_last_factor(factor) {
        return Some(LAST_REQUIRED);
    }
    (!account.can_sign_in_without(factor)).then_some(LAST_WAY_IN)
}

fn listed<'a>(request: &PageRequest<'_>, account: &Account, factor: &'a Factor) -> ListedFactor<'a> {
    ListedFactor {
        stays: why_it_stays(request, account, factor.id).map(|why| request.say(&why)),
        id: factor.id.to_string(),
        is_passkey: factor.kind == FactorKind::Passkey,
        synced: factor.synced,
        name: &factor.name,
        created: factor.created.into(),
        last_used: factor.last_used.map(Into::into),
    }
}

fn own_factor<'a>(account: &'a Account, typed: &str) -> Option<&'a Factor> {
    let id = FactorId(typed.parse().ok()?);
    account.factors.iter().find(|factor| factor.id == id)
}

pub(super) fn to_factors(request: &PageRequest<'_>, flash: FlashMessage) -> PageResponse {
    let mut response = pages::redirect(paths::FACTORS);
    flash.leave(&request.settings.cookies, response.headers_mut());
    response
}

/// Another change of the account came first, so that this session is over; or the store does not do its work.
pub(super) fn refusal_for_change(request: &PageRequest<'_>, error: &DirectoryError) -> Refusal {
    match error {
        DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_)) => {
            Refusal::SignIn
        }
        DirectoryError::Store(UserStoreError::NoSuchFactor(_)) => Refusal::NotFound,
        error => request.unavailable("changing second factors", error),
    }
}

pub(super) const WRONG_NAME: Text = Text::of("factor-wrong-name");
const LAST_WAY_IN: Text = Text::of("factor-last-way-in");
const LAST_REQUIRED: Text = Text::of("factor-last-required");
