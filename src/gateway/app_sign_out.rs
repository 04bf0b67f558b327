//! An app's own sign-out ends the gateway's session, too.
//!
//! Otherwise the next person at the desk opens the app and is Alice again: the app has forgotten her, and the gateway names
//! her in the next request.
//!
//! Another site could make Alice's browser follow a link to the sign-out. The app receives such a request as any other, and
//! the gateway's session goes on: it ends for a request that the site itself has sent, whatever its method. A picture in a
//! page of the site is no sign-out either: Mallory may write comments there.
//!
//! Where another proxy forwards ([`forward_auth`](super::forward_auth)), the gateway sees the request and no response: the
//! session ends before the app is asked.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, StatusCode, header::SET_COOKIE};

use super::{Result, Walk, identify::Caller};
use crate::{
    access::AppId,
    error_chain::ErrorChain,
    refusal::Refusal,
    request::{SingleHeader, Target},
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
        let is_part = is_part_of_a_page(headers);
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
        let is_meant =
            session.owner.user().is_some() && !is_ahead && !is_part && senders.judge(&sent).is_ok();
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
        self.end_for_app(session, caller).await?;
        let name = self.snapshot.portal.cookies.session();
        headers.append(SET_COOKIE, cookie::write(name, "", Keep::Forget));
        Ok(())
    }

    /// Ends the session. When this returns, no request finds it any more.
    pub(super) async fn end_for_app(&self, session: &Session, caller: Option<&Caller>) -> Result<()> {
        if let Err(error) = self.gateway.shared.sessions.end(session).await {
            tracing::error!(request_id = %self.record.id, error = %ErrorChain(&error), "ending a session failed");
            return Err(Refusal::Unavailable);
        }
        let user = caller.and_then(|caller| caller.identity.user()).map(|user| user.name.as_str());
        let client = self.record.target.as_ref().and_then(|target| target.client_addr.known());
        self.gateway.shared.portal.record_app_sign_out(self.record.id.as_str(), client, user, session);
        Ok(())
    }
}

/// Whether the browser loads it as part of a page: a picture, a style, a script (Fetch Metadata, `Sec-Fetch-Dest`).
fn is_part_of_a_page(headers: &HeaderMap) -> bool {
    let destination = SingleHeader::of(headers, SEC_FETCH_DEST).text();
    !matches!(destination, Ok(None | Some("document" | "iframe" | "frame" | "empty")))
}

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
const PURPOSE: HeaderName = HeaderName::from_static("purpose");
