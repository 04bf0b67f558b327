//! An application as the start page of the portal host shows it.

/// An application on the start page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppLink {
    /// The title.
    pub title: Box<str>,
    /// A sentence about it; empty if there is none.
    pub description: Box<str>,
    /// Its origin: scheme, host and port.
    pub origin: String,
    /// The path at which it begins.
    pub path: String,
    /// The path of its icon on its own host.
    pub icon: Option<Box<str>>,
}

/// How an app is shown on the start page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppPresentation {
    /// The title; `None`: the app's name.
    pub title: Option<Box<str>>,
    /// A sentence about it; empty if there is none.
    pub description: Box<str>,
    /// The path of its icon on its own host.
    pub icon: Option<Box<str>>,
    /// Whether the start page leaves the app out.
    pub hidden: bool,
}
