//! What applications keep in a session: pairs of text, each app its own.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// The pairs of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppData(BTreeMap<Box<str>, Box<str>>);

/// The pairs of all apps of a session, by the app's name.
pub type SessionData = BTreeMap<Arc<str>, AppData>;

/// What an app asks to be changed, in one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataChange {
    /// Pairs to set; a later one of the same key wins.
    pub set: Vec<(Box<str>, Box<str>)>,
    /// Keys to delete; done first.
    pub delete: Vec<Box<str>>,
}

/// Why a change was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataRefused {
    /// The app would keep more than 4 KiB.
    #[error("an app may keep at most {MAX_DATA_BYTES} bytes in a session")]
    TooLarge,
}

impl AppData {
    /// Whether the app keeps nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, sorted by key.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// With this change applied, whole or not at all.
    pub fn with(mut self, change: DataChange) -> Result<Self, DataRefused> {
        for key in change.delete {
            self.0.remove(&key);
        }
        self.0.extend(change.set);
        let bytes: usize = self.0.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes > MAX_DATA_BYTES { Err(DataRefused::TooLarge) } else { Ok(self) }
    }

    /// `application/x-www-form-urlencoded`: what the app receives.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }
}

impl FromIterator<(Box<str>, Box<str>)> for AppData {
    fn from_iter<T: IntoIterator<Item = (Box<str>, Box<str>)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Keys and values of one app together.
pub const MAX_DATA_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn change(set: &[(&str, &str)], delete: &[&str]) -> DataChange {
        DataChange {
            set: set.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            delete: delete.iter().map(|key| (*key).into()).collect(),
        }
    }

    #[test]
    fn a_change_applies_whole_or_not_at_all() {
        let data = AppData::default().with(change(&[("a", "1"), ("b", "x y&ä"), ("a", "2")], &[])).unwrap();
        assert_eq!(data.encode(), "a=2&b=x+y%26%C3%A4");
        let data = data.with(change(&[("c", "3")], &["b", "none"])).unwrap();
        assert_eq!(data.encode(), "a=2&c=3");
        let large = "x".repeat(MAX_DATA_BYTES);
        assert_eq!(data.clone().with(change(&[("d", &large)], &["a"])), Err(DataRefused::TooLarge));
        assert!(data.with(change(&[], &["a", "c"])).unwrap().is_empty());
    }
}
