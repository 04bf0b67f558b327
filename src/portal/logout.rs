//! The sign-out page: GET asks, POST ends the session.

use http::{HeaderName, HeaderValue, StatusCode, header::SET_COOKIE};

use super::{
    PageRequest, PageResponse, Portal,
    csrf::{self, Genuine},
    flash::FlashMessage,
    form::Form,
    host_role::HostRole,
    person::readable_name,
    problem::FORM_EXPIRED,
};
use crate::{
    language::Text,
    pages::{self, Logout, Page, paths},
    refusal::Refusal,
    session::{
        Presented, SessionToken,
        cookie::{self, Keep},
    },
    telemetry::AuditKind,
};

impl Portal {
    /// The question. A browser in which nobody is signed in is sent to the sign-in page, also if it has a visitor's
    /// session.
    pub(super) fn ask_to_sign_out(request: &PageRequest<'_>) -> PageResponse {
        match csrf::presented_session(request).filter(|_| request.account.is_some()) {
            Some((token, _)) => question(request, StatusCode::OK, &token, None),
            None => nothing_to_end(request),
        }
    }

    /// Ends the session. Once the response is sent, no request on any connection finds it.
    pub(super) async fn sign_out(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let Some((token, session)) = csrf::presented_session(request) else {
            return Ok(nothing_to_end(request));
        };
        if Genuine::check(request, Some(&token), form).is_err() {
            if request.account.is_none() {
                return Ok(nothing_to_end(request));
            }
            // A form that was filled in again could not end the session either.
            self.check_sessions(request).await?;
            return Ok(question(request, StatusCode::FORBIDDEN, &token, Some(&FORM_EXPIRED)));
        }
        self.end_presented(request).await?;
        let onward = self.signed_out_at_provider(request, session).await;
        let user = request.account.map(|account| account.user.name.as_str());
        self.record(request, AuditKind::SignOut, "ok", user, Some(session.key.to_string()));
        let to = onward.unwrap_or_else(|| pages::redirect(paths::LOGIN));
        Ok(forgotten(request, to, FlashMessage::SignedOut))
    }
}

/// The response to a browser whose session has ended.
pub(super) fn signed_out(request: &PageRequest<'_>, flash: FlashMessage) -> PageResponse {
    forgotten(request, pages::redirect(paths::LOGIN), flash)
}

/// A response that makes the browser forget the session.
fn forgotten(request: &PageRequest<'_>, mut response: PageResponse, flash: FlashMessage) -> PageResponse {
    let headers = response.headers_mut();
    forget_session(request, headers);
    // The next person at this desk must not find pages of the applications in the cache (ASVS 5.0 14.3.1). Cookies
    // and storage stay: they are the applications' own.
    headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
    flash.leave(&request.settings.cookies, headers);
    response
}

fn question(
    request: &PageRequest<'_>,
    status: StatusCode,
    token: &SessionToken,
    problem: Option<&Text>,
) -> PageResponse {
    let problem = problem.map(|text| request.say(text));
    let page = Page::Logout(Logout {
        host: request.host,
        csrf: &token.form_token(),
        name: request.account.map_or("", |account| readable_name(&account.user)),
        is_portal: matches!(request.host_role(), HostRole::Portal(_)),
        problem: problem.as_deref(),
    });
    request.render(status, &page)
}

/// The response where no session can be ended. An invalid session cookie is cleared; one that was *not sent* is left
/// alone: Mallory's form on another site comes without the cookie, and must not sign Alice out by having it cleared.
fn nothing_to_end(request: &PageRequest<'_>) -> PageResponse {
    let mut response = pages::redirect(paths::LOGIN);
    if matches!(request.presented, Presented::Invalid) {
        forget_session(request, response.headers_mut());
    }
    response
}

fn forget_session(request: &PageRequest<'_>, headers: &mut http::HeaderMap) {
    headers.append(SET_COOKIE, cookie::write(request.settings.cookies.session(), "", Keep::Forget));
}

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
