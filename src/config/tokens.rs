//! `[tokens]`: how long API tokens last.

use super::{
    quantity::show_duration,
    reader::{Reader, Section},
};
use crate::users::TokenRules;

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> TokenRules {
    let defaults = TokenRules::default();
    let Some(section) = section else { return defaults };
    let max_lifetime = reader.duration(section.field("max_lifetime"), defaults.max_lifetime);
    let usual = defaults.lifetime.min(max_lifetime);
    let lifetime = reader.duration(section.field("lifetime"), usual);
    if let Some(field) = section.field("lifetime").filter(|_| lifetime > max_lifetime) {
        let message = "this `lifetime` is longer than any token may last";
        let mut error = reader.error(&field.value.span(), message);
        if let Some(most) = section.field("max_lifetime") {
            error = error.also(most.value.span(), "the longest");
        }
        let help = format!("write at most `\"{}\"`, or raise `max_lifetime`", show_duration(max_lifetime));
        reader.report(error.help(help));
    }
    let end_with_password = reader.boolean(section.field("end_with_password"), false);
    TokenRules { lifetime, max_lifetime, end_with_password }
}
