//! The way of a request to its page.
//!
//! Requests enter at [`Portal::respond`]. It finds the page in the [table](super::page_table), refuses methods that the page
//! does not have, and checks who may use the page and who may send its form, all before it reads a byte of the body. GET and
//! HEAD change nothing but the cookies of the form and of the flash message.

use std::error::Error;

use bytes::Bytes;
use http::{Method, Response};
use http_body::Body;
use http_body_util::Full;

use super::{
    InterruptedRequest, PageRequest, PageResponse, Portal, Prerequisite, form::Form, host_role::HostRole,
    own_path::page_in, page_table::PortalPage,
};
use crate::{
    pages::paths,
    refusal::{Refusal, Representation},
};

/// Whether a request is worked off to its end, also if its client disconnects: it may change an account.
///
/// The notice to the owner, the record in the audit stream and the end of sessions come after the change. Mallory, who is
/// signed in as Alice, could disconnect as soon as the change is on its way to the database, and nobody would hear of it.
pub fn is_worked_off(method: &Method, path: &str) -> bool {
    page_in(path).and_then(PortalPage::at).is_some_and(|page| page.is_worked_off(method))
}

impl Portal {
    /// Responds to a request for a page of the gateway. The body is read for a POST only, within bounds.
    pub async fn respond<B>(&self, request: PageRequest<'_>, body: B) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let wants = Representation::of(request.method, request.headers);
        let refusal = match self.page(&request, body).await {
            Ok(response) if wants == Representation::Frame && response.status().is_success() => {
                Refusal::Framed
            }
            Ok(response) => return response,
            Err(refusal) => refusal,
        };
        let pages = &request.settings.pages;
        let path = format!("{}{}", paths::ROOT, request.page);
        if wants == Representation::Frame && matches!(refusal, Refusal::Framed | Refusal::SignIn) {
            let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
            let to = format!("{path}{query}");
            return refusal.respond_leading_to(
                Some(&to),
                wants,
                request.request_id,
                (pages, request.headers),
            );
        }
        if refusal == Refusal::SignIn && wants == Representation::Page {
            return InterruptedRequest::at_page(&request, &path).redirect(Prerequisite::SignIn);
        }
        refusal.respond(wants, request.request_id, pages, request.headers)
    }

    async fn page<B>(&self, request: &PageRequest<'_>, body: B) -> Result<PageResponse, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if let HostRole::App(portal) = request.host_role()
            && let Some(response) = self.on_app_host(request, portal).await
        {
            return response;
        }
        let page = PortalPage::at(request.page).ok_or(Refusal::NotFound)?;
        let is_form = page.takes_form(request.method)?;
        page.who.check(request)?;
        match &page.post {
            Some(post) if is_form && post.sender.check(self, request) => {
                let form = Form::read(request.headers, body, request.max_form_bytes).await?;
                (post.submit)(self, request, form).await
            }
            _ => page.get.ok_or(Refusal::SignIn)?(self, request).await,
        }
    }
}
