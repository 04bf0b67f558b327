//! `[portal]`: the host on which people sign in, when there is one for all hosts.

use super::{
    certificate::Covered,
    excerpt::excerpt,
    hosts,
    reader::{Reader, Section},
    source::Span,
};

/// `[portal]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalSection {
    /// The portal host, canonical. `None`: people sign in on each host for itself.
    pub host: Option<Box<str>>,
}

/// Reads the section, if there is one.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>, covered: &Covered) -> PortalSection {
    let Some(section) = section else { return PortalSection::default() };
    let Some(field) = section.field("host") else {
        let error = reader.error(&section.span, "`[portal]` names no host");
        reader.report(error.help("add `host = \"login.example.com\"`, or leave the section out"));
        return PortalSection::default();
    };
    let Some(text) = reader.text(&field) else { return PortalSection::default() };
    // Its pages are at the same paths as on every host.
    if let (false, Some((name, _))) = (text.content.contains("://"), text.content.split_once('/')) {
        let error = reader.error(&text.span, "the portal host cannot lie behind a path");
        reader.report(error.help(format!("write the name alone: `{}`", excerpt(name))));
        return PortalSection::default();
    }
    let host = hosts::host(reader, &text);
    if let Some(host) = &host {
        covered.warn_of_others(reader, &[(host.clone(), text.span.clone())]);
    }
    PortalSection { host }
}

/// Reports an app that serves every host. A sign-in at the portal host is handed over to hosts with a name only: anybody
/// could ask for one under any other name.
pub(super) fn require_hosts(reader: &Reader, span: &Span) {
    let error = reader.error(span, "this app serves every host, and nobody could sign in to it");
    reader.report(error.label("it has no `host`").help(
        "name its hosts, as in `host = \"wiki.example.com\"`: `[portal]` leads back to named hosts only",
    ));
}
