//! The activity of an account.

use serde::Serialize;

use super::display_time::DisplayTime;

/// The activity of an account.
#[derive(Debug, Serialize)]
pub struct ActivityPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The events, newest first.
    pub activities: Vec<ListedActivity>,
}

/// Something that happened to an account.
#[derive(Debug, Serialize)]
pub struct ListedActivity {
    /// The event, in words.
    pub text: String,
    /// When.
    pub at: DisplayTime,
    /// A description of browser and system, if one was there.
    pub device: Option<String>,
    /// The client's address; empty if it is not known.
    pub address: String,
    /// The host; empty if it is not known.
    pub host: String,
}
