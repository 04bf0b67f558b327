//! `name` of `[[app]]`: names of apps, which logs and metrics use.

use std::collections::HashSet;

use super::{
    excerpt::excerpt,
    reader::{Reader, Section},
    source::Span,
};
use crate::{access::Mount, identity::GroupName};

/// The names of all apps.
pub(super) struct AppNames {
    given: Vec<Option<String>>,
    taken: HashSet<String>,
}

impl AppNames {
    /// Reads the names that the file gives.
    pub(super) fn read(reader: &Reader, sections: &[Section<'_>]) -> Self {
        let (mut given, mut spans) = (Vec::new(), Vec::<(String, Span)>::new());
        for section in sections {
            let text = section.field("name").and_then(|field| reader.text(&field));
            let Some(text) = text else {
                given.push(None);
                continue;
            };
            if let Err(wrong) = GroupName::parse(text.content) {
                let message = format!("\"{}\" is no name of an app", excerpt(text.content));
                reader.report(reader.error(&text.span, message).label(wrong.to_string()));
            }
            match spans.iter().find(|(name, _)| name == text.content) {
                Some((name, first)) => reader.report(
                    reader
                        .error(&text.span, format!("two apps have the name \"{}\"", excerpt(name)))
                        .label("again here")
                        .also(first.clone(), "first given here")
                        .help("choose another; logs and metrics tell apps apart by their names"),
                ),
                None => spans.push((text.content.to_owned(), text.span)),
            }
            given.push(Some(text.content.to_owned()));
        }
        Self { taken: spans.into_iter().map(|(name, _)| name).collect(), given }
    }

    /// The name of an app: the given one, or one made of its host and path.
    pub(super) fn of(&mut self, index: usize, hosts: &[(Box<str>, Span)], mount: Option<&Mount>) -> String {
        if let Some(Some(name)) = self.given.get(index) {
            return name.clone();
        }
        let path = mount.map_or("", |mount| mount.as_str().trim_matches('/'));
        let made = match (hosts.first(), path) {
            (Some((host, _)), "") => host.to_string(),
            (Some((host, _)), path) => format!("{host}/{path}"),
            (None, "") => "app".to_owned(),
            (None, path) => path.to_owned(),
        };
        let numbered = (2..).map(|number| format!("{made}-{number}"));
        let free = std::iter::once(made.clone()).chain(numbered).find(|name| !self.taken.contains(name));
        let name = free.expect("there are more numbers than apps");
        self.taken.insert(name.clone());
        name
    }
}
