//! The pages as a table: where each of them is, who may use it, and what its methods do.
//!
//! Requests enter at [`Portal::answer`]. It finds the page, refuses the methods that the page does not have, and asks
//! who may use the page and who may send its form, all of that before it reads a byte of the body. GET and HEAD
//! change nothing but the cookies of the form and of the flash message.

use std::{error::Error, future};

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use http::{Method, Response};
use http_body::Body;
use http_body_util::Full;

use super::{Answer, First, Interrupted, Portal, SignedIn, Visit, csrf, form::Form, own_path, whoami};
use crate::{
    pages::{self, paths},
    refusal::{Refusal, Representation},
};

/// A page of the gateway.
pub(super) struct Page {
    pub(super) path: &'static str,
    who: Who,
    /// GET and HEAD.
    get: Option<Get>,
    pub(super) post: Option<Post>,
}

/// Who may use a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    SignedIn,
}

/// A form that is sent to a page. Whoever cannot have been given this form is shown the page, and nothing of what they
/// sent is read.
pub(super) struct Post {
    sender: Sender,
    submit: Submit,
}

/// Who can have been given a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// A browser with a cookie that a form can be bound to.
    KnownBrowser,
    /// The same, while a set-up link is open.
    KnownBrowserDuringSetup,
    /// The browser of a live session, be it a user's or a visitor's.
    LiveSession,
    /// A user who is signed in.
    SignedIn,
}

type Get = for<'a> fn(&'a Portal, &'a Visit<'a>) -> Answering<'a>;
type Submit = for<'a> fn(&'a Portal, &'a Visit<'a>, Form) -> Answering<'a>;
type Answering<'a> = LocalBoxFuture<'a, Result<Answer, Refusal>>;

pub(super) const PAGES: &[Page] = &[
    Page { path: paths::ROOT, who: Who::Anyone, get: Some(|_, visit| ready(Ok(lead_on(visit)))), post: None },
    Page {
        path: paths::LOGIN,
        who: Who::Anyone,
        get: Some(|portal, visit| portal.show_login(visit).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, visit, form| portal.sign_in(visit, form).boxed_local(),
        }),
    },
    Page {
        path: paths::LOGOUT,
        who: Who::Anyone,
        get: Some(|_, visit| ready(Ok(Portal::ask_to_sign_out(visit)))),
        post: Some(Post {
            sender: Sender::LiveSession,
            submit: |portal, visit, form| portal.sign_out(visit, form).boxed_local(),
        }),
    },
    Page {
        path: paths::CONFIRM,
        who: Who::Anyone,
        get: Some(|_, visit| ready(Ok(Portal::ask_to_confirm(visit)))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, visit, form| portal.confirm(visit, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ACCOUNT,
        who: Who::SignedIn,
        get: Some(|portal, visit| portal.show_account(visit).boxed_local()),
        post: None,
    },
    Page {
        path: paths::SESSIONS,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, visit, form| portal.end_sessions(visit, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PASSWORD,
        who: Who::SignedIn,
        get: Some(|_, visit| ready(Portal::show_password_form(visit))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, visit, form| portal.change_password(visit, form).boxed_local(),
        }),
    },
    Page {
        path: paths::WHOAMI,
        who: Who::Anyone,
        get: Some(|_, visit| ready(whoami::answer(visit))),
        post: None,
    },
    Page {
        path: paths::SETUP,
        who: Who::Anyone,
        get: Some(|portal, visit| portal.show_setup(visit).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowserDuringSetup,
            submit: |portal, visit, form| portal.set_up(visit, form).boxed_local(),
        }),
    },
];

impl Portal {
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
        let path = format!("{}{}", paths::ROOT, visit.page);
        if wants == Representation::Frame && matches!(refusal, Refusal::Framed | Refusal::SignIn) {
            let query = visit.query.map(|query| format!("?{query}")).unwrap_or_default();
            let to = format!("{path}{query}");
            return refusal.respond_leading_to(Some(&to), wants, visit.request_id, &visit.settings.pages);
        }
        if refusal == Refusal::SignIn && wants == Representation::Page {
            return Interrupted::at_page(&visit, &path).redirect(First::SignIn);
        }
        refusal.respond(wants, visit.request_id, &visit.settings.pages)
    }

    async fn page<B>(&self, visit: &Visit<'_>, body: B) -> Result<Answer, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let page = Page::at(visit.page).ok_or(Refusal::NotFound)?;
        let is_form = page.takes_form(visit.method)?;
        page.who.check(visit)?;
        match &page.post {
            Some(post) if is_form && post.sender.check(self, visit) => {
                let form = Form::read(visit.headers, body, visit.max_form_bytes).await?;
                (post.submit)(self, visit, form).await
            }
            _ => page.get.ok_or(Refusal::SignIn)?(self, visit).await,
        }
    }
}

impl Page {
    /// The page with this name, which is the rest of its path.
    fn at(name: &str) -> Option<&'static Self> {
        PAGES.iter().find(|page| own_path::page_in(page.path) == Some(name))
    }

    /// Whether a request with this method brings a form; refused if the page has no such method.
    fn takes_form(&self, method: &Method) -> Result<bool, Refusal> {
        match *method {
            Method::GET | Method::HEAD if self.get.is_some() => Ok(false),
            Method::POST if self.post.is_some() => Ok(true),
            _ => Err(Refusal::MethodNotAllowed(match (&self.get, &self.post) {
                (Some(_), Some(_)) => "GET, HEAD, POST",
                (Some(_), None) => "GET, HEAD",
                (None, _) => "POST",
            })),
        }
    }
}

impl Who {
    fn check(self, visit: &Visit<'_>) -> Result<(), Refusal> {
        match self {
            Self::Anyone => Ok(()),
            Self::SignedIn => SignedIn::of(visit).map(|_| ()),
        }
    }
}

impl Sender {
    fn check(self, portal: &Portal, visit: &Visit<'_>) -> bool {
        match self {
            Self::KnownBrowser => csrf::may_send_forms(visit),
            Self::KnownBrowserDuringSetup => csrf::may_send_forms(visit) && portal.setup.is_open(),
            Self::LiveSession => csrf::presented_session(visit).is_some(),
            Self::SignedIn => SignedIn::of(visit).is_ok(),
        }
    }
}

/// The root of the pages leads to one of them.
fn lead_on(visit: &Visit<'_>) -> Answer {
    pages::redirect(if visit.account.is_some() { paths::ACCOUNT } else { paths::LOGIN })
}

fn ready<'a>(response: Result<Answer, Refusal>) -> Answering<'a> {
    future::ready(response).boxed_local()
}
