//! `[session]`: time limits, numbers and the cookie's name. The store has a file of its own.

use std::{path::Path, time::Duration};

use super::{
    excerpt::excerpt,
    reader::{Field, Reader, Section},
    store::{self, Store},
};
use crate::session::{SessionLimits, cookie::CookieNames};

/// `[session]`.
#[derive(Clone, Debug)]
pub struct SessionSection {
    /// The store.
    pub store: Store,
    /// Maximum number of sessions in [`Store::Memory`]. Default 1,000,000.
    pub max_sessions: u64,
    /// Maximum number of sessions of visitors. Default 100,000.
    pub max_visitors: usize,
    /// The time limits.
    pub limits: SessionLimits,
    /// The names of the gateway's cookies. Default those of `portcullis`.
    pub cookies: CookieNames,
}

/// Reads the section, or its defaults if there is none.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> SessionSection {
    let field = |name| section.and_then(|section| section.field(name));
    let limits = SessionLimits {
        lifetime: reader.duration(field("lifetime"), Duration::from_hours(12)),
        idle_timeout: reader.duration(field("idle_timeout"), Duration::from_hours(1)),
        remember_lifetime: field("remember_lifetime").map(|field| reader.duration(Some(field), REMEMBERED)),
        browser_session: reader.boolean(field("browser_session"), false),
        max_per_user: usize::try_from(reader.integer(field("max_per_user"), 1..=1_000_000, MAX_PER_USER))
            .ok(),
    };
    if let Some(idle) = field("idle_timeout").filter(|_| limits.idle_timeout > limits.lifetime) {
        let mut warning = reader
            .warning(&idle.value.span(), "`idle_timeout` is longer than `lifetime`")
            .help("a session ends with its lifetime; give both, the idle time the shorter");
        if let Some(lifetime) = field("lifetime") {
            warning = warning.also(lifetime.value.span(), "the lifetime");
        }
        reader.report(warning);
    }
    SessionSection {
        store: store::read(reader, section, folder),
        max_sessions: reader.integer(field("max_sessions"), 1..=1_000_000_000, 1_000_000),
        max_visitors: usize::try_from(reader.integer(field("max_visitors"), 1..=10_000_000, 100_000))
            .unwrap_or(usize::MAX),
        limits,
        cookies: cookie_names(reader, field("cookie_name")),
    }
}

fn cookie_names(reader: &Reader, field: Option<Field<'_>>) -> CookieNames {
    let Some(text) = field.and_then(|field| reader.text(&field)) else { return CookieNames::default() };
    CookieNames::parse(text.content).unwrap_or_else(|wrong| {
        let error =
            reader.error(&text.span, format!("`cookie_name` cannot be \"{}\"", excerpt(text.content)));
        let help = "write \"portcullis-\" and a word of your own, such as \"portcullis-test\"";
        reader.report(error.label(wrong.to_string()).help(help));
        CookieNames::default()
    })
}

/// More browsers than a person uses within the lifetime of a session. A script that signs in for each request fills
/// the store up to this number.
const MAX_PER_USER: u64 = 100;

/// Replaces a value that cannot be read.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
