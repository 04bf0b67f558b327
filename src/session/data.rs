//! The data that applications store in a session: pairs of text, separate for each app.
//!
//! A change is applied whole or not at all, and the data of an app never grows beyond [`MAX_DATA_BYTES`]. Reading a change
//! from header fields is left to `data_form`.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

/// The pairs of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppData(BTreeMap<Box<str>, Box<str>>);

/// The pairs of all apps of a session, by the app's name.
pub type SessionData = BTreeMap<Arc<str>, AppData>;

/// The changes that an app asks for in one response.
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
    /// The data of the app would be larger than 4 KiB.
    #[error("an app may keep at most {MAX_DATA_BYTES} bytes in a session, as they stand in the header")]
    TooLarge,
}

/// Applies a change of one app to the data of a session, whole or not at all; returns the app's data after it.
pub fn change_app(data: &mut SessionData, app: Arc<str>, change: DataChange) -> Result<AppData, DataRefused> {
    let changed = data.get(&app).cloned().unwrap_or_default().with(change)?;
    if changed.is_empty() {
        data.remove(&app);
    } else {
        data.insert(app, changed.clone());
    }
    Ok(changed)
}

impl AppData {
    /// Whether there are no pairs.
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
        if self.encoded_bytes() > MAX_DATA_BYTES { Err(DataRefused::TooLarge) } else { Ok(self) }
    }

    /// The length of [`AppData::encode`].
    fn encoded_bytes(&self) -> usize {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum::<usize>();
        let pairs = self.pairs().map(|(key, value)| encoded(key) + 1 + encoded(value));
        pairs.sum::<usize>() + self.0.len().saturating_sub(1)
    }

    /// The pairs as `application/x-www-form-urlencoded`, in which the app receives them.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }
}

impl FromIterator<(Box<str>, Box<str>)> for AppData {
    fn from_iter<T: IntoIterator<Item = (Box<str>, Box<str>)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The largest data of one app, encoded. Many servers refuse a header field of more than 8 KiB: an app that could store
/// more would lock its own users out.
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

    #[test]
    fn the_limit_of_data_counts_encoded_bytes() {
        let with = |pairs: &[(&str, &str)]| AppData::default().with(change(pairs, &[]));
        let full = with(&[("a", &"x".repeat(2046)), ("b", &"y".repeat(2045))]).unwrap();
        assert_eq!(full.encode().len(), MAX_DATA_BYTES);
        assert_eq!(with(&[("a", &"x".repeat(2046)), ("b", &"y".repeat(2046))]), Err(DataRefused::TooLarge));
        assert_eq!(with(&[("a", &"ä".repeat(700))]), Err(DataRefused::TooLarge), "six bytes each");
    }

    #[test]
    fn a_change_of_one_app_leaves_the_data_of_others() {
        let mut data = SessionData::new();
        change_app(&mut data, "wiki".into(), change(&[("a", "1")], &[])).unwrap();
        change_app(&mut data, "shop".into(), change(&[("a", "2")], &["a"])).unwrap();
        assert_eq!(data.get("wiki").unwrap().encode(), "a=1");
        change_app(&mut data, "shop".into(), change(&[], &["a"])).unwrap();
        assert_eq!(data.len(), 1, "who keeps nothing leaves nothing");
    }
}
