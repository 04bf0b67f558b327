//! Opening a session for a user who has just proved who they are.

use std::sync::Arc;

use http::{
    HeaderMap,
    header::{SET_COOKIE, USER_AGENT},
};

use super::{Notice, PageRequest, PageResponse, Portal, device};
use crate::{
    auth::Proved,
    clock::Timestamp,
    pages,
    refusal::Refusal,
    session::{
        Opening, Owner, Presented, Session, SessionLimits, SessionToken,
        cookie::{self, Keep},
    },
    throttle,
};

/// The new session, and the response that gives the browser its cookie.
pub(super) struct OpenedSession {
    pub(super) response: PageResponse,
    pub(super) session: Arc<Session>,
}

/// The reason for a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionOpening {
    /// The user has signed in.
    SignedIn,
    /// The user has signed in, and wants to stay signed in on this device.
    Remembered,
    /// The user who is signed in has proved something again: the time limits of the session go on.
    Confirmed,
}

impl Portal {
    /// Opens a session under a new token in place of the one that the browser had, and sends the browser on to `to`.
    ///
    /// The store replaces the old session in the same step: a token from before sign-in is invalid after it (ASVS 5.0
    /// 7.2.4).
    pub(super) async fn open_session(
        &self,
        request: &PageRequest<'_>,
        proved: &Proved,
        how: SessionOpening,
        to: &str,
    ) -> Result<OpenedSession, Refusal> {
        let user_agent =
            request.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let replaces = match request.presented {
            Presented::Alive(session) => Some(&**session),
            Presented::Absent | Presented::Invalid => None,
        };
        let account = proved.account();
        let opening = Opening {
            owner: Owner::User { id: account.user.id, credential: account.credential },
            proofs: *proved.proofs(),
            source: Some(proved.source().clone()),
            client_addr: request.client_addr.or_proxy(),
            user_agent: user_agent.as_deref().unwrap_or_default(),
            host: request.host,
            remember: how == SessionOpening::Remembered,
            replaces,
            confirms: how == SessionOpening::Confirmed,
        };
        let (limits, now) = (&limits_for(proved, request), self.clock.now());
        let (token, session) = self
            .sessions
            .open(opening, now, limits)
            .await
            .map_err(|error| request.unavailable("opening a session", &error))?;
        let mut response = pages::redirect(to);
        let cookies = &request.settings.cookies;
        let headers = response.headers_mut();
        set_session_cookie(request, &token, &session, now, headers);
        // A form from before sign-in is invalid after it.
        headers.append(SET_COOKIE, cookie::write(cookies.form(), "", Keep::Forget));
        // From now on wrong passwords of strangers do not make this user wait in this browser.
        let device = cookie::find(request.headers, cookies.device());
        // With mail, the user is told of a sign-in elsewhere; the audit stream has each sign-in anyway.
        if how != SessionOpening::Confirmed
            && self.outbox(request).is_some()
            && !self.sign_in.knows_device(proved, device)
        {
            let device = device::describe(user_agent.as_deref().unwrap_or_default());
            self.notify(request, account, &Notice::NewDevice { device }).await;
        }
        match self.sign_in.device_cookie(proved, device) {
            Ok(value) => {
                let keep = Keep::For(throttle::DEVICE_KEPT);
                headers.append(SET_COOKIE, cookie::write(cookies.device(), &value, keep));
            }
            Err(error) => tracing::warn!(%error, request_id = request.request_id, "device cookie not made"),
        }
        Ok(OpenedSession { response, session })
    }
}

/// The time limits of a new session. That of a provider may be shorter, because the gateway does not ask again there
/// whether the user is still welcome.
fn limits_for(proved: &Proved, request: &PageRequest<'_>) -> SessionLimits {
    let limits = request.settings.sessions;
    let provider = request.settings.backends.provider(&proved.source().backend);
    match provider.and_then(|provider| provider.settings().max_session) {
        Some(most) => SessionLimits { lifetime: limits.lifetime.min(most), ..limits },
        None => limits,
    }
}

/// Gives the browser the cookie of a new session.
pub(super) fn set_session_cookie(
    request: &PageRequest<'_>,
    token: &SessionToken,
    session: &Session,
    now: Timestamp,
    headers: &mut HeaderMap,
) {
    let (limits, cookies) = (&request.settings.sessions, &request.settings.cookies);
    // A user who asks to stay signed in wants that after closing the browser, too.
    let until_closed = limits.browser_session && !session.remembered;
    let left = session.dies_at(limits).since(now);
    let keep = if until_closed { Keep::UntilClosed } else { Keep::For(left) };
    headers.append(SET_COOKIE, cookie::write(cookies.session(), &token.to_cookie(), keep));
}
