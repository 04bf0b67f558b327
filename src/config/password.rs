//! `[password]`: the cost of one password hash, and the rules for new passwords.

use std::{path::Path, sync::Arc};

use super::{
    quantity,
    reader::{Field, Reader, Section},
    suggest,
};
use crate::users::{Breached, BreachedList, HashSettings, MIN_CHARS, Password, PasswordRules};

/// Reads the cost of a hash, or its defaults without the section.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> HashSettings {
    let field = |name| section.and_then(|section| section.field(name));
    let default = HashSettings::default();
    let number = |name, most, default| {
        u32::try_from(reader.integer(field(name), 1..=most, u64::from(default))).unwrap_or(default)
    };
    let memory = reader.size(field("memory"), 0..=4 << 30, u64::from(default.memory) << 10) >> 10;
    let settings = HashSettings {
        memory: u32::try_from(memory).unwrap_or(default.memory),
        iterations: number("iterations", 1000, default.iterations),
        parallelism: number("parallelism", 64, default.parallelism),
    };
    if let (Err(wrong), Some(section)) = (settings.check(), section) {
        let span = field(wrong.setting).map_or(section.span.clone(), |field| field.value.span());
        let bound = |value: u32| {
            if wrong.setting == "memory" {
                quantity::show_size(u64::from(value) << 10)
            } else {
                value.to_string()
            }
        };
        let help = format!("it lies between {} and {}", bound(wrong.least), bound(wrong.most));
        reader.report(reader.error(&span, format!("`{}` is out of range", wrong.setting)).help(help));
        return default;
    }
    settings
}

/// Reads the rules for new passwords, or their defaults without the section.
pub(super) fn read_rules(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> PasswordRules {
    let mut rules = PasswordRules::default();
    let Some(section) = section else { return rules };
    let length = |name, least: usize, default| {
        let bounds = least as u64..=(Password::MAX_NEW_CHARS as u64);
        usize::try_from(reader.integer(section.field(name), bounds, default as u64)).unwrap_or(default)
    };
    rules.min_chars = length("min_length", MIN_CHARS, MIN_CHARS);
    rules.min_chars_without_factor = length("min_without_factor", rules.min_chars, rules.min_chars);
    if let Some(field) = section.field("validators") {
        read_validators(reader, &field, &mut rules);
    }
    rules.breached = breached(reader, section, folder);
    rules
}

/// The words of `validators`.
fn read_validators(reader: &Reader, field: &Field<'_>, rules: &mut PasswordRules) {
    for text in reader.texts(field) {
        match text.content {
            "similarity" => rules.similarity = true,
            "common" => rules.common = true,
            "numeric" => rules.numeric = true,
            other => {
                let message = format!("there is no validator \"{}\"", super::excerpt::excerpt(other));
                let help = match suggest::similar(other, VALIDATORS) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!("it is {}", suggest::listed_or(&VALIDATORS)),
                };
                reader.report(reader.error(&text.span, message).help(help));
            }
        }
    }
}

/// Opens the list of passwords that have become known. A list that cannot be read refuses the start, unless the operator
/// has asked for a warning.
fn breached(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<Breached> {
    let unreadable = section.field("breached_unreadable");
    let required = match unreadable.as_ref().and_then(|field| reader.choice(field, &["refuse", "warn"])) {
        Some("warn") => false,
        Some(_) | None => true,
    };
    let Some(field) = section.field("breached") else {
        if let Some(field) = unreadable {
            let warning =
                reader.warning(&field.key, "`breached_unreadable` has no effect without `breached`");
            reader.report(warning.help("name the list, or leave the key out"));
        }
        return None;
    };
    let path = reader.path(&field, folder)?;
    match BreachedList::open(&path) {
        Ok(list) => Some(Breached { list: Arc::new(list), required }),
        Err(error) => {
            let span = field.value.span();
            let message = format!("the list {} cannot be used: {error}", path.display());
            let report = if required { reader.error(&span, message) } else { reader.warning(&span, message) };
            let help = if required {
                "write it with `portcullis pwned import`, or write `breached_unreadable = \"warn\"` to go on without it"
            } else {
                "write it with `portcullis pwned import`; until the next start, new passwords are not compared with it"
            };
            reader.report(report.help(help));
            None
        }
    }
}

const VALIDATORS: [&str; 3] = ["similarity", "common", "numeric"];
