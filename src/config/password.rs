//! `[password]`: the cost of one password hash.

use super::{
    quantity,
    reader::{Reader, Section},
};
use crate::users::HashSettings;

/// Reads the section, or its defaults if there is none.
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
