//! The user's API tokens.

use std::fmt;

use serde::Serialize;

use super::display_time::DisplayTime;

/// The user's API tokens, and the form for a new one.
#[derive(Serialize)]
pub struct Tokens<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// A token that was just made, with its secret.
    pub made: Option<&'a str>,
    /// The tokens.
    pub tokens: Vec<ListedToken>,
    /// The lifetime that is offered, in days.
    pub days: u64,
    /// The longest lifetime in days.
    pub max_days: u64,
    /// Whether the new token may count as two factors.
    pub offers_multi_factor: bool,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
}

/// Shows nothing of a new token.
impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// A token of the list.
#[derive(Debug, Serialize)]
pub struct ListedToken {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scope; empty if it has none.
    pub scope: String,
    /// The networks from which it may be used; empty: everywhere.
    pub networks: Vec<String>,
    /// When it was made.
    pub created: DisplayTime,
    /// When it ends.
    pub expires: DisplayTime,
    /// Whether it has ended.
    pub has_ended: bool,
    /// When it was last used.
    pub last_used: Option<DisplayTime>,
    /// Whether it counts as two factors.
    pub multi_factor: bool,
}
