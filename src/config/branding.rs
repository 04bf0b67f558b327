//! Title, logo, colour and links of `[portal]`.

use std::{fs::File, io::Read, path::Path};

use super::{
    error::system_error,
    excerpt::excerpt,
    keys,
    reader::{Field, Reader, Section},
};
use crate::pages::{Brand, Colour, FooterLink, Logo};

/// Reads them.
pub(super) fn read(reader: &Reader, section: &Section<'_>, folder: &Path) -> Brand {
    Brand {
        title: section.field("title").and_then(|field| title(reader, &field)),
        logo: section.field("logo").and_then(|field| logo(reader, &field, folder)),
        colour: section.field("colour").and_then(|field| colour(reader, &field)),
        links: links(reader, section),
    }
}

fn title(reader: &Reader, field: &Field<'_>) -> Option<Box<str>> {
    let text = reader.text(field)?;
    let title = text.content.trim();
    if title.is_empty()
        || title.chars().count() > Brand::MAX_TITLE
        || title.chars().any(crate::escape::misleads)
    {
        let message = format!("`{}` is no title", field.name);
        let help = format!("write a name of at most {} characters: `\"Example Ltd\"`", Brand::MAX_TITLE);
        reader.report(reader.error(&text.span, message).help(help));
        return None;
    }
    Some(title.into())
}

fn logo(reader: &Reader, field: &Field<'_>, folder: &Path) -> Option<Logo> {
    let path = reader.path(field, folder)?;
    let refuse = |problem: String, help: &str| {
        reader.report(reader.error(&field.value.span(), problem).help(help));
        None
    };
    let content = match beginning(&path) {
        Ok(content) => content,
        Err(error) => {
            let problem = format!("cannot read {}: {}", path.display(), system_error(&error));
            return refuse(problem, "name an image that the gateway's user can read");
        }
    };
    if content.len() > Logo::MAX_BYTES {
        let problem = format!("{} is larger than {} KiB", path.display(), Logo::MAX_BYTES >> 10);
        return refuse(problem, "make it smaller: it is shown 64 pixels high");
    }
    let logo = Logo::new(content);
    if logo.is_none() {
        let problem = format!("{} is no PNG, SVG or WebP image", path.display());
        return refuse(problem, "save the logo as one of these");
    }
    logo
}

/// The content of a file, or the first part of one that is too large.
fn beginning(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(Logo::MAX_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn colour(reader: &Reader, field: &Field<'_>) -> Option<Colour> {
    let text = reader.text(field)?;
    let Some(colour) = Colour::parse(text.content) else {
        let message = format!("`{}` cannot be \"{}\"", field.name, excerpt(text.content));
        let help = "write red, green and blue in hexadecimal digits: `\"#0b6b5d\"`";
        reader.report(reader.error(&text.span, message).help(help));
        return None;
    };
    if !colour.is_readable() {
        let message = format!("links and buttons in the colour {colour} are hard to read");
        let help =
            format!("the contrast to white has to be 4.5 at least; \"{}\" would do", colour.readable());
        reader.report(reader.error(&text.span, message).help(help));
        return None;
    }
    Some(colour)
}

fn links(reader: &Reader, section: &Section<'_>) -> Vec<FooterLink> {
    let tables = reader.tables(section.field("links"), &keys::PORTAL_LINK);
    if let Some(surplus) = tables.get(Brand::MAX_LINKS) {
        let message = format!("`links` has more than {} links", Brand::MAX_LINKS);
        reader.report(reader.error(&surplus.span, message).help("leave out those that people need least"));
    }
    tables.iter().filter_map(|table| link(reader, table)).collect()
}

fn link(reader: &Reader, table: &Section<'_>) -> Option<FooterLink> {
    for name in ["title", "href"] {
        if table.lacks(name) {
            let error = reader.error(&table.span, format!("this link has no `{name}`"));
            reader.report_absence(
                error.help("write `{ title = \"Help\", href = \"https://www.example.com/help\" }`"),
            );
        }
    }
    let title = table.field("title").and_then(|field| title(reader, &field));
    let href = table.field("href").and_then(|field| {
        let text = reader.text(&field)?;
        if is_address(text.content) {
            return Some(text.content.into());
        }
        let message = format!("\"{}\" is no address for a link", excerpt(text.content));
        let help =
            "write one that begins with `https://`, `http://` or `mailto:`, or a path that begins with `/`";
        reader.report(reader.error(&text.span, message).help(help));
        None
    });
    Some(FooterLink { title: title?, href: href? })
}

/// Whether a browser goes somewhere with this address, and runs nothing.
fn is_address(href: &str) -> bool {
    let is_path = href.starts_with('/') && !href.starts_with("//") && !href.contains('\\');
    let has_scheme = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| href.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    (is_path || has_scheme) && !href.chars().any(|c| c.is_whitespace() || crate::escape::misleads(c))
}
