//! The keys at a time: which one signs, and which ones are published.
//!
//! A verifier keeps the published keys for [`MAX_AGE`]. A new key is therefore published for [`LEAD`] before it signs, and a
//! former one for [`KEPT`] after the last assertion under it has ended. Gateways that share the files and whose clocks
//! differ by less than [`LEAD`] minus [`MAX_AGE`] never sign with a key that a verifier cannot know.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::key::AssertionKey;
use crate::clock::Timestamp;

/// For how long a verifier may keep the published keys.
pub const MAX_AGE: Duration = Duration::from_mins(5);
/// For how long a key is published before it signs.
pub(super) const LEAD: Duration = Duration::from_mins(15);
/// For how long a key is published after its successor signs.
pub(super) const KEPT: Duration = Duration::from_hours(1);

/// Keys in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet(Vec<Arc<AssertionKey>>);

impl KeySet {
    pub(super) fn new(mut keys: Vec<Arc<AssertionKey>>) -> Self {
        keys.sort_by_key(|key| key.number);
        Self(keys)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<AssertionKey>> {
        self.0.iter()
    }

    /// The key with this number.
    pub(super) fn numbered(&self, number: u64) -> Option<&Arc<AssertionKey>> {
        self.0.iter().find(|key| key.number == number)
    }

    pub(super) fn newest(&self) -> Option<&Arc<AssertionKey>> {
        self.0.last()
    }

    /// The key that signs: the newest one that was published for long enough; the first one if there is none yet.
    pub(super) fn signing(&self, now: Timestamp) -> Option<&Arc<AssertionKey>> {
        let is_known = |key: &&Arc<AssertionKey>| now >= key.created + LEAD;
        self.0.iter().rev().find(is_known).or_else(|| self.0.first())
    }

    /// Whether a verifier may still need this key.
    pub(super) fn is_published(&self, key: &AssertionKey, now: Timestamp) -> bool {
        let successor =
            self.0.iter().filter(|other| other.number > key.number).map(|other| other.created).min();
        successor.is_none_or(|created| now < created + LEAD + KEPT)
    }

    /// The public keys (RFC 7517 §5).
    pub(super) fn jwks(&self, now: Timestamp) -> Value {
        let keys: Vec<Value> =
            self.0.iter().filter(|key| self.is_published(key, now)).map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }
}
