//! The profile page: the user's full name, and the fields that the operator has defined.
//!
//! A field that operators change is shown. A value that no longer fits its field stays, and is only judged when the user
//! writes another one. The name and the address of a user of a backend come from there, and so cannot be changed here.

use http::StatusCode;

use super::{
    PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, flash::FlashMessage, form::Form,
    problem::FORM_EXPIRED,
};
use crate::{
    language::Text,
    pages::{self, Page, ProfileChoice, ProfileField, paths},
    refusal::Refusal,
    users::{
        Account, Activity, DirectoryError, FieldEditor, FieldKind, InvalidProfile, UnfitValue, UserChange,
        UserField, UserStoreError,
    },
};

/// A problem with a value, and the name of its input.
struct Wrong {
    input: String,
    text: Text,
}

/// The values on the form: those that were sent, or those of the account.
struct Values<'a> {
    account: &'a Account,
    sent: Option<&'a Form>,
}

impl Portal {
    /// The form.
    pub(super) fn show_profile(request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        Ok(profile_form(request, &signed_in, StatusCode::OK, (None, &[])))
    }

    /// Stores the values that have changed.
    pub(super) async fn change_profile(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            let expired = [Wrong { input: String::new(), text: FORM_EXPIRED }];
            return Ok(profile_form(request, &signed_in, StatusCode::FORBIDDEN, (None, &expired)));
        };
        let form = genuine.into_form();
        let account = signed_in.account;
        let change = match wanted_change(request, account, &form) {
            Ok(change) => change,
            Err(wrong) => {
                let shown = (Some(&form), wrong.as_slice());
                return Ok(profile_form(request, &signed_in, StatusCode::UNPROCESSABLE_ENTITY, shown));
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
                let wrong = [Wrong { input: input.to_owned(), text: Text::of("profile-not-a-line") }];
                let shown = (Some(&form), wrong.as_slice());
                return Ok(profile_form(request, &signed_in, StatusCode::UNPROCESSABLE_ENTITY, shown));
            }
            Err(error) => return Err(request.unavailable("changing a profile", &error)),
        }
        self.note_activity(request, id, Activity::PROFILE_CHANGED);
        let mut response = pages::redirect(paths::PROFILE);
        FlashMessage::ProfileChanged.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }
}

/// The change that the form asks for. A field that the user may not change is not looked at, whatever was sent.
fn wanted_change(
    request: &PageRequest<'_>,
    account: &Account,
    form: &Form,
) -> Result<UserChange, Vec<Wrong>> {
    let mut change = UserChange::default();
    let mut wrong = Vec::new();
    if has_own_name(account) {
        change.full_name = Some(form.text(FULL_NAME).trim().to_owned());
    }
    for field in request.settings.fields.iter().filter(|field| field.editable_by == FieldEditor::User) {
        let value = form.text(&input_of(field)).trim();
        if value == field.value_of(&account.user) {
            continue;
        }
        match field.check(value) {
            Ok(()) if value.is_empty() => change.removed_attributes.push(field.name.to_string()),
            Ok(()) => {
                change.attributes.insert(field.name.to_string(), value.to_owned());
            }
            Err(unfit) => wrong.push(Wrong { input: input_of(field), text: text_of(field, &unfit) }),
        }
    }
    if wrong.is_empty() { Ok(change) } else { Err(wrong) }
}

fn text_of(field: &UserField, unfit: &UnfitValue) -> Text {
    Text::of(match unfit {
        UnfitValue::Missing => "profile-missing",
        UnfitValue::NoLine => "profile-no-line",
        UnfitValue::NoChoice(_) => "profile-no-choice",
        UnfitValue::NoNumber => "profile-no-number",
        UnfitValue::NoDate => "profile-no-date",
    })
    .with("field", &*field.title)
}

/// Whether the full name was given here and not by a backend.
fn has_own_name(account: &Account) -> bool {
    account.identities.iter().all(|identity| !identity.home)
}

fn profile_form(
    request: &PageRequest<'_>,
    signed_in: &SignedIn<'_>,
    status: StatusCode,
    (sent, wrong): (Option<&Form>, &[Wrong]),
) -> PageResponse {
    let account = signed_in.account;
    let values = Values { account, sent };
    let flash = FlashMessage::waiting(request);
    let flash_text = flash.map(|flash| request.say(&flash.text()));
    let page = Page::Profile(pages::Profile {
        host: request.host,
        csrf: &signed_in.token.form_token(),
        username: account.user.name.as_str(),
        email: &account.user.email,
        full_name: values.full_name(),
        is_name_own: has_own_name(account),
        is_name_wrong: wrong.iter().any(|wrong| wrong.input == FULL_NAME),
        fields: request.settings.fields.iter().map(|field| values.shown(field, wrong)).collect(),
        problems: wrong.iter().map(|wrong| request.say(&wrong.text)).collect(),
        flash: flash_text.as_deref(),
    });
    let mut response = request.render(status, &page);
    if flash.is_some() {
        FlashMessage::clear(request, response.headers_mut());
    }
    response
}

impl Values<'_> {
    fn full_name(&self) -> &str {
        match self.sent {
            Some(form) if has_own_name(self.account) => form.text(FULL_NAME),
            _ => &self.account.user.full_name,
        }
    }

    fn shown(&self, field: &UserField, wrong: &[Wrong]) -> ProfileField {
        let (input, stored) = (input_of(field), field.value_of(&self.account.user));
        let is_editable = field.editable_by == FieldEditor::User;
        let value = match self.sent {
            Some(form) if is_editable => form.text(&input),
            _ => stored,
        };
        let choices = match &field.kind {
            FieldKind::Choice(choices) => choices.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        // A choice that is no longer offered stays on the form as long as it is the user's.
        let kept = (matches!(field.kind, FieldKind::Choice(_)) && !stored.is_empty())
            .then(|| stored.to_owned())
            .filter(|stored| !choices.contains(stored));
        let offered = kept.into_iter().chain(choices);
        ProfileField {
            title: field.title.to_string(),
            kind: field.kind.as_str(),
            is_required: field.required,
            is_editable,
            is_unfit: field.check(stored).is_err(),
            is_wrong: wrong.iter().any(|wrong| wrong.input == input),
            choices: offered
                .map(|choice| ProfileChoice { is_chosen: choice == value, value: choice })
                .collect(),
            value: value.to_owned(),
            input,
        }
    }
}

/// The name of the input of a field; no field can have the name of another input.
fn input_of(field: &UserField) -> String {
    format!("field.{}", field.name)
}

const FULL_NAME: &str = "full_name";
