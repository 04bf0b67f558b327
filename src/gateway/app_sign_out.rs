//! An app's own sign-out ends the gateway's session, too.
//!
//! Otherwise the next person at the desk opens the app and is Alice again: the app has forgotten her, and the gateway names
//! her in the next request.
//!
//! Another site could make Alice's browser follow a link to the sign-out. The app receives such a request as any other, and
//! the gateway's session goes on: it ends for a request that the site itself has sent, whatever its method.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, StatusCode, header::SET_COOKIE};

use super::{Result, Walk, identify::Caller};
use crate::{
    access::AppId,
    error_chain::ErrorChain,
    refusal::Refusal,
    request::Target,
    session::{
        Presented, Session,
        cookie::{self, Keep},
    },
    shield::{Senders, Sent},
};

impl Walk<'_> {
    /// The session that this request ends if the app carries it out.
    pub(super) fn session_to_end(
        &self,
        app: AppId,
        target: &Target,
        caller: Option<&Caller>,
    ) -> Result<Option<Arc<Session>>> {
        let settings = self.snapshot.app(app)?;
        let is_sign_out = settings.sign_out.as_deref() == Some(target.path.as_str())
            && matches!(*self.request.method(), Method::GET | Method::POST);
        let Some(Presented::Alive(session)) = caller.filter(|_| is_sign_out).map(|caller| &caller.presented)
        else {
            return Ok(None);
        };
        let headers = self.request.headers();
        // A browser that looks ahead has signed nobody out.
        let is_ahead = headers.contains_key(SEC_PURPOSE) || headers.contains_key(PURPOSE);
        let (strict, sent) = (
            Senders::default(),
            Sent {
                method: &Method::POST,
                headers,
                authority: &target.authority,
                by_trusted_proxy: self.snapshot.proxies.trusts(self.connection.peer_addr),
            },
        );
        let senders = settings.shield.senders.as_ref().unwrap_or(&strict);
        let is_meant = session.owner.user().is_some() && !is_ahead && senders.judge(&sent).is_ok();
        Ok(is_meant.then(|| Arc::clone(session)))
    }

    /// Ends the session after the app has responded, unless the app has refused. When the response leaves, no request
    /// finds the session any more.
    pub(super) async fn end_with_app(
        &self,
        session: &Session,
        status: StatusCode,
        caller: Option<&Caller>,
        headers: &mut HeaderMap,
    ) -> Result<()> {
        if !(status.is_success() || status.is_redirection()) {
            return Ok(());
        }
        if let Err(error) = self.gateway.shared.sessions.end(session).await {
            tracing::error!(request_id = %self.record.id, error = %ErrorChain(&error), "ending a session failed");
            return Err(Refusal::Unavailable);
        }
        let name = self.snapshot.portal.cookies.session();
        headers.append(SET_COOKIE, cookie::write(name, "", Keep::Forget));
        let user = caller.and_then(|caller| caller.identity.user()).map(|user| user.name.as_str());
        let client = self.record.target.as_ref().and_then(|target| target.client_addr.known());
        self.gateway.shared.portal.record_app_sign_out(self.record.id.as_str(), client, user, session);
        Ok(())
    }
}

const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
