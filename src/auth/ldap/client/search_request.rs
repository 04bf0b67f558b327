//! A search, and its result.

use super::{Entry, Filter, ServerText};

/// A search (RFC 4511 §4.5.1). Aliases are never followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// Distinguished name of the entry where the search starts; empty for the server's own entry (RootDSE).
    pub base: String,
    /// The entries that are searched.
    pub scope: Scope,
    /// The condition on an entry.
    pub filter: Filter,
    /// Names of the attributes to be sent; `*` is all of users. An empty list asks for no attribute.
    pub attributes: Vec<String>,
    /// Number of entries after which the server stops; 0 for its own limit. The client stops there, too.
    pub size_limit: u32,
    /// Entries that the server sends at a time, 1 to 1,000 (RFC 2696); `None` to ask for all at once.
    pub page_size: Option<u16>,
}

/// The entries that are searched, seen from the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base itself.
    Base,
    /// The entries right below the base.
    OneLevel,
    /// The base and all entries below it.
    Subtree,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// The entries, in no order that means anything.
    pub entries: Vec<Entry>,
    /// Some of the URLs at which the directory says that more can be found. They are never followed.
    pub referrals: Vec<ServerText>,
    /// More entries match than `size_limit`, or the server's own limit, allows.
    pub is_truncated: bool,
}
