//! `users_database.yml` of Authelia: a mapping of names to users.
//!
//! Aliases and anchors, with which a small YAML file becomes a large one, are refused.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{self, Deserializer, MapAccess, Visitor},
};

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(text: &str) -> Result<ForeignUsers, UnreadableImport> {
    if text.len() > MAX_YAML {
        let problem = format!("a YAML file of more than {} MiB is not read; split it", MAX_YAML >> 20);
        return Err(UnreadableImport::line(1, problem));
    }
    let budget = serde_saphyr::budget! { max_aliases: 0, max_anchors: 0, max_depth: 8, max_documents: 1 };
    let options = serde_saphyr::options! { budget: budget };
    let file: File = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        let shown = error.to_string();
        let first = shown.lines().next().unwrap_or_default();
        UnreadableImport::line(line, format!("this is no users file of Authelia: {first}"))
    })?;
    let mut found = ForeignUsers::default();
    for (index, (name, entry)) in file.users.0.into_iter().enumerate() {
        let mut user = ForeignUser::named(FilePosition::Entry(index + 1), name);
        user.password = ForeignPassword::read(entry.password.as_deref().unwrap_or_default());
        user.full_name = entry.displayname.unwrap_or_default();
        user.email = entry.email.unwrap_or_default();
        user.groups = entry.groups;
        user.active = !entry.disabled;
        user.attributes = entry.extra.into_iter().map(|(key, value)| (key, value.0)).collect();
        found.users.push(user);
    }
    Ok(found)
}

#[derive(Deserialize)]
struct File {
    users: Users,
}

/// The users in the order of the file; a name that is there twice is kept twice, and refused later.
struct Users(Vec<(String, Entry)>);

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    displayname: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    /// Attributes that the administrator has defined.
    #[serde(default)]
    extra: BTreeMap<String, Value>,
}

/// A text, a number, or a truth value, as text.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
                Ok(Value(truth.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Users;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of names to users")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Users, A::Error> {
                let mut found = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    if found.len() == MAX_USERS {
                        return Err(de::Error::custom("too many users"));
                    }
                    found.push(entry);
                }
                Ok(Users(found))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Bytes; YAML takes much more memory than it has bytes.
const MAX_YAML: usize = 2 << 20;
