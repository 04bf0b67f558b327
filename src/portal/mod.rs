//! The gateway's own pages under `/.gateway/`: sign in, sign out, confirm the password, who am I, my sessions,
//! a new password, the first user.
//!
//! A request enters at [`Portal::answer`] as a [`Visit`]: who sends it is already known. Each page has a
//! file. What changes anything takes a `csrf::Genuine` form; where a browser goes on to is a
//! [`ReturnTo`]; every way of saying no is a [`Refusal`]. GET and HEAD never change anything but the
//! cookies of the form and of the one-time message.
//!
//! Nothing here decides who may use an application, and nothing here looks at a password: [`auth`](crate::auth) does.

mod account;
mod change_password;
mod confirm;
mod csrf;
mod device;
pub(crate) mod form;
mod interrupted;
mod login;
mod logout;
mod notice;
mod return_to;
mod sessions;
mod setup;
mod whoami;
mod words;

use std::{collections::BTreeMap, error::Error, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode,
    header::{SET_COOKIE, USER_AGENT},
};
use http_body::Body;
use http_body_util::Full;

pub use device::in_words as device_in_words;
pub use interrupted::{First, Interrupted};
pub use return_to::{ReturnTo, longest_address};
pub use words::ago as ago_in_words;

use crate::{
    auth::{Entrance, NotProved, Origin, Proved, SetupLink, SignIn},
    clock::Clock,
    identity::{GroupName, Permission, User},
    pages::{self, Pages, paths},
    refusal::{Refusal, Representation},
    request::{ClientAddr, NormalPath, fold},
    session::{
        Limits, Opening, Owner, Presented, Session, SessionToken, Sessions,
        cookie::{self, CookieNames, Keep},
    },
    telemetry::{Audit, AuditEvent, AuditKind},
    throttle,
    users::{Account, Passwords},
};
use form::Form;

/// The pages of the gateway; one for the process.
#[derive(Debug)]
pub struct Portal {
    sign_in: SignIn,
    setup: SetupLink,
    passwords: Arc<Passwords>,
    sessions: Arc<Sessions>,
    audit: Audit,
    clock: Clock,
}

/// What follows `/.gateway/`, if the path is one of the gateway's own: those are nobody's app, on every host.
pub fn page_of(path: &NormalPath) -> Option<&str> {
    page_in(path.as_str())
}

/// Whether an upstream could take this for one of the gateway's own pages; it is nobody's then, or an app
/// could show a sign-in form where people expect ours.
pub fn is_disguised(path: &NormalPath) -> bool {
    path.folds() && path.readings().any(|reading| page_in(&fold(reading)).is_some())
}

fn page_in(path: &str) -> Option<&str> {
    if path == paths::ROOT.trim_end_matches('/') { Some("") } else { path.strip_prefix(paths::ROOT) }
}

/// What the pages need of the configuration; changes with a reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time limits of new sessions.
    pub sessions: Limits,
    /// The names of the gateway's cookies.
    pub cookies: CookieNames,
    /// How often somebody may guess.
    pub throttle: throttle::Limits,
    /// The compiled templates.
    pub pages: Pages,
    /// What each group stands for, to tell people what they may do.
    pub groups: Arc<BTreeMap<GroupName, Vec<Permission>>>,
}

/// One request for a page of the gateway.
#[derive(Debug)]
pub struct Visit<'r> {
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

impl Portal {
    /// The portal over the services and stores that it needs. `passwords` hashes new passwords.
    pub fn new(
        sign_in: SignIn,
        setup: SetupLink,
        passwords: Arc<Passwords>,
        sessions: Arc<Sessions>,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        Self { sign_in, setup, passwords, sessions, audit, clock }
    }

    /// Answers a request for a page of the gateway. The body is read for a POST only, within bounds.
    pub async fn answer<B>(&self, visit: Visit<'_>, body: B) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let wants = Representation::of(visit.method, visit.headers);
        let refusal = match self.page(&visit, body).await {
            Ok(response) if wants == Representation::Frame && response.status().is_success() => {
                Refusal::Framed
            }
            Ok(response) => return response,
            Err(refusal) => refusal,
        };
        if wants == Representation::Frame && matches!(refusal, Refusal::Framed | Refusal::SignIn) {
            let query = visit.query.map(|query| format!("?{query}")).unwrap_or_default();
            let to = format!("{}{}{query}", paths::ROOT, visit.page);
            return refusal.respond_leading_to(Some(&to), wants, visit.request_id, &visit.settings.pages);
        }
        if refusal == Refusal::SignIn && wants == Representation::Page {
            return visit.interrupted(&format!("{}{}", paths::ROOT, visit.page)).redirect(First::SignIn);
        }
        refusal.respond(wants, visit.request_id, &visit.settings.pages)
    }

    /// Waits until what is written behind is on the disk; for the end of the process.
    pub fn flush(&self) {
        self.sign_in.flush();
    }

    async fn page<B>(&self, visit: &Visit<'_>, body: B) -> Result<Answer, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        match visit.page {
            "" => {
                visit.act(&[Act::Look])?;
                let page = if visit.account.is_some() { paths::ACCOUNT } else { paths::LOGIN };
                Ok(pages::redirect(page))
            }
            "login" => match visit.act(&[Act::Look, Act::Submit])? {
                Act::Look => self.show_login(visit).await,
                // Before the body is read: a form of ours comes with a cookie that it is bound to.
                Act::Submit if !visit.may_send_forms() => Self::show_login_again(visit),
                Act::Submit => self.sign_in(visit, visit.form(body).await?).await,
            },
            "logout" => match visit.act(&[Act::Look, Act::Submit])? {
                Act::Submit if csrf::presented_session(visit).is_some() => {
                    self.sign_out(visit, visit.form(body).await?).await
                }
                // Without a session there is nothing to end, and nothing to read.
                Act::Look | Act::Submit => Ok(Self::ask_to_sign_out(visit)),
            },
            "confirm" => match visit.act(&[Act::Look, Act::Submit])? {
                Act::Submit if visit.signed_in().is_ok() => {
                    self.confirm(visit, visit.form(body).await?).await
                }
                Act::Look | Act::Submit => Ok(Self::ask_to_confirm(visit)),
            },
            "account" => {
                visit.act(&[Act::Look])?;
                self.show_account(visit).await
            }
            "account/sessions" => {
                visit.act(&[Act::Submit])?;
                // Before the body is read: only who is signed in may send one.
                visit.signed_in()?;
                self.end_sessions(visit, visit.form(body).await?).await
            }
            "account/password" => match visit.act(&[Act::Look, Act::Submit])? {
                Act::Look => Self::show_password_form(visit),
                Act::Submit => {
                    // Before the body is read: only who is signed in may send one.
                    visit.signed_in()?;
                    self.change_password(visit, visit.form(body).await?).await
                }
            },
            "whoami" => visit.act(&[Act::Look]).and_then(|_| whoami::answer(visit)),
            "setup" => match visit.act(&[Act::Look, Act::Submit])? {
                Act::Look => self.show_setup(visit).await,
                Act::Submit if !visit.may_send_forms() => self.show_setup(visit).await,
                Act::Submit => {
                    self.setup.is_open().then_some(()).ok_or(Refusal::NotFound)?;
                    self.set_up(visit, visit.form(body).await?).await
                }
            },
            _ => Err(Refusal::NotFound),
        }
    }

    /// Signs the browser in: opens a session under a new token in place of the one it had, sends it on.
    ///
    /// Both in one step of the store: a token from before sign-in is worth nothing after it (ASVS 5.0 7.2.4).
    async fn enter(
        &self,
        visit: &Visit<'_>,
        proved: &Proved,
        how: Entry,
        to: &str,
    ) -> Result<Entered, Refusal> {
        let user_agent = visit.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let replaces = match visit.presented {
            Presented::Alive(session) => Some(&**session),
            Presented::Absent | Presented::Invalid => None,
        };
        let account = proved.account();
        let opening = Opening {
            owner: Owner::User { id: account.user.id, credential: account.credential },
            client_addr: visit.client_addr.or_proxy(),
            user_agent: user_agent.as_deref().unwrap_or_default(),
            host: visit.host,
            remember: how == Entry::Remembered,
            replaces,
            confirms: how == Entry::Confirmed,
        };
        let (limits, now) = (&visit.settings.sessions, self.clock.now());
        let (token, session) = self
            .sessions
            .open(opening, now, limits)
            .await
            .map_err(|error| unavailable(visit, "opening a session", &error))?;
        let mut response = pages::redirect(to);
        let cookies = &visit.settings.cookies;
        let headers = response.headers_mut();
        // Whoever asks to be kept signed in means: when the browser is opened again, too.
        let until_closed = limits.browser_session && !session.remembered;
        let left = session.dies_at(limits).since(now);
        let keep = if until_closed { Keep::UntilClosed } else { Keep::For(left) };
        headers.append(SET_COOKIE, cookie::write(cookies.session(), &token.to_cookie(), keep));
        // A form from before sign-in is worth nothing after it.
        headers.append(SET_COOKIE, cookie::write(cookies.form(), "", Keep::Forget));
        // Whoever was here may guess wrong here, whatever strangers do.
        let device = cookie::find(visit.headers, cookies.device());
        match self.sign_in.device_cookie(proved, device) {
            Ok(value) => {
                let kept = Keep::For(throttle::DEVICE_KEPT);
                headers.append(SET_COOKIE, cookie::write(cookies.device(), &value, kept));
            }
            Err(error) => tracing::warn!(%error, request_id = visit.request_id, "naming a device"),
        }
        Ok(Entered { response, session })
    }

    /// Ends the session that came with the request, if one is alive; durably, before anything is answered.
    async fn end_presented(&self, visit: &Visit<'_>) -> Result<(), Refusal> {
        match visit.presented {
            Presented::Alive(session) => self
                .sessions
                .end(session)
                .await
                .map_err(|error| unavailable(visit, "ending a session", &error)),
            Presented::Absent | Presented::Invalid => Ok(()),
        }
    }

    /// Whether the session store does its work.
    async fn check_sessions(&self, visit: &Visit<'_>) -> Result<(), Refusal> {
        self.sessions.check().await.map_err(|error| unavailable(visit, "checking the session store", &error))
    }

    fn record(
        &self,
        visit: &Visit<'_>,
        event: AuditKind,
        reason: &str,
        user: Option<&str>,
        session: Option<String>,
    ) {
        self.audit.record(&AuditEvent {
            event,
            reason,
            user,
            actor: None,
            client: visit.client_addr.known(),
            request_id: Some(visit.request_id),
            session,
        });
    }
}

type Answer = Response<Full<Bytes>>;

/// A browser that has just been given a session.
struct Entered {
    response: Answer,
    session: Arc<Session>,
}

/// How a browser comes to a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// By signing in.
    SignedIn,
    /// By signing in, asking to be kept signed in on this device.
    Remembered,
    /// By confirming the password: its time limits go on.
    Confirmed,
}

/// What a method does to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Look,
    Submit,
}

impl<'r> Visit<'r> {
    fn act(&self, possible: &[Act]) -> Result<Act, Refusal> {
        let act = match *self.method {
            Method::GET | Method::HEAD => Some(Act::Look),
            Method::POST => Some(Act::Submit),
            _ => None,
        };
        act.filter(|act| possible.contains(act)).ok_or(Refusal::MethodNotAllowed(
            match (possible.contains(&Act::Look), possible.contains(&Act::Submit)) {
                (true, true) => "GET, HEAD, POST",
                (true, false) => "GET, HEAD",
                (false, _) => "POST",
            },
        ))
    }

    /// This request, if somebody has to sign in first.
    fn interrupted<'i>(&'i self, path_and_query: &'i str) -> Interrupted<'i> {
        let Self { method, headers, host, header_size, settings, .. } = *self;
        Interrupted { method, headers, host, path_and_query, header_size, cookies: &settings.cookies }
    }

    /// Whether a cookie came with the request that a form can be bound to.
    fn may_send_forms(&self) -> bool {
        self.account.is_some() || csrf::presented_form_token(self).is_some()
    }

    /// The form that was sent.
    async fn form<B>(&self, body: B) -> Result<Form, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Form::read(self.headers, body, self.max_form_bytes).await
    }

    /// The account and the session of somebody who is signed in.
    fn signed_in(&self) -> Result<SignedIn<'r>, Refusal> {
        let account = self.account.ok_or(Refusal::SignIn)?;
        let (token, session) = csrf::presented_session(self).ok_or(Refusal::SignIn)?;
        Ok(SignedIn { account, session, token })
    }

    /// This request as the origin of a credential.
    fn origin(&self, entrance: Entrance) -> Origin<'r> {
        Origin {
            entrance,
            client_addr: self.client_addr,
            device: cookie::find(self.headers, self.settings.cookies.device()),
            request_id: self.request_id,
            limits: &self.settings.throttle,
        }
    }

    /// A parameter of the query; empty if it is not there or the query makes no sense.
    fn parameter(&self, name: &str) -> String {
        Form::parse(self.query.unwrap_or_default().as_bytes())
            .map(|mut query| query.take(name))
            .unwrap_or_default()
    }
}

struct SignedIn<'r> {
    account: &'r Arc<Account>,
    session: &'r Session,
    token: SessionToken,
}

/// What the user may do, directly and through groups; sorted, without duplicates.
fn permissions<'a>(user: &'a User, groups: &'a BTreeMap<GroupName, Vec<Permission>>) -> Vec<&'a str> {
    let through_groups = user.groups.iter().filter_map(|group| groups.get(group)).flatten();
    let mut all: Vec<&str> = user.permissions.iter().chain(through_groups).map(Permission::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// How a person is addressed.
fn readable_name(user: &User) -> &str {
    if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name }
}

/// An error's text as a sentence on a page.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), rest.as_str()))
}

/// A store that gave no answer: the log gets to know which and why, the stranger does not.
fn unavailable(visit: &Visit<'_>, doing: &'static str, error: &dyn Error) -> Refusal {
    let cause = error.source().map(ToString::to_string);
    tracing::error!(request_id = visit.request_id, %error, cause, "{doing}");
    Refusal::Unavailable
}

/// The refusal for a check that gave no proof; `wrong` is the one for a wrong credential.
fn refusal_for(not_proved: NotProved, wrong: Refusal) -> Refusal {
    match not_proved {
        NotProved::Wrong => wrong,
        NotProved::Throttled { retry_after } => Refusal::TooManyAttempts { retry_after },
        NotProved::Busy { retry_after } => Refusal::TooBusy { retry_after },
        NotProved::Unavailable => Refusal::Unavailable,
    }
}

/// The form again, with why the check gave no proof, for a person who can go on there later. A program whose attempts
/// are throttled gets a problem.
fn form_again(
    visit: &Visit<'_>,
    refusal: Refusal,
    form: impl FnOnce(StatusCode, &str) -> Result<Answer, Refusal>,
) -> Result<Answer, Refusal> {
    let is_program = Representation::of(visit.method, visit.headers) == Representation::Problem;
    match refusal {
        Refusal::Unavailable => return Err(refusal),
        Refusal::TooManyAttempts { .. } if is_program => return Err(refusal),
        _ => {}
    }
    let mut response = form(refusal.status(), &refusal.detail())?;
    refusal.add_headers(response.headers_mut());
    Ok(response)
}

const FORM_EXPIRED: &str = "This form had expired. Please try again.";

#[cfg(test)]
mod tests;
