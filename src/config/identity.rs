//! `identity`: the identity headers of an app.

use http::HeaderName;
use toml::de::{DeTable, DeValue};

use super::{
    excerpt::excerpt,
    header_name, keys,
    reader::{Field, Reader, fields},
    suggest,
};
use crate::forward::{IdentityHeaders, IdentityValue, Preset};

/// Reads a preset, or a table of headers; `remote-user` if there is neither.
pub(super) fn headers(reader: &Reader, field: Option<Field<'_>>) -> IdentityHeaders {
    let default = || preset(DEFAULT);
    let Some(field) = field else { return default() };
    match field.value.get_ref() {
        DeValue::String(_) => reader.choice(&field, &Preset::names()).map_or_else(default, preset),
        DeValue::Table(table) => own(reader, &field, table),
        _ => {
            reader.wrong_type(&field, "the name of a preset or a table of headers", Some(HELP.to_owned()));
            default()
        }
    }
}

fn own(reader: &Reader, field: &Field<'_>, table: &DeTable<'_>) -> IdentityHeaders {
    if table.is_empty() {
        let error = reader.error(&field.value.span(), "this table names no header");
        reader.report(error.help("write `identity = \"none\"` to send none"));
    }
    let mut named: Vec<(HeaderName, IdentityValue, Option<Field<'_>>)> = Vec::new();
    if let Some(chosen) = fields(table).find(|field| field.name == "preset")
        && let Some(name) = reader.choice(&chosen, &Preset::names())
    {
        named.extend(preset(name).into_headers().into_iter().map(|(name, value)| (name, value, None)));
    }
    for field in fields(table).filter(|field| field.name != "preset") {
        let (name, value) = (
            header_name::read(reader, (field.name, &field.key), "an identity header"),
            header_value(reader, &field),
        );
        let Some(name) = name else { continue };
        if let Some(first) =
            named.iter().find_map(|(other, _, first)| first.as_ref().filter(|_| *other == name))
        {
            let message = format!("the header `{name}` is given twice");
            reader.report(
                reader
                    .error(&field.key, message)
                    .label("again here")
                    .also(first.key.clone(), "first given here")
                    .help("names of headers are the same in upper and lower case; keep one of them"),
            );
            continue;
        }
        // A header of the preset gets another value.
        named.retain(|(other, ..)| *other != name);
        named.extend(value.map(|value| (name, value, Some(field))));
    }
    IdentityHeaders::new(named.into_iter().map(|(name, value, _)| (name, value)).collect())
}

fn header_value(reader: &Reader, field: &Field<'_>) -> Option<IdentityValue> {
    match field.value.get_ref() {
        DeValue::String(_) => match reader.choice(field, &VALUES)? {
            "username" => Some(IdentityValue::Username),
            "email" => Some(IdentityValue::Email),
            "name" => Some(IdentityValue::Name),
            _ => Some(IdentityValue::Groups(",".to_owned())),
        },
        DeValue::Table(table) => {
            let section = reader.section(table, field.value.span(), &keys::HEADER);
            match (section.field("groups"), section.field("attribute")) {
                (Some(groups), None) => separator(reader, &groups),
                (None, Some(attribute)) => {
                    let text = reader.text(&attribute)?;
                    if text.content.is_empty() {
                        let error = reader.error(&text.span, "the attribute has no name");
                        reader
                            .report(error.help("write the key that `user set --attribute KEY=VALUE` gives"));
                        return None;
                    }
                    Some(IdentityValue::Attribute(text.content.to_owned()))
                }
                (groups, _) => {
                    let how = if groups.is_some() { "more than one value" } else { "no value" };
                    let message = format!("the header `{}` has {how}", excerpt(field.name));
                    reader.report(reader.error(&field.value.span(), message).help(HELP));
                    None
                }
            }
        }
        _ => {
            let expected = format!("{} or a table", suggest::listed_or(&VALUES));
            reader.wrong_type(field, &expected, Some(HELP.to_owned()));
            None
        }
    }
}

/// The separator of groups. A separator that may occur in the name of a group would make the app read the group
/// `a|b` as the groups `a` and `b`.
fn separator(reader: &Reader, field: &Field<'_>) -> Option<IdentityValue> {
    let text = reader.text(field)?;
    let printable = text.content.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'%');
    let in_names = |c: char| c.is_alphanumeric() || "._-:/@+".contains(c);
    if text.content.is_empty() || text.content.len() > 8 || !printable || text.content.contains(in_names) {
        let message = format!("\"{}\" cannot separate groups", excerpt(text.content));
        let help = "write up to eight characters that no name of a group can hold, such as `,` or `|` or `;`";
        reader.report(reader.error(&text.span, message).help(help));
        return None;
    }
    Some(IdentityValue::Groups(text.content.to_owned()))
}

fn preset(name: &str) -> IdentityHeaders {
    Preset::named(name).expect("the name is one of the presets").headers()
}

const DEFAULT: &str = "remote-user";
const VALUES: [&str; 4] = ["username", "email", "name", "groups"];
const HELP: &str = "write, for example, `{ X-User = \"username\", X-Groups = { groups = \"|\" }, X-Team = { attribute = \"team\" } }`";
