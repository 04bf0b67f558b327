//! The inputs of fields that the operator has defined, on the forms where people give their values: the profile, the
//! last step of a registration, the first password of an invited user, and a step of the first sign-in through a backend.
//!
//! Only inputs of fields that users may change are read. Mallory, who adds an input for a field of operators to the form,
//! sets nothing with it. A value that no longer fits its field stays, and is only judged when another one is given.

use std::collections::BTreeMap;

use super::{PageRequest, form::Form};
use crate::{
    language::Text,
    pages::{ProfileChoice, ProfileField},
    users::{FieldEditor, FieldKind, OwnProfileChange, UnfitValue, UserField, UserFields},
};

/// The fields on a form: their stored values, and those that were sent.
pub(super) struct OwnFields<'a> {
    fields: &'a UserFields,
    stored: &'a BTreeMap<String, String>,
    /// By the name of the field; `None` where the form is shown for the first time.
    sent: Option<BTreeMap<&'a str, String>>,
}

/// A problem with a value, and the name of its input.
pub(super) struct WrongInput {
    pub(super) input: String,
    pub(super) text: Text,
}

impl<'a> OwnFields<'a> {
    /// The fields with the stored values.
    pub(super) fn stored(request: &'a PageRequest<'_>, stored: &'a BTreeMap<String, String>) -> Self {
        Self { fields: &request.settings.fields, stored, sent: None }
    }

    /// The fields with the values of a form.
    pub(super) fn sent(
        request: &'a PageRequest<'_>,
        stored: &'a BTreeMap<String, String>,
        form: &Form,
    ) -> Self {
        let fields = &request.settings.fields;
        let own = fields.iter().filter(|field| field.editable_by == FieldEditor::User);
        let sent = own.map(|field| (&*field.name, form.text(&input_of(field)).trim().to_owned())).collect();
        Self { fields, stored, sent: Some(sent) }
    }

    /// Adds the values that were sent to a change, or says what is wrong with them, all at once. A required field needs a
    /// value, whether it had one or not.
    pub(super) fn add_to(&self, change: &mut OwnProfileChange) -> Result<(), Vec<WrongInput>> {
        let mut wrong = Vec::new();
        for field in self.fields {
            let Some(value) = self.sent.as_ref().and_then(|sent| sent.get(&*field.name)) else { continue };
            if value == self.stored_value(field) && !value.is_empty() {
                continue;
            }
            match field.check(value) {
                Ok(()) if value.is_empty() => change.removed_attributes.push(field.name.to_string()),
                Ok(()) => {
                    change.attributes.insert(field.name.to_string(), value.clone());
                }
                Err(unfit) => wrong.push(WrongInput { input: input_of(field), text: text_of(field, &unfit) }),
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Whether a field that its user has to fill in has no value. A value that does not fit is one.
    pub(super) fn lack_required(&self) -> bool {
        let mut own = self.fields.iter().filter(|field| field.editable_by == FieldEditor::User);
        own.any(|field| field.required && self.stored_value(field).is_empty())
    }

    /// All fields, for a page.
    pub(super) fn shown(&self, wrong: &[WrongInput]) -> Vec<ProfileField> {
        self.fields.iter().map(|field| self.shown_field(field, wrong)).collect()
    }

    /// The fields that users may change, for a page.
    pub(super) fn shown_editable(&self, wrong: &[WrongInput]) -> Vec<ProfileField> {
        let mut shown = self.shown(wrong);
        shown.retain(|field| field.is_editable);
        shown
    }

    fn shown_field(&self, field: &UserField, wrong: &[WrongInput]) -> ProfileField {
        let (input, stored) = (input_of(field), self.stored_value(field));
        let value = self.sent.as_ref().and_then(|sent| sent.get(&*field.name)).map_or(stored, String::as_str);
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
            is_editable: field.editable_by == FieldEditor::User,
            is_unfit: !stored.is_empty() && value == stored && field.check(stored).is_err(),
            is_wrong: wrong.iter().any(|wrong| wrong.input == input),
            choices: offered
                .map(|choice| ProfileChoice { is_chosen: choice == value, value: choice })
                .collect(),
            value: value.to_owned(),
            input,
        }
    }

    fn stored_value(&self, field: &UserField) -> &str {
        self.stored.get(&*field.name).map_or("", String::as_str)
    }
}

/// The problems as one text.
pub(super) fn all_problems(request: &PageRequest<'_>, wrong: &[WrongInput]) -> String {
    wrong.iter().map(|wrong| request.say(&wrong.text)).collect::<Vec<_>>().join(" ")
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

/// The name of the input of a field; no field can have the name of another input.
fn input_of(field: &UserField) -> String {
    format!("field.{}", field.name)
}
