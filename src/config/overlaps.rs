//! Overlaps: rules that tie, apps with one host and path, rules that another app hides.

use super::{reader::Reader, source::Span};
use crate::access::{Conflict, Duplicate, PolicyBuilder};

/// The spans of an app, for messages about it.
#[derive(Debug)]
pub(super) struct Declared {
    /// Its header.
    pub(super) span: Span,
    pub(super) hosts: Vec<(Box<str>, Span)>,
    pub(super) path: Option<Span>,
}

/// Reports two rules of an app of which neither is more specific.
pub(super) fn report_conflicts(reader: &Reader, conflicts: &[Conflict]) {
    for conflict in conflicts {
        let message = format!("two rules decide `{}`", conflict.covers);
        reader.report(
            reader
                .error(&reader.placed(&conflict.second), message)
                .label("again here")
                .also(reader.placed(&conflict.first), "first decided here")
                .help("the order in the file means nothing, so neither wins: merge them, or give them different methods"),
        );
    }
}

/// Reports two apps with the same host and path.
pub(super) fn report_duplicates(reader: &Reader, duplicates: &[Duplicate], declared: &[Declared]) {
    for duplicate in duplicates {
        let underlined = |place| {
            let header = reader.placed(place);
            let app = declared.iter().find(|app| app.span == header);
            let host = app.and_then(|app| {
                let host = duplicate.host.as_ref()?;
                app.hosts.iter().find(|(name, _)| name == host).map(|(_, span)| span.clone())
            });
            host.or_else(|| app.and_then(|app| app.path.clone())).unwrap_or(header)
        };
        let message = match &duplicate.host {
            Some(host) if duplicate.mount.as_str() == "/" => format!("two apps serve the host \"{host}\""),
            Some(host) => format!("two apps serve `{}` of the host \"{host}\"", duplicate.mount),
            None => format!("two apps serve `{}` of every host", duplicate.mount),
        };
        reader.report(
            reader
                .error(&underlined(&duplicate.second), message)
                .label("again here")
                .also(underlined(&duplicate.first), "first served here")
                .help("give one of them another `host` or `path`"),
        );
    }
}

/// Reports rules whose paths all belong to an app with a longer path.
pub(super) fn report_shadowed(reader: &Reader, builder: &PolicyBuilder) {
    for (rule, app) in builder.shadowed_rules() {
        reader.report(
            reader
                .warning(&reader.placed(&rule.place), "nothing can reach this rule")
                .label(format!("everything below `{}` belongs to the app \"{}\"", app.mount, app.name))
                .also(reader.placed(&app.place), "the app that has these paths")
                .help("move the rule to that app, or remove it"),
        );
    }
}
