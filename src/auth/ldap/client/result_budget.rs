//! The memory that one search may take.

/// The memory that is left for the result of a search.
///
/// A message of 1 MiB can hold half a million empty values, each of which costs more in memory than on the wire, so
/// that each piece counts with its own cost.
#[derive(Debug)]
pub(super) struct ResultBudget {
    left: usize,
}

impl ResultBudget {
    pub(super) fn new() -> Self {
        Self { left: MAX_RESULT }
    }

    /// Takes a piece of this length: a name or a value.
    pub(super) fn spend(&mut self, length: usize) -> Result<(), &'static str> {
        let left = length.checked_add(PIECE).and_then(|cost| self.left.checked_sub(cost));
        self.left = left.ok_or("a result has more than 2 MiB")?;
        Ok(())
    }
}

/// The largest result of a search, all its pages together. A thousand entries with some attributes have 500 KiB.
const MAX_RESULT: usize = 2 * 1024 * 1024;
/// Memory that each piece takes beside its bytes.
const PIECE: usize = 48;
