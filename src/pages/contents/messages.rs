//! Pages that only say something: a notice, a refusal.

use serde::Serialize;

/// A message with one way to go on.
#[derive(Debug, Serialize)]
pub struct Notice<'a> {
    /// The event, in a few words.
    pub title: &'a str,
    /// The message.
    pub text: &'a str,
    /// The way to go on.
    pub page_link: PageLink<'a>,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub struct Refused<'a> {
    /// The status code.
    pub status: u16,
    /// The title: what happened, in a few words.
    pub title: &'a str,
    /// An explanation, with advice where there is any.
    pub detail: &'a str,
    /// The id of the request, for an administrator.
    pub request_id: &'a str,
    /// A page of the gateway to go on to.
    pub page_link: Option<PageLink<'a>>,
    /// Whether the page links to the account and to the sign-out page.
    pub offers_account: bool,
    /// The address that the request should have used.
    pub link: Option<&'a str>,
    /// Whether the page is in a frame, which its links have to leave.
    pub is_framed: bool,
}

/// A link to another page of the gateway.
#[derive(Debug, Serialize)]
pub struct PageLink<'a> {
    /// Its address.
    pub href: &'a str,
    /// Its text.
    pub text: &'a str,
}
