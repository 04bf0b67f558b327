//! Pages of a sign-in through a provider.

use serde::Serialize;

use super::messages::PageLink;

/// The button of a provider.
#[derive(Debug, Serialize)]
pub struct ProviderLink<'a> {
    /// The address that leads there.
    pub href: String,
    /// The provider's title.
    pub title: &'a str,
}

/// The way to a provider.
#[derive(Debug, Serialize)]
pub struct Onward<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The provider's title.
    pub title: &'a str,
    /// The address at the provider.
    pub address: &'a str,
}

/// A sign-in through a provider that did not succeed.
#[derive(Debug, Serialize)]
pub struct NotSignedIn<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The event, in a few words.
    pub title: &'a str,
    /// An explanation, with advice where there is any.
    pub detail: &'a str,
    /// The same sign-in once more, where that may help.
    pub again: Option<PageLink<'a>>,
    /// The same provider with another account.
    pub another: Option<PageLink<'a>>,
    /// The sign-in page.
    pub login: PageLink<'a>,
    /// The id of the request, for an administrator.
    pub request_id: &'a str,
}
