//! The profile page: the user's full name, and the fields that the operator has defined.
//!
//! A field that operators change is shown. The name and the address of a user of a backend come from there, and so cannot
//! be changed here.

use http::StatusCode;

use super::{
    PageRequest, PageResponse, Portal, SignedIn,
    csrf::Genuine,
    flash::FlashMessage,
    form::Form,
    own_fields::{OwnFields, WrongInput},
    problem::FORM_EXPIRED,
};
use crate::{
    language::Text,
    pages::{self, Page, paths},
    refusal::Refusal,
    users::{Account, Activity, DirectoryError, InvalidProfile, OwnProfileChange, UserStoreError},
};

impl Portal {
    /// The form.
    pub(super) async fn show_profile(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        Ok(self.profile_form(request, &signed_in, StatusCode::OK, (None, &[])).await)
    }

    /// Stores the values that have changed.
    pub(super) async fn change_profile(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            let expired = [WrongInput { input: String::new(), text: FORM_EXPIRED }];
            return Ok(self.profile_form(request, &signed_in, StatusCode::FORBIDDEN, (None, &expired)).await);
        };
        let form = genuine.into_form();
        let account = signed_in.account;
        let fields = OwnFields::sent(request, &account.user.attributes, &form);
        let change = match wanted_change(&fields, account, &form) {
            Ok(change) => change,
            Err(wrong) => {
                let shown = (Some(&form), wrong.as_slice());
                return Ok(self
                    .profile_form(request, &signed_in, StatusCode::UNPROCESSABLE_ENTITY, shown)
                    .await);
            }
        };
        let (id, credential) = (account.user.id, account.credential);
        match self.sign_in.directory().change_own_profile(id, credential, change).await {
            Ok(_) => {}
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                return Err(Refusal::SignIn);
            }
            Err(DirectoryError::Store(UserStoreError::Invalid(invalid))) => {
                let input = if invalid == InvalidProfile::FullName { FULL_NAME } else { "" };
                let wrong = [WrongInput { input: input.to_owned(), text: Text::of("profile-not-a-line") }];
                let shown = (Some(&form), wrong.as_slice());
                return Ok(self
                    .profile_form(request, &signed_in, StatusCode::UNPROCESSABLE_ENTITY, shown)
                    .await);
            }
            Err(error) => return Err(request.unavailable("changing a profile", &error)),
        }
        self.note_activity(request, id, Activity::PROFILE_CHANGED);
        let mut response = pages::redirect(paths::PROFILE);
        FlashMessage::ProfileChanged.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }

    async fn profile_form(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        status: StatusCode,
        (sent, wrong): (Option<&Form>, &[WrongInput]),
    ) -> PageResponse {
        let account = signed_in.account;
        let stored = &account.user.attributes;
        let fields = match sent {
            Some(form) => OwnFields::sent(request, stored, form),
            None => OwnFields::stored(request, stored),
        };
        let full_name = match sent {
            Some(form) if has_own_name(account) => form.text(FULL_NAME),
            _ => &account.user.full_name,
        };
        let flash = FlashMessage::waiting(request);
        let signals = self.signals_of_owner(request, account).await;
        let flash_text = flash.map(|flash| request.say(&flash.text()));
        let page = Page::Profile(pages::Profile {
            host: request.host,
            csrf: &signed_in.token.form_token(),
            username: account.user.name.as_str(),
            email: &account.user.email,
            full_name,
            is_name_own: has_own_name(account),
            is_name_wrong: wrong.iter().any(|wrong| wrong.input == FULL_NAME),
            fields: fields.shown(wrong),
            problems: wrong.iter().map(|wrong| request.say(&wrong.text)).collect(),
            flash: flash_text.as_deref(),
            passkey_signals: signals.as_deref(),
        });
        let mut response = request.render(status, &page);
        request.allow_signals(&mut response, signals.as_deref());
        if flash.is_some() {
            FlashMessage::clear(request, response.headers_mut());
        }
        response
    }
}

/// The change that the form asks for.
fn wanted_change(
    fields: &OwnFields<'_>,
    account: &Account,
    form: &Form,
) -> Result<OwnProfileChange, Vec<WrongInput>> {
    let mut change = OwnProfileChange::default();
    if has_own_name(account) {
        change.full_name = Some(form.text(FULL_NAME).trim().to_owned());
    }
    fields.add_to(&mut change)?;
    Ok(change)
}

/// Whether the full name was given here and not by a backend.
fn has_own_name(account: &Account) -> bool {
    account.identities.iter().all(|identity| !identity.home)
}

const FULL_NAME: &str = "full_name";
