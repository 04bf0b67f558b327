//! Signed fields that a worker has sent, so that a signature is made once in a few minutes and not for each request.
//!
//! Each worker has a cache of its own, without a lock. An entry is found by the session and the user that the request was
//! identified by, and by the app; it counts only if the account, the proofs, the app's settings and the signing key are the
//! very ones that it was signed for. Alice's assertion cannot go out with a request of Bob's: his session and his account are
//! others. A change of her groups makes another [`Account`], a confirmation other proofs, a reload other settings; each
//! needs a new signature.
//!
//! The cache is no memory of who somebody is: it is asked after a request has been identified, never before.

use std::{cell::RefCell, collections::HashMap, fmt, rc::Rc, sync::Arc};

use http::{HeaderName, HeaderValue};

use super::{key::AssertionKey, settings::AssertionSettings};
use crate::{
    clock::Timestamp,
    identity::{Proofs, UserId},
    session::SessionKey,
    users::Account,
};

/// The cache of one worker.
#[derive(Default)]
pub struct AssertionCache(RefCell<Generations>);

/// Entries live in the younger map and die with the older one, which bounds both memory and work.
#[derive(Default)]
struct Generations {
    young: HashMap<EntryKey, Entry>,
    old: HashMap<EntryKey, Entry>,
    young_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EntryKey {
    pub(super) session: Option<SessionKey>,
    pub(super) user: UserId,
    /// The number of the app.
    pub(super) app: usize,
}

/// All that an entry was signed for, beside its key.
#[derive(Clone)]
pub(super) struct Basis {
    pub(super) account: Arc<Account>,
    pub(super) proofs: Proofs,
    pub(super) settings: Arc<AssertionSettings>,
    pub(super) key: Arc<AssertionKey>,
}

/// The header fields with an assertion.
pub type AssertionFields = Rc<[(HeaderName, HeaderValue)]>;

struct Entry {
    basis: Basis,
    made: Timestamp,
    fields: AssertionFields,
}

impl AssertionCache {
    /// The fields that were signed for exactly this, not too long ago.
    pub(super) fn find(&self, key: &EntryKey, basis: &Basis, now: Timestamp) -> Option<AssertionFields> {
        let generations = self.0.borrow();
        let entry = generations.young.get(key).or_else(|| generations.old.get(key))?;
        // A clock that was set back makes a new one.
        let is_fresh = entry.made <= now && now.since(entry.made) < super::claims::LIFETIME / 2;
        (is_fresh && entry.basis.is(basis)).then(|| Rc::clone(&entry.fields))
    }

    pub(super) fn insert(&self, key: EntryKey, basis: Basis, fields: &AssertionFields, now: Timestamp) {
        let mut generations = self.0.borrow_mut();
        let bytes = fields.iter().map(|(_, value)| value.len()).sum::<usize>() + ENTRY_BYTES;
        if generations.young_bytes + bytes > MAX_BYTES {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        generations.young_bytes += bytes;
        generations.young.insert(key, Entry { basis, made: now, fields: Rc::clone(fields) });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.0.borrow();
        generations.young.len() + generations.old.len()
    }
}

impl Basis {
    /// An entry holds its `Arc`s, so that no other value can be at their addresses.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.account, &other.account)
            && Arc::ptr_eq(&self.settings, &other.settings)
            && Arc::ptr_eq(&self.key, &other.key)
            && self.proofs == other.proofs
    }
}

/// The assertions are left out: a reader of the log could pass for a user at an app with one.
impl fmt::Debug for AssertionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionCache").finish_non_exhaustive()
    }
}

/// Maximum number of entries of each of the two maps, for one worker.
const MAX_BYTES: usize = 4 << 20;
const ENTRY_BYTES: usize = 512;
