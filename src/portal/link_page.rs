//! The pages that one-time links lead to.
//!
//! A link brings its secret in the query. The page moves it into a cookie and sends the browser on to the same address
//! without it, so that it stands in no history and in no `Referer`. The page then shows a button or a form; only that uses
//! the link up, so that a scanner of a mail server, which opens each link once, uses none.

use std::time::Duration;

use http::{
    HeaderMap, Method, StatusCode,
    header::{REFERRER_POLICY, SET_COOKIE},
};

use super::{PageRequest, PageResponse, Portal};
use crate::{
    language::Text,
    pages::{self, Notice, Page, PageLink, paths},
    refusal::Refusal,
    session::cookie::{self, Keep},
    users::{DirectoryError, Link, LinkPurpose, LinkToken},
};

impl PageRequest<'_> {
    /// The redirect of a browser that comes with the secret of a link in its address; the secret is in a cookie then.
    pub(super) fn arrival_by_link(&self) -> Option<PageResponse> {
        if !matches!(*self.method, Method::GET | Method::HEAD) {
            return None;
        }
        let presented = self.parameter("token");
        if presented.is_empty() {
            return None;
        }
        let mut response = pages::redirect(&format!("{}{}", paths::ROOT, self.page));
        response.headers_mut().insert(REFERRER_POLICY, pages::NO_REFERRER);
        // A secret that cannot be one leads to the page that says so.
        let token = LinkToken::parse(presented.as_bytes());
        match token {
            Some(token) => self.keep_link(&token, response.headers_mut()),
            None => self.forget_link(response.headers_mut()),
        }
        Some(response)
    }

    /// The secret of the link that this browser has opened.
    pub(super) fn opened_link(&self) -> Option<LinkToken> {
        cookie::find(self.headers, self.settings.cookies.link()).and_then(LinkToken::parse)
    }

    /// Keeps the secret of a link in the browser.
    pub(super) fn keep_link(&self, token: &LinkToken, headers: &mut HeaderMap) {
        let cookie = cookie::write(self.settings.cookies.link(), &token.to_text(), Keep::For(KEPT));
        headers.append(SET_COOKIE, cookie);
    }

    /// Removes the secret from the browser.
    pub(super) fn forget_link(&self, headers: &mut HeaderMap) {
        headers.append(SET_COOKIE, cookie::write(self.settings.cookies.link(), "", Keep::Forget));
    }

    /// The page for a link that does nothing, with the way to a new one.
    pub(super) fn void_link(&self, purpose: LinkPurpose) -> PageResponse {
        let (text, href, link) = match purpose {
            LinkPurpose::Reset => (Text::of("link-void"), paths::RESET, Text::of("forgotten-password")),
            LinkPurpose::Registration => {
                (Text::of("link-void"), paths::REGISTER, Text::of("register-heading"))
            }
            LinkPurpose::EmailChange => (Text::of("link-void"), paths::EMAIL, Text::of("email-heading")),
            LinkPurpose::Invitation => {
                (Text::of("link-void-invitation"), paths::LOGIN, Text::of("back-to-sign-in"))
            }
            LinkPurpose::EmailUndo => (Text::of("link-void"), paths::LOGIN, Text::of("back-to-sign-in")),
        };
        let mut response =
            self.notice(StatusCode::GONE, (&Text::of("link-void-title"), &text), (href, &link));
        self.forget_link(response.headers_mut());
        response
    }

    /// A page with a message and one way to go on.
    pub(super) fn notice(
        &self,
        status: StatusCode,
        (title, text): (&Text, &Text),
        (href, link): (&str, &Text),
    ) -> PageResponse {
        let (title, text, link) = (self.say(title), self.say(text), self.say(link));
        let page_link = PageLink { href, text: &link };
        self.render(status, &Page::Notice(Notice { title: &title, text: &text, page_link }))
    }

    /// The refusal while users cannot be read or written; the error is logged.
    pub(super) fn directory_failed(&self, doing: &'static str, error: &DirectoryError) -> Refusal {
        match error {
            DirectoryError::Busy => Refusal::TooBusy { retry_after: DIRECTORY_RETRY },
            error => self.unavailable(doing, error),
        }
    }
}

impl Portal {
    /// The link that the browser has opened, with its secret, if it is not void.
    pub(super) async fn valid_link(
        &self,
        request: &PageRequest<'_>,
        purpose: LinkPurpose,
    ) -> Result<Option<(LinkToken, Link)>, Refusal> {
        let Some(token) = request.opened_link() else { return Ok(None) };
        let found = self.sign_in.directory().link_at(token.key(), purpose).await;
        let found = found.map_err(|error| request.directory_failed("finding a link", &error))?;
        Ok(found.map(|link| (token, link)))
    }
}

/// How long the browser keeps the secret of a link, which may be void earlier.
const KEPT: Duration = Duration::from_hours(1);
/// The queue of the directory is worked off long before.
const DIRECTORY_RETRY: Duration = Duration::from_secs(1);
