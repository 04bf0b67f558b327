//! The applications that the user may use.

use serde::Serialize;

/// The applications that the user may use.
#[derive(Debug, Serialize)]
pub struct Apps<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// The applications.
    pub apps: Vec<AppTile<'a>>,
}

/// An application in the list.
#[derive(Debug, Serialize)]
pub struct AppTile<'a> {
    /// Its title.
    pub title: &'a str,
    /// The first letter of the title, in place of an icon.
    pub initial: String,
    /// A sentence about it; empty if there is none.
    pub description: &'a str,
    /// Its address.
    pub href: String,
    /// The address of its icon.
    pub icon: Option<String>,
}
