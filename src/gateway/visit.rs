//! Visits of the gateway's own pages, and the way to them from an app.

use http::{Method, Request, Response};

use super::{Gateway, Result, Walk, form_body::FormBody, identify::Caller, response_body::Content};
use crate::{
    access::{Decision, decide},
    portal::{self, AppLink, InterruptedRequest, PageRequest, Prerequisite},
    refusal::{Refusal, Representation},
    request::{RequestBody, Target},
};

impl Gateway {
    /// Whether a request has to be worked off to its end, also if its client disconnects: it may change an account.
    pub fn is_worked_off(request: &Request<RequestBody>) -> bool {
        portal::is_worked_off(request.method(), request.uri().path())
    }
}

impl Walk<'_> {
    /// The response of a page of the portal.
    pub(super) async fn visit(
        &mut self,
        page: &str,
        target: &Target,
        caller: &Caller,
    ) -> Result<Response<Content>> {
        // Ending a session that cannot be found would only look like it.
        if caller.is_unknown {
            return Err(Refusal::Unavailable);
        }
        // No credential but a session of a browser opens them.
        if !caller.carrier.opens_pages() {
            return Err(Refusal::Forbidden);
        }
        let apps = if page == portal::APPS_PAGE { self.permitted_apps(target, caller)? } else { Vec::new() };
        let body = std::mem::take(self.request.body_mut());
        let body = FormBody::new(body, self.snapshot.bodies, &self.gateway.recorder.counters);
        let expansion = if self.snapshot.portal.portal_host.is_some() { 5 } else { 3 };
        let page_request = PageRequest {
            method: self.request.method(),
            page,
            query: target.path_and_query().query(),
            headers: self.request.headers(),
            host: target.authority.as_str(),
            ports: self.connection.ports,
            header_size: self.connection.header_size,
            // An address to go back to, of which each byte may take three, or five on the way through the portal host, and
            // the other fields.
            max_form_bytes: MAX_FIELD_BYTES + expansion * self.connection.uri_length,
            client_addr: target.client_addr,
            request_id: self.record.id.as_str(),
            presented: &caller.presented,
            account: caller.account.as_ref(),
            apps: &apps,
            language: self.snapshot.portal.pages.language_for(self.request.headers()),
            settings: &self.snapshot.portal,
        };
        Ok(self.gateway.shared.portal.respond(page_request, body).await.map(Content::Own))
    }

    /// The applications that the sender may use, by their rules: each app that is not hidden and at whose beginning a GET
    /// is allowed, or would be after a confirmation.
    fn permitted_apps(&self, target: &Target, caller: &Caller) -> Result<Vec<AppLink>> {
        let policy = &self.snapshot.policy;
        let mut links = Vec::new();
        for app in policy.apps() {
            let settings = self.snapshot.app(app.id)?;
            let Some(host) = app.hosts.first().filter(|_| !settings.presentation.hidden) else { continue };
            let port = target.authority.port_text().map(|port| format!(":{port}")).unwrap_or_default();
            let origin = format!("https://{host}{port}");
            let path = format!("{}/", app.mount.as_str().trim_end_matches('/'));
            let Ok(root) = Target::described(&Method::GET, &format!("{origin}{path}"), target.client_addr)
            else {
                continue;
            };
            let (identity, now) = (caller.identity.clone(), self.record.time);
            if let Decision::Allow(_) | Decision::StepUp(_) =
                decide(policy, app, identity, &caller.proofs, now, root)
            {
                let presentation = &settings.presentation;
                links.push(AppLink {
                    title: presentation.title.clone().unwrap_or_else(|| app.name.clone()),
                    description: presentation.description.clone(),
                    origin,
                    path,
                    icon: presentation.icon.clone(),
                });
            }
        }
        Ok(links)
    }

    /// Sends a person to the page that a refusal asks for. In a frame the response is a page with a link: the portal's
    /// page has a form, which no frame may show.
    pub(super) fn lead_to(&self, refusal: Refusal) -> Result<Response<Content>> {
        let (method, headers) = (self.request.method(), self.request.headers());
        let target = self.record.target.as_ref().ok_or(Refusal::Internal)?;
        let interrupted = InterruptedRequest {
            method,
            headers,
            host: target.authority.as_str(),
            path_and_query: target.path_and_query().as_str(),
            header_size: self.connection.header_size,
            cookies: &self.snapshot.portal.cookies,
        };
        let prerequisite = match refusal {
            Refusal::Confirm(methods) => Prerequisite::Confirm(methods),
            _ => Prerequisite::SignIn,
        };
        let wants = Representation::of(method, headers);
        let response = match wants {
            Representation::Problem => return Err(refusal),
            Representation::Page => interrupted.redirect(prerequisite),
            Representation::Frame => {
                let page = interrupted.location(prerequisite);
                let pages = &self.snapshot.portal.pages;
                refusal.respond_leading_to(Some(&page), wants, self.record.id.as_str(), (pages, headers))
            }
        };
        Ok(response.map(Content::Own))
    }
}

/// Maximum size of the fields of a form (names, passwords) without the address to go back to.
const MAX_FIELD_BYTES: usize = 16 * 1024;
