//! `title`, `description`, `icon` and `hidden` of an app: how it is shown on the start page of the portal host.

use super::{
    excerpt::excerpt,
    reader::{Field, Reader, Section},
};

/// How an app is shown on the start page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppPresentation {
    /// The title; `None`: the app's name.
    pub title: Option<Box<str>>,
    /// A sentence about it; empty if there is none.
    pub description: Box<str>,
    /// The path of its icon on its own host.
    pub icon: Option<Box<str>>,
    /// Whether it is left out.
    pub hidden: bool,
}

/// Reads the keys of an app.
pub(super) fn read(reader: &Reader, section: &Section<'_>) -> AppPresentation {
    AppPresentation {
        title: words(reader, section.field("title"), MAX_TITLE_CHARS),
        description: words(reader, section.field("description"), MAX_DESCRIPTION_CHARS).unwrap_or_default(),
        icon: section.field("icon").and_then(|field| icon(reader, &field)),
        hidden: reader.boolean(section.field("hidden"), false),
    }
}

pub(super) fn words(reader: &Reader, field: Option<Field<'_>>, most: usize) -> Option<Box<str>> {
    let text = reader.text(&field?)?;
    let is_shown = |c: char| !c.is_control();
    if text.content.trim().is_empty()
        || text.content.chars().count() > most
        || !text.content.chars().all(is_shown)
    {
        let message = format!("this text cannot be shown: \"{}\"", excerpt(text.content));
        let help = format!("write one line of at most {most} characters, or leave it out");
        reader.report(reader.error(&text.span, message).help(help));
        return None;
    }
    Some(text.content.trim().into())
}

/// A path, made of the characters that need no escape anywhere.
fn icon(reader: &Reader, field: &Field<'_>) -> Option<Box<str>> {
    let text = reader.text(field)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    let is_path = text.content.starts_with('/') && !text.content.starts_with("//");
    if is_path && text.content.len() <= MAX_ICON_BYTES && text.content.bytes().all(is_plain) {
        return Some(text.content.into());
    }
    let message = format!("`icon` cannot be \"{}\"", excerpt(text.content));
    let help = "write a path of this app's host, such as \"/static/icon.svg\"; a rule has to let anyone read it, \
                because browsers may ask for it without a session";
    reader.report(reader.error(&text.span, message).label("it is no plain path").help(help));
    None
}

const MAX_TITLE_CHARS: usize = 60;
const MAX_DESCRIPTION_CHARS: usize = 200;
const MAX_ICON_BYTES: usize = 512;
