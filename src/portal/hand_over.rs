//! The hand-over of a sign-in from the portal host to an app host.
//!
//! An app host without a session sends the browser to the portal host, with the address to come back to and with the
//! hash of a secret in a cookie of its own (the attempt). The portal host signs the person in, if need be, and sends the
//! browser back with a one-time code. The app host takes the code from the session store and opens a branch of the
//! sign-in under a token of its own.
//!
//! The code is for one host and for the browser with the attempt's cookie. Mallory, who has her own code, cannot sign
//! Alice's browser in to Mallory's account by it, and Alice's code is worth nothing in Mallory's browser. No
//! cookie of another site is needed: each host reads its own, in navigations alone.

use std::time::Duration;

use http::{
    HeaderValue, Method, StatusCode,
    header::{REFERRER_POLICY, SET_COOKIE, USER_AGENT},
};
use serde::{Deserialize, Serialize};

use super::{
    PageRequest, PageResponse, Portal, PortalHost, ReturnTo, SignedIn,
    flash::FlashMessage,
    form::Form,
    host_role::{HostRole, host_of},
    navigation::navigates,
    return_to::in_query_value,
    session_opening::set_session_cookie,
};
use crate::{
    identity::ProofMethods,
    language::Text,
    pages::{self, Notice, Page, PageLink, paths},
    refusal::{Refusal, Representation},
    session::{
        Branch, OneTimeCode, OneTimeEntry, OneTimePurpose, Presented, SessionKey,
        cookie::{self, Keep},
    },
    throttle,
};

/// The request of an app host for the sign-in, in the query of the portal host's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HandOver {
    /// The app host, without a port.
    pub(super) host: String,
    /// The page of the app host to come back to.
    next: ReturnTo,
    /// The hash of the attempt's secret.
    attempt: String,
    /// The methods by one of which the person has to prove again who they are, although they are signed in; `None`: no
    /// further proof is needed.
    confirm: Option<ProofMethods>,
}

/// The value of a one-time code, in the session store.
#[derive(Serialize, Deserialize)]
struct HandedOver {
    host: String,
    attempt: String,
    /// The sign-in.
    session: String,
}

impl HandOver {
    /// Reads the query of the portal host's page. `None`: it is for no host that this gateway serves, or malformed.
    fn parse(query: &str, portal: &PortalHost) -> Option<Self> {
        let mut fields = Form::parse(query.as_bytes()).ok()?;
        let [host, next, attempt, confirm] =
            ["host", "next", "attempt", "confirm"].map(|name| fields.take(name));
        let is_hash = attempt.len() == 64 && attempt.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !portal.app_hosts.contains(host.as_str()) || !is_hash {
            return None;
        }
        let confirm = (!confirm.is_empty()).then(|| ProofMethods::from_query(&confirm));
        Some(Self { host, next: ReturnTo::parse(&next), attempt, confirm })
    }

    /// The hand-over that a page of the portal host leads to.
    pub(super) fn at(next: &ReturnTo, request: &PageRequest<'_>) -> Option<Self> {
        let HostRole::Portal(portal) = request.host_role() else { return None };
        let query = next.as_str().strip_prefix(paths::HAND_OVER)?.strip_prefix('?')?;
        Self::parse(query, portal)
    }

    /// Its path and query on the portal host.
    fn location(&self) -> String {
        let Self { host, next, attempt, confirm } = self;
        let confirm = match confirm {
            None => String::new(),
            Some(ProofMethods::ALL) => "&confirm=1".to_owned(),
            Some(methods) => format!("&confirm={methods}"),
        };
        let (page, next) = (paths::HAND_OVER, in_query_value(next.as_str()));
        format!("{page}?host={host}&attempt={attempt}{confirm}&next={next}")
    }

    /// The page of the portal host that the browser comes back to after sign-in or confirmation.
    fn to_return_to(&self) -> ReturnTo {
        ReturnTo::parse(&Self { confirm: None, ..self.clone() }.location())
    }
}

impl Portal {
    /// A page of the gateway on an app host, where people sign in on the portal host. `None`: the page is the same as on
    /// every host. A form is refused whatever page it is for: it would sign in, or change something, where nobody does.
    pub(super) async fn on_app_host(
        &self,
        request: &PageRequest<'_>,
        portal: &PortalHost,
    ) -> Option<Result<PageResponse, Refusal>> {
        let next = ReturnTo::parse(&request.parameter("next"));
        let path = format!("{}{}", paths::ROOT, request.page);
        match path.as_str() {
            paths::WHOAMI => return None,
            // The form was kept for this host, in a cookie of this host.
            paths::PARKED_FORM if request.account.is_some() => return None,
            // A person who had signed in here before there was a portal host signs out here.
            paths::LOGOUT if has_sign_in_of_its_own(request) => return None,
            paths::HAND_OVER => return Some(self.arrive(request, next).await),
            _ if !matches!(*request.method, Method::GET | Method::HEAD) => {
                return Some(Err(Refusal::MethodNotAllowed("GET, HEAD")));
            }
            paths::LOGIN if request.account.is_some() => return Some(Ok(pages::redirect(next.as_str()))),
            _ => {}
        }
        Some(match Representation::of(request.method, request.headers) {
            // The page of the portal host would be an empty frame.
            Representation::Frame => Err(Refusal::Framed),
            Representation::Problem => Err(Refusal::SignIn),
            Representation::Page => match path.as_str() {
                paths::LOGIN => set_out(request, portal, next, None),
                paths::PARKED_FORM => set_out(request, portal, request.address(), None),
                paths::CONFIRM => {
                    let methods = ProofMethods::from_query(&request.parameter("need"));
                    set_out(request, portal, next, Some(methods))
                }
                path => {
                    let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
                    Ok(redirect_to(&request.origin_of(&portal.host), &format!("{path}{query}")))
                }
            },
        })
    }

    /// The portal host's page: signs the person in, if need be, and sends the browser back with a code.
    pub(super) async fn hand_over(&self, request: &PageRequest<'_>) -> Result<PageResponse, Refusal> {
        let HostRole::Portal(portal) = request.host_role() else { return Err(Refusal::NotFound) };
        navigates(request)?;
        let hand_over =
            HandOver::parse(request.query.unwrap_or_default(), portal).ok_or(Refusal::NotFound)?;
        let Ok(signed_in) = SignedIn::of(request) else {
            return Ok(pages::redirect(&hand_over.to_return_to().login_location()));
        };
        if let Some(methods) = hand_over.confirm {
            return Ok(pages::redirect(&hand_over.to_return_to().confirm_location_by(methods)));
        }
        let code = OneTimeCode::generate().map_err(|error| {
            tracing::error!(%error, request_id = request.request_id, "hand-over code not made");
            Refusal::Internal
        })?;
        let HandOver { host, next, attempt, .. } = hand_over;
        let origin = request.origin_of(&host);
        let session = signed_in.session.sign_in().to_hex();
        let value = serde_json::to_string(&HandedOver { host, attempt, session });
        let expires = self.clock.now() + CODE_LIFETIME;
        let entry = value
            .ok()
            .and_then(|value| OneTimeEntry::new(code.key(), OneTimePurpose::HandOver, value, expires).ok());
        let stored = self.sessions.put_one_time(entry.ok_or(Refusal::Internal)?).await;
        let is_new = stored.map_err(|error| request.unavailable("storing a hand-over code", &error))?;
        if !is_new {
            return Err(Refusal::Internal);
        }
        let (page, code, next) = (paths::HAND_OVER, code.to_text(), in_query_value(next.as_str()));
        Ok(redirect_to(&origin, &format!("{page}?code={}&next={next}", *code)))
    }

    /// The app host's page: takes the code, opens the branch, and goes on to an address without the code.
    async fn arrive(&self, request: &PageRequest<'_>, next: ReturnTo) -> Result<PageResponse, Refusal> {
        navigates(request)?;
        let Some(parent) = self.take_code(request).await? else {
            // The person came back by the back button, or signed in in another tab meanwhile.
            if request.account.is_some() {
                return Ok(pages::redirect(next.as_str()));
            }
            return Ok(not_signed_in(request, StatusCode::FORBIDDEN, &next, &FAILED));
        };
        let user_agent =
            request.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let replaces = match request.presented {
            Presented::Alive(session) => Some(&**session),
            Presented::Absent | Presented::Invalid => None,
        };
        let branch = Branch {
            parent,
            client_addr: request.client_addr.or_proxy(),
            user_agent: user_agent.as_deref().unwrap_or_default(),
            host: request.host,
            replaces,
        };
        let now = self.clock.now();
        let opened = self.sessions.open_branch(branch, now).await;
        let opened = opened.map_err(|error| request.unavailable("opening a branch of a session", &error))?;
        // The sign-in has ended, or got another token, in the meantime.
        let Some((token, session)) = opened else {
            return Ok(not_signed_in(request, StatusCode::FORBIDDEN, &next, &FAILED));
        };
        let mut response = pages::redirect(next.as_str());
        response.headers_mut().insert(REFERRER_POLICY, pages::NO_REFERRER);
        set_session_cookie(request, &token, &session, now, response.headers_mut());
        // Says whose a form is that comes from this browser after the end of the session.
        if let Some(user) = session.owner.user() {
            let cookies = &request.settings.cookies;
            match self.sign_in.device_cookie_of(user, cookie::find(request.headers, cookies.device())) {
                Ok(value) => {
                    let keep = Keep::For(throttle::DEVICE_KEPT);
                    response.headers_mut().append(SET_COOKIE, cookie::write(cookies.device(), &value, keep));
                }
                Err(error) => {
                    tracing::warn!(%error, request_id = request.request_id, "device cookie not made");
                }
            }
        }
        Ok(response)
    }

    /// The sign-in that the code of this request stands for, if it is for this host and this browser.
    async fn take_code(&self, request: &PageRequest<'_>) -> Result<Option<SessionKey>, Refusal> {
        let Some(code) = OneTimeCode::parse(request.parameter("code").as_bytes()) else { return Ok(None) };
        let taken = self.sessions.take_one_time(&code, OneTimePurpose::HandOver, self.clock.now()).await;
        let taken = taken.map_err(|error| request.unavailable("taking a hand-over code", &error))?;
        let Some(taken) = taken else { return Ok(None) };
        let Ok(handed_over) = serde_json::from_str::<HandedOver>(&taken) else { return Ok(None) };
        let attempt = presented_attempt(request).map(|attempt| attempt.key().to_hex());
        if attempt.as_ref() == Some(&handed_over.attempt) && host_of(request.host) == handed_over.host {
            return Ok(SessionKey::from_hex(&handed_over.session));
        }
        tracing::warn!(
            request_id = request.request_id,
            host = request.host,
            is_for = handed_over.host,
            is_of_this_browser = attempt.as_ref() == Some(&handed_over.attempt),
            "hand-over code refused: it is for another host or another browser"
        );
        Ok(None)
    }
}

/// Sends the browser to the portal host.
fn set_out(
    request: &PageRequest<'_>,
    portal: &PortalHost,
    next: ReturnTo,
    confirm: Option<ProofMethods>,
) -> Result<PageResponse, Refusal> {
    if !portal.app_hosts.contains(host_of(request.host)) {
        return Err(Refusal::Misdirected);
    }
    // The sent form is lost, and the portal host cannot say it: it knows nothing of this host's cookies. The page also
    // ends the submission of a form, which the application's own policy may forbid to lead to another host.
    if let Some(flash) = FlashMessage::waiting(request) {
        let mut response = not_signed_in(request, StatusCode::OK, &next, &flash.text());
        FlashMessage::clear(request, response.headers_mut());
        return Ok(response);
    }
    let (attempt, cookie) = attempt(request)?;
    let host = host_of(request.host).to_owned();
    let mut hand_over = HandOver { host, next, attempt: attempt.key().to_hex(), confirm };
    // The portal's pages carry this address in their own; see `InterruptedRequest::location`.
    if hand_over.to_return_to().confirm_location().len() > request.header_size / 4 * 3 {
        hand_over.next = ReturnTo::start();
    }
    let mut response = redirect_to(&request.origin_of(&portal.host), &hand_over.location());
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The secret of this browser's attempts, and the cookie to set if it is new. All tabs share it: each has a code of its
/// own.
fn attempt(request: &PageRequest<'_>) -> Result<(OneTimeCode, Option<HeaderValue>), Refusal> {
    if let Some(attempt) = presented_attempt(request) {
        return Ok((attempt, None));
    }
    let attempt = OneTimeCode::generate().map_err(|error| {
        tracing::error!(%error, request_id = request.request_id, "secret for a sign-in at the portal host not made");
        Refusal::Internal
    })?;
    let cookie = cookie::write(request.settings.cookies.hand_over(), &attempt.to_text(), Keep::UntilClosed);
    Ok((attempt, Some(cookie)))
}

fn presented_attempt(request: &PageRequest<'_>) -> Option<OneTimeCode> {
    cookie::find(request.headers, request.settings.cookies.hand_over()).and_then(OneTimeCode::parse)
}

fn has_sign_in_of_its_own(request: &PageRequest<'_>) -> bool {
    match request.presented {
        Presented::Alive(session) => session.parent.is_none() && request.account.is_some(),
        Presented::Absent | Presented::Invalid => false,
    }
}

/// A page with the way to sign in. It does not lead there by itself: a browser that takes no cookies would go around in
/// circles.
fn not_signed_in(
    request: &PageRequest<'_>,
    status: StatusCode,
    next: &ReturnTo,
    text: &Text,
) -> PageResponse {
    let to = next.login_location();
    let [title, sign_in] = [Text::of("please-sign-in"), Text::of("sign-in")].map(|text| request.say(&text));
    let page = Page::Notice(Notice {
        title: &title,
        text: &request.say(text),
        page_link: PageLink { href: &to, text: &sign_in },
    });
    let mut response = request.render(status, &page);
    response.headers_mut().insert(REFERRER_POLICY, pages::NO_REFERRER);
    response
}

/// A redirect to another host of this gateway.
fn redirect_to(origin: &str, path_and_query: &str) -> PageResponse {
    let mut response = pages::redirect(&format!("{origin}{path_and_query}"));
    response.headers_mut().insert(REFERRER_POLICY, pages::NO_REFERRER);
    response
}

/// Long enough for a redirect over a slow line; a code in a history or a log is worth nothing then.
const CODE_LIFETIME: Duration = Duration::from_mins(1);
const FAILED: Text = Text::of("hand-over-failed");
