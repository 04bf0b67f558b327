//! `manage.py dumpdata auth` of Django, in JSON: a list of objects, each with its model, key and fields.
//!
//! Users are the objects with a `password` and a name to sign in with, whatever their model is called; groups are those of
//! `auth.group`, which users name by key or by natural key. Permissions are Django's own, for its models: they are counted
//! and left out.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor},
};

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(text: &str) -> Result<ForeignUsers, UnreadableImport> {
    let Bounded(objects): Bounded<Object, { MAX_USERS * 2 }> =
        serde_json::from_str(text).map_err(|error| {
            UnreadableImport::line(error.line() as u64, format!("this is no dump of Django: {error}"))
        })?;
    let groups: BTreeMap<String, String> = objects
        .iter()
        .filter(|object| object.model == "auth.group")
        .filter_map(|object| Some((object.pk.as_ref()?.0.clone(), object.fields.name.clone()?.0)))
        .collect();
    let mut found = ForeignUsers::default();
    let (mut permissions, mut unnamed) = (0, 0);
    for (index, object) in objects.into_iter().enumerate() {
        if object.model == "auth.group" || object.model == "auth.permission" {
            permissions += object.fields.permissions.unwrap_or_default().0;
            continue;
        }
        let Some(password) = object.fields.password.as_ref() else { continue };
        let position = FilePosition::Entry(index + 1);
        // A model of its own may have another field to sign in with.
        let name = object.fields.username.as_ref().or(object.fields.email.as_ref());
        let Some(name) = name.map(|name| name.0.clone()).filter(|name| !name.is_empty()) else {
            unnamed += 1;
            continue;
        };
        permissions += object.fields.user_permissions.as_ref().map_or(0, |count| count.0);
        let mut user = ForeignUser::named(position, name);
        user.password = ForeignPassword::read(&password.0);
        user.full_name = object.fields.full_name();
        user.email = object.fields.email.map(|email| email.0).unwrap_or_default();
        user.active = object.fields.is_active.unwrap_or(true);
        user.superuser = object.fields.is_superuser.unwrap_or(false);
        for group in object.fields.groups.unwrap_or_default().0 {
            match group {
                GroupReference::Natural(names) => {
                    user.groups.extend(names.0.into_iter().next().map(|it| it.0));
                }
                GroupReference::Key(key) => {
                    if let Some(name) = groups.get(&key.0) {
                        user.groups.push(name.clone());
                    } else {
                        let problem = format!(
                            "group {} is not in the file; dump `auth.group` as well, or use --natural-foreign",
                            key.0
                        );
                        return Err(UnreadableImport::Entry { entry: index + 1, problem });
                    }
                }
            }
        }
        found.users.push(user);
    }
    if permissions > 0 {
        found.remarks.push(format!("{permissions} permissions of Django's own models are left out"));
    }
    if unnamed > 0 {
        found.remarks.push(format!(
            "{unnamed} objects with a password but neither user name nor address are left out"
        ));
    }
    Ok(found)
}

#[derive(Deserialize)]
struct Object {
    model: String,
    #[serde(default)]
    pk: Option<Scalar>,
    fields: Fields,
}

/// The fields that users and groups have; those of other models are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    username: Option<Scalar>,
    password: Option<Scalar>,
    email: Option<Scalar>,
    first_name: Option<Scalar>,
    last_name: Option<Scalar>,
    full_name: Option<Scalar>,
    name: Option<Scalar>,
    is_active: Option<bool>,
    is_superuser: Option<bool>,
    groups: Option<Bounded<GroupReference, MAX_GROUPS>>,
    user_permissions: Option<Count>,
    permissions: Option<Count>,
}

impl Fields {
    fn full_name(&self) -> String {
        let text =
            |field: &Option<Scalar>| field.as_ref().map(|text| text.0.trim().to_owned()).unwrap_or_default();
        let parts = [text(&self.first_name), text(&self.last_name)];
        let joined = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
        let others = [text(&self.full_name), text(&self.name)];
        std::iter::once(joined).chain(others).find(|name| !name.is_empty()).unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum GroupReference {
    Key(Scalar),
    Natural(Bounded<Scalar, 4>),
}

/// A text, or a number as text: keys may be either. Anything else is an empty text, for other models have fields of the
/// same names.
#[derive(Clone)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A list of at most `MOST` items.
pub(super) struct Bounded<T, const MOST: usize>(pub(super) Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MOST: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Items<T, MOST> {
            type Value = Bounded<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(item) = items.next_element()? {
                    if found.len() == MOST {
                        return Err(de::Error::invalid_length(MOST + 1, &self));
                    }
                    found.push(item);
                }
                Ok(Bounded(found))
            }
        }
        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}

/// The length of a list, whose items are not kept.
#[derive(Clone, Copy, Default)]
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counted;
        impl<'de> Visitor<'de> for Counted {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counted)
    }
}

const MAX_GROUPS: usize = 1000;
