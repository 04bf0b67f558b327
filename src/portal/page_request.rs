//! One request for a page of the gateway, as the pages see it.

use std::{error::Error, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::SET_COOKIE};

use super::{AppLink, PageResponse, ReturnTo, Settings, form::Form};
use crate::{
    auth::{Entrance, Origin},
    error_chain::ErrorChain,
    language::{Language, Text},
    pages::{Page, paths},
    refusal::Refusal,
    request::{ClientAddr, Ports},
    session::{Presented, cookie},
    users::Account,
};

/// One request for a page of the gateway.
#[derive(Debug)]
pub struct PageRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// The rest of the path after `/.gateway/`, without the query: `login`.
    pub page: &'r str,
    /// The query, without its `?`.
    pub query: Option<&'r str>,
    /// All header fields.
    pub headers: &'r HeaderMap,
    /// The site as the browser knows it, with a port if it is not the default: `localhost:8443`. The gateway serves
    /// this host.
    pub host: &'r str,
    /// The ports at which browsers reach the gateway.
    pub ports: Ports,
    /// Maximum size of a request head in bytes.
    pub header_size: usize,
    /// Maximum size of a form in bytes.
    pub max_form_bytes: usize,
    /// Address of the browser.
    pub client_addr: ClientAddr,
    /// As in the access log.
    pub request_id: &'r str,
    /// The session that the session cookie names.
    pub presented: &'r Presented,
    /// The user of the session, if it is alive and [`Account::identity`] gave an identity.
    pub account: Option<&'r Arc<Account>>,
    /// The applications that the user may use, for the page that lists them; empty for every other page.
    pub apps: &'r [AppLink],
    /// The language of the page.
    pub language: &'r Language,
    /// The configuration as of this request.
    pub settings: &'r Settings,
}

impl<'r> PageRequest<'r> {
    /// The request as the origin of a credential.
    pub(super) fn origin(&self, entrance: Entrance) -> Origin<'r> {
        Origin {
            entrance,
            client_addr: self.client_addr,
            device: cookie::find(self.headers, self.settings.cookies.device()),
            request_id: self.request_id,
            backends: &self.settings.backends,
            limits: &self.settings.throttle,
        }
    }

    /// A parameter of the query; empty if it is missing or the query can't be read.
    pub(super) fn parameter(&self, name: &str) -> String {
        Form::parse(self.query.unwrap_or_default().as_bytes())
            .map(|mut query| query.take(name))
            .unwrap_or_default()
    }

    /// The address of this request, to come back to.
    pub(super) fn address(&self) -> ReturnTo {
        let query = self.query.map(|query| format!("?{query}")).unwrap_or_default();
        ReturnTo::parse(&format!("{}{}{query}", paths::ROOT, self.page))
    }

    /// A page in the language of this request.
    pub(super) fn render(&self, status: StatusCode, page: &Page<'_>) -> PageResponse {
        self.settings.pages.render(status, page, self.language)
    }

    /// A page with a form, and the cookie that binds the form to a browser that has none yet.
    pub(super) fn render_form(
        &self,
        status: StatusCode,
        page: &Page<'_>,
        cookie: Option<HeaderValue>,
    ) -> PageResponse {
        let mut response = self.render(status, page);
        if let Some(cookie) = cookie {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    /// A text in the language of this request.
    pub(super) fn say(&self, text: &Text) -> String {
        self.language.say(text)
    }

    /// Logs the error of a store, which may name files, and gives the refusal that a stranger may see.
    pub(super) fn unavailable(&self, doing: &'static str, error: &dyn Error) -> Refusal {
        tracing::error!(request_id = self.request_id, error = %ErrorChain(error), "{doing} failed");
        Refusal::Unavailable
    }
}
