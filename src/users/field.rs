//! Fields of users that the operator has defined: `[[user_field]]`.
//!
//! A field gives an attribute of a user a title, a type, and somebody who may change it. The values are the attributes
//! themselves, so a changed definition loses none: a value that no longer fits is kept and shown, until somebody writes
//! another one.

use std::sync::Arc;

use super::profile::is_value;
use crate::identity::User;

/// The fields, in the order of the configuration; cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFields(Arc<[UserField]>);

/// A field of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserField {
    /// The name of the attribute.
    pub name: Box<str>,
    /// The title for people.
    pub title: Box<str>,
    /// The values that it can have.
    pub kind: FieldKind,
    /// Whether a user needs a value.
    pub required: bool,
    /// Whether users change their own value; otherwise operators do.
    pub editable_by: FieldEditor,
}

/// The values that a field can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// One of these texts.
    Choice(Vec<Box<str>>),
    /// A whole or decimal number.
    Number,
    /// A day, as in `2026-11-30`.
    Date,
}

/// The people who change a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldEditor {
    /// The user and operators.
    User,
    /// Operators alone.
    Admin,
}

/// Why a field cannot have a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitValue {
    /// A value is required.
    #[error("a value is required")]
    Missing,
    /// Longer than a header may hold, or with control characters.
    #[error("the value has to be one line of at most 1024 characters")]
    NoLine,
    /// Not one of the choices.
    #[error("the value has to be one of {}", .0.join(", "))]
    NoChoice(Vec<Box<str>>),
    /// Not a number.
    #[error("the value has to be a number, as in 42 or -1.5")]
    NoNumber,
    /// Not a day.
    #[error("the value has to be a day, as in 2026-11-30")]
    NoDate,
}

impl UserFields {
    /// The given fields, whose names differ.
    pub fn new(fields: Vec<UserField>) -> Self {
        Self(fields.into())
    }

    /// The fields, in the order of the configuration.
    pub fn iter(&self) -> std::slice::Iter<'_, UserField> {
        self.0.iter()
    }

    /// The field with this name.
    pub fn named(&self, name: &str) -> Option<&UserField> {
        self.iter().find(|field| &*field.name == name)
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'f> IntoIterator for &'f UserFields {
    type Item = &'f UserField;
    type IntoIter = std::slice::Iter<'f, UserField>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl UserField {
    /// The value that the user has; empty if there is none.
    pub fn value_of<'u>(&self, user: &'u User) -> &'u str {
        user.attributes.get(&*self.name).map_or("", String::as_str)
    }

    /// Whether the field can have this value; an empty one is none.
    pub fn check(&self, value: &str) -> Result<(), UnfitValue> {
        if value.is_empty() {
            return if self.required { Err(UnfitValue::Missing) } else { Ok(()) };
        }
        if !is_value(value) {
            return Err(UnfitValue::NoLine);
        }
        match &self.kind {
            FieldKind::Choice(choices) if !choices.iter().any(|choice| **choice == *value) => {
                Err(UnfitValue::NoChoice(choices.clone()))
            }
            FieldKind::Number if !is_number(value) => Err(UnfitValue::NoNumber),
            FieldKind::Date if !is_date(value) => Err(UnfitValue::NoDate),
            _ => Ok(()),
        }
    }
}

impl FieldKind {
    /// The word for it in the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::Number => "number",
            Self::Date => "date",
        }
    }
}

/// Digits, with a sign before them and a point between them if need be: what every application reads alike.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_NUMBER && are_digits(whole) && are_digits(fraction)
}

/// A day of the calendar (RFC 3339 full-date).
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let number = |text: &str, length: usize| {
        let fits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| fits)
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let month = u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok());
    let day = u8::try_from(day).unwrap_or(0);
    month.is_some_and(|month| time::Date::from_calendar_date(year.into(), month, day).is_ok())
}

const MAX_NUMBER: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind, required: bool) -> UserField {
        UserField { name: "x".into(), title: "X".into(), kind, required, editable_by: FieldEditor::User }
    }

    #[test]
    fn values_fit_their_kind() {
        let choice = FieldKind::Choice(vec!["red".into(), "blue".into()]);
        for (kind, fitting, unfit) in [
            (FieldKind::Text, &["", "a", "Zoë 🦆"][..], &["a\nb", "a\0"][..]),
            (choice, &["", "red", "blue"], &["green", "Red", " red"]),
            (
                FieldKind::Number,
                &["", "0", "-12", "3.50", "007"],
                &["1e5", "1,5", ".5", "5.", "-", "+1", "٣", "0x1"],
            ),
            (
                FieldKind::Date,
                &["", "2026-11-30", "2024-02-29"],
                &["2026-02-29", "2026-13-01", "2026-1-1", "30.11.2026", "2026-11-30T00:00", "+026-11-30"],
            ),
        ] {
            let field = field(kind, false);
            for value in fitting {
                assert_eq!(field.check(value), Ok(()), "{field:?} {value:?}");
            }
            for value in unfit {
                assert!(field.check(value).is_err(), "{field:?} {value:?}");
            }
        }
        assert_eq!(field(FieldKind::Text, true).check(""), Err(UnfitValue::Missing));
        assert_eq!(field(FieldKind::Text, true).check(&"x".repeat(1025)), Err(UnfitValue::NoLine));
    }
}
