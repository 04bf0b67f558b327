//! `[session] store`: the session store, and the keys of a shared one.

use std::{path::Path, time::Duration};

use super::{
    excerpt::excerpt,
    reader::{Field, Reader, Section, Text},
};
use crate::{
    session::RedisSettings,
    store::{RedisAddress, RedisConfig},
};

/// The session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// SQLite in the state folder: sessions survive a restart and a crash.
    File,
    /// The memory of this process: a restart signs everybody out.
    Memory,
    /// Redis or Valkey, shared by several gateways.
    Redis(RedisSettings),
}

/// Reads the store. Every kind of store is listed here.
pub(super) fn read(reader: &Reader, section: Option<&Section<'_>>, folder: &Path) -> Store {
    let field = |name| section.and_then(|section| section.field(name));
    let text = field("store").and_then(|field| reader.text(&field));
    match text.as_ref().map(|text| text.content) {
        Some(address) if RedisAddress::is_meant(address) => {}
        other => {
            let readable = field("store").is_none() || matches!(other, Some("memory" | "file"));
            if readable {
                warn_of_unused(reader, SHARED.into_iter().filter_map(field));
            }
            return match (other, text) {
                (Some("memory"), _) => Store::Memory,
                (Some("file") | None, _) | (_, None) => Store::File,
                (Some(other), Some(text)) => {
                    // An address of another service may hold a password, too.
                    let named =
                        if other.contains('@') { String::new() } else { format!(" \"{}\"", excerpt(other)) };
                    let error = reader.error(&text.span, format!("there is no store{named}"));
                    reader.report(error.help("write `store = \"file\"`, \"memory\", or the address of a Redis: \"redis://host:port\""));
                    Store::File
                }
            };
        }
    }
    let Some(text) = text else { return Store::File };
    let prefix = field("prefix").and_then(|field| prefix(reader, &field));
    let ca = field("store_ca").and_then(|field| reader.path(&field, folder));
    let cache_ttl = reader.duration(field("cache_ttl"), CACHE_TTL);
    let grace = reader.duration_or_none(field("grace"), GRACE);
    let Some(address) = address(reader, &text) else { return Store::File };
    if let Some(field) = field("store_ca").filter(|_| !address.is_tls()) {
        let warning = reader.warning(&field.key, "`store_ca` has no effect on a connection without TLS");
        reader.report(warning.help("write `rediss://` in `store`, or leave `store_ca` out"));
    }
    let server = RedisConfig { address, ca, prefix: prefix.unwrap_or_else(|| PREFIX.to_owned()) };
    Store::Redis(RedisSettings { server, cache_ttl, grace })
}

/// The address may hold a password, so no message repeats it.
fn address(reader: &Reader, text: &Text<'_>) -> Option<RedisAddress> {
    match RedisAddress::parse(text.content) {
        Ok(address) => {
            // Mallory, on the network between the two, writes herself a session of an administrator.
            if address.is_exposed() {
                let warning = reader
                    .warning(&text.span, "this Redis is on another machine and not protected by TLS")
                    .help("a machine on the way can read and change sessions, and sign in as any user: use `rediss://`, or a network without other machines");
                reader.report(warning);
            }
            Some(address)
        }
        Err(wrong) => {
            reader.report(reader.error(&text.span, wrong.problem).help(wrong.help));
            None
        }
    }
}

/// The prefix becomes part of names in Redis, in braces.
fn prefix(reader: &Reader, field: &Field<'_>) -> Option<String> {
    let text = reader.text(field)?;
    let fits = !text.content.is_empty()
        && text.content.len() <= 64
        && text.content.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    if !fits {
        let error = reader.error(&text.span, format!("`prefix` cannot be \"{}\"", excerpt(text.content)));
        reader.report(error.help("up to 64 letters, digits, `-`, `_`, `.` and `:`"));
    }
    fits.then(|| text.content.to_owned())
}

fn warn_of_unused<'d>(reader: &Reader, fields: impl Iterator<Item = Field<'d>>) {
    for field in fields {
        let warning = reader.warning(&field.key, format!("`{}` is for a store in Redis", field.name));
        reader.report(warning.help("leave it out, or write `store = \"redis://host:port\"`"));
    }
}

const SHARED: [&str; 4] = ["store_ca", "prefix", "cache_ttl", "grace"];
const PREFIX: &str = "portcullis";
const CACHE_TTL: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_mins(5);
