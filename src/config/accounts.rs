//! `[accounts]`: second factors. Registration has a file of its own.

use super::{
    groups::Groups,
    mail::MailSection,
    reader::{Reader, Section},
    registration,
};
use crate::portal::{AccountSettings, SecondFactorPolicy};

/// Reads the section, or its defaults if there is none.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    groups: &Groups,
    mail: &MailSection,
) -> AccountSettings {
    let Some(section) = section else { return AccountSettings::default() };
    let word = section.field("second_factor").and_then(|field| reader.choice(&field, &WORDS));
    let second_factor = match word {
        Some("off") => SecondFactorPolicy::Off,
        Some("required") => SecondFactorPolicy::Required,
        _ => SecondFactorPolicy::Optional,
    };
    for field in
        ["required_for", "required_for_superusers"].into_iter().filter_map(|name| section.field(name))
    {
        match second_factor {
            SecondFactorPolicy::Off => {
                let message = format!("`{}` asks for second factors, and nobody can add one", field.name);
                let help = "write `second_factor = \"optional\"`: then these people need one, and others may have one";
                reader.report(reader.error(&field.key, message).help(help));
            }
            SecondFactorPolicy::Required => {
                let message = format!("`{}` changes nothing: everyone needs a second factor", field.name);
                let help = "leave it out, or write `second_factor = \"optional\"`";
                reader.report(reader.warning(&field.key, message).help(help));
            }
            SecondFactorPolicy::Optional => {}
        }
    }
    let texts = section.field("required_for").map(|field| reader.texts(&field)).unwrap_or_default();
    AccountSettings {
        second_factor,
        required_for: texts.iter().filter_map(|text| groups.defined(reader, text)).collect(),
        required_for_superusers: reader.boolean(section.field("required_for_superusers"), false),
        registration: registration::read(reader, section, groups, mail),
        // Passkeys depend on the hosts, which are read later.
        passkeys: None,
    }
}

const WORDS: [&str; 3] = ["off", "optional", "required"];
