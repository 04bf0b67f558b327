//! The step of a sign-in at which somebody whom a backend has proved fills in the fields that the operator requires.
//!
//! A person who registers or follows an invitation fills them in on that form. An account that a provider or a directory
//! brings has none yet. The page opens for a pending sign-in alone, see `pending_sign_in`: there is no session, and so no
//! application, before the fields have their values. Values that the backend gives for them are on the form already.

use http::{StatusCode, header::SET_COOKIE};

use super::{
    PageRequest, PageResponse, Portal, csrf,
    flash::FlashMessage,
    form::Form,
    hand_over::HandOver,
    own_fields::{OwnFields, WrongInput, all_problems},
    pending_sign_in::{BegunStep, NotBegun, PendingSignIn, PendingStep, TakenSignIn, start_again},
    problem::{FORM_EXPIRED, refusal_for},
};
use crate::{
    auth::{NotProved, Proved},
    identity::BackendName,
    language::Text,
    pages::{self, FieldsStep, Page},
    refusal::Refusal,
    users::{Account, Activity, DirectoryError, OwnProfileChange, UserStoreError},
};

/// Whether somebody whom a backend has proved has to fill in a field before there is a session.
pub(super) fn lacks_required_field(request: &PageRequest<'_>, proved: &Proved) -> bool {
    let is_of_backend = *proved.source().backend != *BackendName::LOCAL;
    is_of_backend && OwnFields::stored(request, &proved.account().user.attributes).lack_required()
}

impl Portal {
    /// The form. Without a pending sign-in the browser starts again.
    pub(super) async fn show_fields_step(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        self.fields_page(request, StatusCode::OK, None).await
    }

    /// Stores the values, and goes on with the sign-in.
    pub(super) async fn take_fields_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let BegunStep { form, taken, first } =
            match self.begin_step(request, form, PendingStep::Fields).await? {
                Ok(begun) => begun,
                Err(NotBegun::StartAgain(response)) => return Ok(response),
                Err(NotBegun::FormExpired) => {
                    return self.fields_page(request, StatusCode::FORBIDDEN, Some(FORM_EXPIRED)).await;
                }
            };
        let account = first.account();
        let fields = OwnFields::sent(request, &account.user.attributes, &form);
        let mut change = OwnProfileChange::default();
        if let Err(unfit) = fields.add_to(&mut change) {
            // A value that does not fit is no guess, so it costs no try.
            self.put_back(request, &taken).await?;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return fields_form(request, &taken.pending, account, status, (&fields, unfit.as_slice(), None));
        }
        let (id, credential) = (account.user.id, account.credential);
        match self.sign_in.directory().change_own_profile(id, credential, change).await {
            Ok(_) => {}
            // Another change of the account came first.
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                return Ok(start_again(request, &taken.pending.next(), FlashMessage::SignInExpired));
            }
            Err(error) => {
                self.put_back(request, &taken).await?;
                return Err(request.unavailable("storing required fields", &error));
            }
        }
        self.note_activity(request, id, Activity::PROFILE_CHANGED);
        self.go_on_with_fields(request, &taken).await
    }

    /// Goes on with the sign-in, for the account as it is now.
    async fn go_on_with_fields(
        &self,
        request: &PageRequest<'_>,
        taken: &TakenSignIn,
    ) -> Result<PageResponse, Refusal> {
        let pending = &taken.pending;
        match self.sign_in.resume(&pending.proof, request.request_id).await {
            Ok(proved) => self.finish_sign_in(request, &proved, pending.how(), &pending.next()).await,
            Err(NotProved::Wrong) => Ok(start_again(request, &pending.next(), FlashMessage::SignInExpired)),
            Err(not_proved) => {
                self.put_back(request, taken).await?;
                Err(refusal_for(not_proved, Refusal::SignIn))
            }
        }
    }

    async fn fields_page(
        &self,
        request: &PageRequest<'_>,
        status: StatusCode,
        problem: Option<Text>,
    ) -> Result<PageResponse, Refusal> {
        match self.shown_step(request, PendingStep::Fields).await? {
            Ok((pending, proved)) => {
                let account = proved.account();
                let fields = OwnFields::stored(request, &account.user.attributes);
                fields_form(request, &pending, account, status, (&fields, &[], problem))
            }
            Err(response) => Ok(response),
        }
    }
}

fn fields_form(
    request: &PageRequest<'_>,
    pending: &PendingSignIn,
    account: &Account,
    status: StatusCode,
    (fields, unfit, problem): (&OwnFields<'_>, &[WrongInput], Option<Text>),
) -> Result<PageResponse, Refusal> {
    let (token, cookie) = csrf::form_token(request)?;
    let hand_over = HandOver::at(&pending.next(), request);
    let text = match problem {
        Some(problem) => Some(request.say(&problem)),
        None => (!unfit.is_empty()).then(|| all_problems(request, unfit)),
    };
    let page = Page::FieldsStep(FieldsStep {
        host: request.host,
        csrf: &token.form_token(),
        username: account.user.name.as_str(),
        fields: fields.shown_editable(unfit),
        problem: text.as_deref(),
    });
    let mut response = request.render(status, &page);
    if let Some(hand_over) = hand_over {
        pages::allow_form_to_lead_to(&mut response, &request.origin_of(&hand_over.host));
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}
