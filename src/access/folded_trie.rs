//! A trie of patterns for each way in which an upstream may compare paths.

use super::{Pattern, trie::Trie};
use crate::request::Folding;

/// Values under patterns as they are written, and as they are when case, a slash at the end, or both are ignored.
#[derive(Clone, Debug)]
pub(super) struct FoldedTrie<T> {
    as_written: Trie<T>,
    case: Trie<T>,
    slash: Trie<T>,
    both: Trie<T>,
    /// True if folding makes a difference to any pattern.
    folds: bool,
}

impl<T: Copy> FoldedTrie<T> {
    pub(super) fn insert(&mut self, pattern: &Pattern, value: T) {
        for folding in Folding::ALL {
            let folded = pattern.folded(folding);
            self.folds |= folded != *pattern;
            self.under_mut(folding).insert(&folded, value);
        }
    }

    /// The trie of the patterns under this folding.
    pub(super) fn under(&self, folding: Folding) -> &Trie<T> {
        match (folding.case, folding.slash) {
            (false, false) => &self.as_written,
            (true, false) => &self.case,
            (false, true) => &self.slash,
            (true, true) => &self.both,
        }
    }

    pub(super) fn folds(&self) -> bool {
        self.folds
    }

    fn under_mut(&mut self, folding: Folding) -> &mut Trie<T> {
        match (folding.case, folding.slash) {
            (false, false) => &mut self.as_written,
            (true, false) => &mut self.case,
            (false, true) => &mut self.slash,
            (true, true) => &mut self.both,
        }
    }
}

impl<T> Default for FoldedTrie<T> {
    fn default() -> Self {
        let [as_written, case, slash, both] = std::array::from_fn(|_| Trie::default());
        Self { as_written, case, slash, both, folds: false }
    }
}
