//! `[[user_field]]`: fields of users.

use super::{
    excerpt::excerpt,
    presentation::words,
    reader::{Reader, Section, Text},
};
use crate::users::{FieldEditor, FieldKind, UserField, UserFields, is_attribute_name};

/// Reads the fields, in the order of the file.
pub(super) fn read(reader: &Reader, sections: &[Section<'_>]) -> UserFields {
    let mut fields: Vec<UserField> = Vec::new();
    for section in sections {
        let Some(name) = name(reader, section) else { continue };
        if fields.iter().any(|field| *field.name == *name.content) {
            let message = format!("two fields have the name \"{}\"", excerpt(name.content));
            reader.report(reader.error(&name.span, message).help("choose another name"));
            continue;
        }
        let title = words(reader, section.field("title"), MAX_TITLE_CHARS);
        let editor = section.field("editable_by");
        let editable_by = match editor.and_then(|field| reader.choice(&field, &["user", "admin"])) {
            Some("user") => FieldEditor::User,
            Some(_) | None => FieldEditor::Admin,
        };
        fields.push(UserField {
            name: name.content.into(),
            title: title.unwrap_or_else(|| name.content.into()),
            kind: kind(reader, section),
            required: reader.boolean(section.field("required"), false),
            editable_by,
        });
        if fields.len() > MAX_FIELDS {
            let error =
                reader.error(&name.span, format!("there can be at most {MAX_FIELDS} fields of users"));
            reader.report(
                error.help(
                    "set attributes that nobody types on a form with `portcullis user set --attribute`",
                ),
            );
            break;
        }
    }
    UserFields::new(fields)
}

fn name<'d>(reader: &Reader, section: &Section<'d>) -> Option<Text<'d>> {
    let Some(field) = section.field("name") else {
        if section.lacks("name") {
            let error = reader.error(&section.span, "this field of users has no name");
            reader.report_absence(error.help("add `name = \"team\"`, the name of the attribute"));
        }
        return None;
    };
    let name = reader.text(&field)?;
    if is_attribute_name(name.content) {
        return Some(name);
    }
    let message = format!("a field cannot have the name \"{}\"", excerpt(name.content));
    reader.report(
        reader.error(&name.span, message).help("1 to 64 letters, digits and `.`, `_`, `-` can be its name"),
    );
    None
}

fn kind(reader: &Reader, section: &Section<'_>) -> FieldKind {
    let choices = section.field("choices");
    let named = section.field("type").and_then(|field| reader.choice(&field, &KINDS));
    if let (Some(choices), false) = (&choices, named == Some("choice")) {
        let warning = reader.warning(&choices.key, "`choices` is for fields of type \"choice\"");
        reader.report(warning.help("write `type = \"choice\"`, or leave `choices` out"));
    }
    match named {
        Some("number") => FieldKind::Number,
        Some("date") => FieldKind::Date,
        Some("choice") => {
            let texts = choices.map(|field| reader.texts(&field)).unwrap_or_default();
            let mut found: Vec<Box<str>> = Vec::new();
            for text in &texts {
                let fits = !text.content.trim().is_empty()
                    && text.content.chars().count() <= MAX_CHOICE_CHARS
                    && !text.content.contains(char::is_control);
                if !fits {
                    let message = format!("a choice cannot be \"{}\"", excerpt(text.content));
                    let help = format!("write one line of at most {MAX_CHOICE_CHARS} characters");
                    reader.report(reader.error(&text.span, message).help(help));
                } else if found.iter().any(|choice| **choice == *text.content.trim()) {
                    let message = format!("the choice \"{}\" is there twice", excerpt(text.content));
                    reader.report(reader.error(&text.span, message).help("leave one of them out"));
                } else {
                    found.push(text.content.trim().into());
                }
            }
            if found.is_empty() {
                let error = reader.error(&section.span, "this field has no choices");
                reader.report_absence(error.help("add `choices = [\"red\", \"blue\"]`"));
            }
            FieldKind::Choice(found)
        }
        Some(_) | None => FieldKind::Text,
    }
}

const KINDS: [&str; 4] = ["text", "choice", "number", "date"];
const MAX_TITLE_CHARS: usize = 60;
const MAX_CHOICE_CHARS: usize = 200;
/// A form has a bounded number of fields.
const MAX_FIELDS: usize = 20;
