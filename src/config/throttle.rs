//! `[throttle]`: limits on attempts to sign in.

use std::time::Duration;

use super::{
    quantity::{self, show_duration},
    reader::{Field, Reader, Section},
};
use crate::throttle::ThrottleLimits;

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>) -> ThrottleLimits {
    let field = |name| section.and_then(|section| section.field(name));
    let default = ThrottleLimits::default();
    let number = |name, most, default: u32| {
        u32::try_from(reader.integer(field(name), 1..=most, u64::from(default))).unwrap_or(default)
    };
    ThrottleLimits {
        per_account: number("per_account", MOST_PER_ACCOUNT, default.per_account),
        per_address: number("per_address", MOST_PER_ADDRESS, default.per_address),
        window: within_a_day(reader, field("window"), default.window),
        waits: field("waits").and_then(|field| waits(reader, &field)).map_or(default.waits, Into::into),
    }
}

fn within_a_day(reader: &Reader, field: Option<Field<'_>>, default: Duration) -> Duration {
    let duration = reader.duration(field.clone(), default);
    match field {
        Some(field) if !(SHORTEST..=LONGEST).contains(&duration) => {
            let message = format!("`{}` is out of range", field.name);
            reader.report(reader.error(&field.value.span(), message).help(bounds()));
            default
        }
        _ => duration,
    }
}

/// Reads the waits in their order; each mistake is reported.
fn waits(reader: &Reader, field: &Field<'_>) -> Option<Vec<Duration>> {
    if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        let error = reader.error(&field.value.span(), "`waits` is empty");
        reader.report(
            error.help("give at least one, or leave the key out for `[\"1m\", \"5m\", \"15m\", \"60m\"]`"),
        );
        return None;
    }
    let texts = reader.texts(field);
    let mut waits: Vec<Duration> = Vec::new();
    for text in &texts {
        let wait = match quantity::duration(text.content) {
            Ok(wait) => wait,
            Err(wrong) => {
                reader.no_quantity(field, text, wrong);
                continue;
            }
        };
        let (problem, help) = match waits.last() {
            _ if !(SHORTEST..=LONGEST).contains(&wait) => ("this wait is out of range".to_owned(), bounds()),
            Some(before) if *before > wait => (
                format!("this wait is shorter than the one before, {}", show_duration(*before)),
                "waits grow: write the shortest first".to_owned(),
            ),
            _ if waits.len() == MOST_WAITS => (
                format!("these are more than {MOST_WAITS} waits"),
                "remove the others; the last one holds from then on".to_owned(),
            ),
            _ => {
                waits.push(wait);
                continue;
            }
        };
        reader.report(reader.error(&text.span, problem).help(help));
    }
    // A list with a mistake is discarded whole.
    (!waits.is_empty()).then_some(waits)
}

fn bounds() -> String {
    format!("it lies between {} and {}", show_duration(SHORTEST), show_duration(LONGEST))
}

/// NIST SP 800-63B-4 §3.2.2.
const MOST_PER_ACCOUNT: u64 = 100;
const MOST_PER_ADDRESS: u64 = 1_000_000;
const SHORTEST: Duration = Duration::from_secs(1);
const MOST_WAITS: usize = 20;
/// Counters expire after a day.
const LONGEST: Duration = Duration::from_hours(24);
