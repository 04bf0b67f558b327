//! Forms that their sender may not send yet: kept by the portal until the sender has signed in.

use std::pin::pin;

use http::{Method, Response, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, Limited};

use super::{Result, Walk, form_body::FormBody, identify::Caller, response_body::Content};
use crate::{
    access::App,
    portal::{InterruptedRequest, Prerequisite, SentForm},
    refusal::{Refusal, Representation},
    shield::{Senders, Sent},
};

impl Walk<'_> {
    /// Sends a person to the page that a refusal asks for. If the request is a form that the shield would have let pass, it is
    /// kept, and offered to the same person afterwards.
    pub(super) async fn lead_to_keeping_form(
        &mut self,
        refusal: Refusal,
        app: &App,
        caller: &Caller,
    ) -> Result<Response<Content>> {
        match self.kept_form(&refusal, app, caller).await {
            Some(response) => Ok(response.map(Content::Own)),
            None => self.lead_to(refusal),
        }
    }

    async fn kept_form(
        &mut self,
        refusal: &Refusal,
        app: &App,
        caller: &Caller,
    ) -> Option<Response<http_body_util::Full<bytes::Bytes>>> {
        let prerequisite = match refusal {
            Refusal::SignIn => Prerequisite::SignIn,
            Refusal::Confirm(methods) => Prerequisite::Confirm(*methods),
            _ => return None,
        };
        let (settings, target) = (self.snapshot.app(app.id).ok()?, self.record.target.clone()?);
        let is_form = self.request.method() == Method::POST
            && Representation::of(self.request.method(), self.request.headers()) == Representation::Page;
        if !is_form || !settings.keeps_forms {
            return None;
        }
        let length: u64 = self.request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
        if length > SentForm::MAX_BODY_BYTES {
            return None;
        }
        let (portal, cookies) = (&self.gateway.shared.portal, &self.snapshot.portal.cookies);
        // The form belongs to the session that needs another proof, or to the one that has ended.
        let user = match &caller.account {
            Some(account) => account.user.id,
            None => portal.last_user(self.request.headers(), cookies)?,
        };
        let every_site = Senders::default();
        let sent = Sent {
            method: self.request.method(),
            headers: self.request.headers(),
            authority: &target.authority,
            by_trusted_proxy: self.snapshot.proxies.trusts(self.connection.peer_addr),
        };
        settings.shield.senders.as_ref().unwrap_or(&every_site).judge(&sent).ok()?;
        if !SentForm::can_be_kept(self.request.headers(), target.authority.as_str()) {
            return None;
        }
        // From here on the body is read, within the limits of a form for the portal.
        let body = std::mem::take(self.request.body_mut());
        let body = FormBody::new(body, self.snapshot.bodies, &self.gateway.recorder.counters);
        let most = usize::try_from(SentForm::MAX_BODY_BYTES).ok()?;
        #[expect(clippy::disallowed_methods, reason = "limited")]
        let body = pin!(Limited::new(body, most).collect()).await.ok()?.to_bytes();
        let form = SentForm {
            headers: self.request.headers(),
            host: target.authority.as_str(),
            path_and_query: target.path_and_query().as_str(),
            cookies,
            request_id: self.record.id.as_str(),
        };
        let interrupted = InterruptedRequest {
            method: self.request.method(),
            headers: self.request.headers(),
            host: target.authority.as_str(),
            path_and_query: target.path_and_query().as_str(),
            header_size: self.connection.header_size,
            cookies,
        };
        let parked = portal.park(&form, &interrupted.sent_from(), user, &body).await?;
        Some(interrupted.redirect_to_parked(prerequisite, &parked))
    }
}
