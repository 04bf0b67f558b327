//! `[portal]`: the host on which people sign in, when there is one for all hosts; language and looks of the pages.

use std::path::Path;

use super::{
    added_files, branding,
    certificate::Covered,
    excerpt::excerpt,
    hosts,
    reader::{Reader, Section},
    source::Span,
    suggest,
};
use crate::{
    language::{AddedFile, Language, LanguageChoice, Languages},
    pages::{Brand, Pages},
};

/// `[portal]`.
#[derive(Clone, Debug, Default)]
pub struct PortalSection {
    /// The portal host, canonical. `None`: people sign in on each host for itself.
    pub host: Option<Box<str>>,
    /// The pages with the operator's name, languages and templates. `None`: they are those of the program.
    pub pages: Option<Pages>,
}

/// Reads the section, if there is one, and the catalogues and templates in the folder of the configuration.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    covered: &Covered,
    folder: &Path,
) -> PortalSection {
    let added = added_files::catalogues(reader, folder);
    let templates = added_files::templates(reader, folder);
    let brand = section.map(|section| branding::read(reader, section, folder)).unwrap_or_default();
    let choice = section.map(|section| language(reader, section, &added)).unwrap_or_default();
    let is_plain = brand == Brand::default()
        && choice == LanguageChoice::Auto
        && added.is_empty()
        && templates.is_empty();
    let pages = if is_plain {
        None
    } else {
        let made = Pages::of_operator(brand, Languages::new(&added, choice), &templates);
        made.map_err(|problems| added_files::report_templates(reader, folder, &templates, problems)).ok()
    };
    PortalSection { host: section.and_then(|section| host(reader, section, covered)), pages }
}

fn host(reader: &Reader, section: &Section<'_>, covered: &Covered) -> Option<Box<str>> {
    let text = reader.text(&section.field("host")?)?;
    // Its pages are at the same paths as on every host.
    if let (false, Some((name, _))) = (text.content.contains("://"), text.content.split_once('/')) {
        let error = reader.error(&text.span, "the portal host cannot lie behind a path");
        reader.report(error.help(format!("write the name alone: `{}`", excerpt(name))));
        return None;
    }
    let host = hosts::host(reader, &text);
    if let Some(host) = &host {
        covered.warn_of_others(reader, &[(host.clone(), text.span.clone())]);
    }
    host
}

/// `language`: `auto`, or one of those that the pages have.
fn language(reader: &Reader, section: &Section<'_>, added: &[AddedFile]) -> LanguageChoice {
    let Some(text) = section.field("language").and_then(|field| reader.text(&field)) else {
        return LanguageChoice::Auto;
    };
    if text.content == AUTO {
        return LanguageChoice::Auto;
    }
    let languages = Languages::new(added, LanguageChoice::Auto);
    let found = text.content.parse().ok().filter(|id| languages.find(id).is_some());
    found.map_or_else(
        || {
            let message = format!("the pages have no language \"{}\"", excerpt(text.content));
            let mut tags: Vec<&str> = languages.iter().map(Language::tag).collect();
            tags.push(AUTO);
            let help = format!(
                "it is {}; files in `locales/LANGUAGE/` beside this one add a language",
                suggest::listed_or(&tags)
            );
            reader.report(reader.error(&text.span, message).help(help));
            LanguageChoice::Auto
        },
        LanguageChoice::Always,
    )
}

/// Reports an app that serves every host. A sign-in at the portal host is handed over to hosts with a name only: anybody
/// could ask for one under any other name.
pub(super) fn require_hosts(reader: &Reader, span: &Span) {
    let error = reader.error(span, "this app serves every host, and nobody could sign in to it");
    reader.report(error.label("it has no `host`").help(
        "name its hosts, as in `host = \"wiki.example.com\"`: `[portal]` leads back to named hosts only",
    ));
}

const AUTO: &str = "auto";
