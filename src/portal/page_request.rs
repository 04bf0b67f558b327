//! One request for a page of the gateway, as the pages see it.

use std::{error::Error, sync::Arc};

use http::{HeaderMap, Method};

use super::{Settings, form::Form};
use crate::{
    auth::{Entrance, Origin},
    refusal::Refusal,
    request::ClientAddr,
    session::{Presented, cookie},
    users::Account,
};

/// One request for a page of the gateway.
#[derive(Debug)]
pub struct PageRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// What follows `/.gateway/`, without the query: `login`.
    pub page: &'r str,
    /// The query, without its `?`.
    pub query: Option<&'r str>,
    /// All header fields.
    pub headers: &'r HeaderMap,
    /// The site as the browser knows it, with a port if it is not the usual one: `localhost:8443`. Known to be
    /// a host that is served here.
    pub host: &'r str,
    /// How long the head of a request may be.
    pub header_size: usize,
    /// How large a form may be.
    pub max_form_bytes: usize,
    /// Address of the browser.
    pub client_addr: ClientAddr,
    /// As in the access log.
    pub request_id: &'r str,
    /// What the session cookie turned out to be.
    pub presented: &'r Presented,
    /// Whose session it is: only if it is alive and [`Account::identity`] said yes.
    pub account: Option<&'r Arc<Account>>,
    /// The configuration as of this request.
    pub settings: &'r Settings,
}

impl<'r> PageRequest<'r> {
    /// This request as the origin of a credential.
    pub(super) fn origin(&self, entrance: Entrance) -> Origin<'r> {
        Origin {
            entrance,
            client_addr: self.client_addr,
            device: cookie::find(self.headers, self.settings.cookies.device()),
            request_id: self.request_id,
            limits: &self.settings.throttle,
        }
    }

    /// A parameter of the query; empty if it is not there or the query makes no sense.
    pub(super) fn parameter(&self, name: &str) -> String {
        Form::parse(self.query.unwrap_or_default().as_bytes())
            .map(|mut query| query.take(name))
            .unwrap_or_default()
    }

    /// A store did not do its work: the log gets to know which and why, the stranger does not.
    pub(super) fn unavailable(&self, doing: &'static str, error: &dyn Error) -> Refusal {
        let cause = error.source().map(ToString::to_string);
        tracing::error!(request_id = self.request_id, %error, cause, "{doing}");
        Refusal::Unavailable
    }
}
