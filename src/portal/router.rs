//! The table of pages: the path of each, the users that it is for, and what its methods do.
//!
//! Requests enter at [`Portal::respond`]. It finds the page, refuses methods that the page does not have, and checks
//! who may use the page and who may send its form, all before it reads a byte of the body. GET and HEAD
//! change nothing but the cookies of the form and of the flash message.

use std::{error::Error, future};

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use http::{Method, Response};
use http_body::Body;
use http_body_util::Full;

use super::{
    InterruptedRequest, PageRequest, PageResponse, Portal, Prerequisite, SignedIn, apps, csrf,
    form::Form,
    host_role::HostRole,
    own_path,
    providers::{self, ProviderPage},
    whoami,
};
use crate::{
    pages::{self, paths},
    refusal::{Refusal, Representation},
    users::LinkPurpose,
};

/// A page of the gateway.
pub(super) struct Page {
    pub(super) path: &'static str,
    who: Who,
    /// GET and HEAD.
    get: Option<Get>,
    pub(super) post: Option<Post>,
}

/// The users that a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    SignedIn,
}

/// A form that is sent to a page. A sender that cannot have been given this form is shown the page, and nothing that it
/// sent is read.
pub(super) struct Post {
    sender: Sender,
    submit: Submit,
}

/// The senders that can have been given a form.
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
    /// A provider of this name, which brings no cookie but a signed token.
    Provider,
}

type Get = for<'a> fn(&'a Portal, &'a PageRequest<'a>) -> ResponseFuture<'a>;
type Submit = for<'a> fn(&'a Portal, &'a PageRequest<'a>, Form) -> ResponseFuture<'a>;
type ResponseFuture<'a> = LocalBoxFuture<'a, Result<PageResponse, Refusal>>;

pub(super) const PAGES: &[Page] = &[
    Page {
        path: paths::ROOT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Ok(redirect_from_root(request)))),
        post: None,
    },
    Page {
        path: paths::LOGIN,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_login(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.sign_in(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::SECOND_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_second_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_second_step(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ENROL_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_enrol_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_enrol_step(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::FACTORS,
        who: Who::SignedIn,
        get: Some(|_, request| ready(Portal::show_factors(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_factors(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ADD_APP,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_add_app(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.add_app(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::NEW_PASSWORD_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_new_password_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_new_password_step(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PASSKEY_SECOND_STEP,
        who: Who::Anyone,
        get: Some(|_, _| ready(Ok(pages::redirect(paths::SECOND_STEP)))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_passkey_as_second_step(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PASSKEY_CONFIRM,
        who: Who::Anyone,
        get: Some(|_, _| ready(Ok(pages::redirect(paths::CONFIRM)))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm_with_passkey(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PASSKEY_SIGN_IN,
        who: Who::Anyone,
        // A form that was sent and is shown again.
        get: Some(|_, _| ready(Ok(pages::redirect(paths::LOGIN)))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.sign_in_with_passkey(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ADD_PASSKEY,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_add_passkey(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.add_passkey(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::LOGOUT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Ok(Portal::ask_to_sign_out(request)))),
        post: Some(Post {
            sender: Sender::LiveSession,
            submit: |portal, request, form| portal.sign_out(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::CONFIRM,
        who: Who::Anyone,
        get: Some(|portal, request| portal.ask_to_confirm(request).map(Ok).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ACCOUNT,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_account(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::SESSIONS,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.end_sessions(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::CONNECTIONS,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_connections(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PROFILE,
        who: Who::SignedIn,
        get: Some(|_, request| ready(Portal::show_profile(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_profile(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::ACTIVITY,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_activity(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::DATA,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.download_data(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::PASSWORD,
        who: Who::SignedIn,
        get: Some(|_, request| ready(Portal::show_password_form(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_password(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::RESET,
        who: Who::Anyone,
        get: Some(|portal, request| ready(portal.show_reset(request))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| ready(portal.ask_for_reset(request, form)),
        }),
    },
    Page {
        path: paths::NEW_PASSWORD,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_password_by_link(request, LinkPurpose::Reset).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| {
                portal.set_password_by_link(request, form, LinkPurpose::Reset).boxed_local()
            },
        }),
    },
    Page {
        path: paths::INVITE,
        who: Who::Anyone,
        get: Some(|portal, request| {
            portal.show_password_by_link(request, LinkPurpose::Invitation).boxed_local()
        }),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| {
                portal.set_password_by_link(request, form, LinkPurpose::Invitation).boxed_local()
            },
        }),
    },
    Page {
        path: paths::REGISTER,
        who: Who::Anyone,
        get: Some(|portal, request| ready(portal.show_register(request))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| ready(portal.ask_to_register(request, form)),
        }),
    },
    Page {
        path: paths::REGISTER_FINISH,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_register_finish(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.finish_registration(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::EMAIL,
        who: Who::SignedIn,
        get: Some(|portal, request| ready(portal.show_email(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.ask_for_email(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::CONFIRM_EMAIL,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_confirm_email(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm_email(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::UNDO_EMAIL,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_undo_email(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.undo_email(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::TOKENS,
        who: Who::SignedIn,
        get: Some(|portal, request| ready(portal.show_tokens(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_tokens(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::WHOAMI,
        who: Who::Anyone,
        get: Some(|_, request| ready(whoami::respond(request))),
        post: None,
    },
    Page {
        path: paths::OIDC_START,
        who: Who::Anyone,
        get: Some(|portal, request| portal.start_at_provider(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::OIDC_CALLBACK,
        who: Who::Anyone,
        get: Some(|portal, request| portal.come_back_from_provider(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::OIDC_LINK,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.link_at_provider(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::OIDC_LOGOUT,
        who: Who::Anyone,
        get: None,
        post: Some(Post {
            sender: Sender::Provider,
            submit: |portal, request, form| portal.end_by_provider(request, form).boxed_local(),
        }),
    },
    Page {
        path: paths::OIDC_SIGNED_OUT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Portal::come_back_signed_out(request))),
        post: None,
    },
    Page {
        path: paths::APPS,
        who: Who::SignedIn,
        get: Some(|_, request| ready(apps::show(request))),
        post: None,
    },
    Page {
        path: paths::PARKED_FORM,
        who: Who::Anyone,
        get: Some(|portal, request| portal.offer_parked_form(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::HAND_OVER,
        who: Who::Anyone,
        get: Some(|portal, request| portal.hand_over(request).boxed_local()),
        post: None,
    },
    Page {
        path: paths::SETUP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_setup(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowserDuringSetup,
            submit: |portal, request, form| portal.set_up(request, form).boxed_local(),
        }),
    },
];

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
        let page = Page::at(request.page).ok_or(Refusal::NotFound)?;
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

impl Page {
    /// The page with this name, which is the rest of its path. Each provider has the same pages.
    fn at(name: &str) -> Option<&'static Self> {
        match ProviderPage::named(name) {
            Some(page) => PAGES.iter().find(|other| other.path == page.pattern()),
            None => PAGES.iter().find(|page| own_path::page_in(page.path) == Some(name)),
        }
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
    fn check(self, request: &PageRequest<'_>) -> Result<(), Refusal> {
        match self {
            Self::Anyone => Ok(()),
            Self::SignedIn => SignedIn::of(request).map(|_| ()),
        }
    }
}

impl Sender {
    fn check(self, portal: &Portal, request: &PageRequest<'_>) -> bool {
        match self {
            Self::KnownBrowser => csrf::may_send_forms(request),
            Self::KnownBrowserDuringSetup => csrf::may_send_forms(request) && portal.setup.is_open(),
            Self::LiveSession => csrf::presented_session(request).is_some(),
            Self::SignedIn => SignedIn::of(request).is_ok(),
            Self::Provider => providers::provider_of(request).is_ok(),
        }
    }
}

/// The root of the pages leads to one of them.
fn redirect_from_root(request: &PageRequest<'_>) -> PageResponse {
    let signed_in = match request.host_role() {
        HostRole::Portal(_) => paths::APPS,
        HostRole::Alone | HostRole::App(_) => paths::ACCOUNT,
    };
    pages::redirect(if request.account.is_some() { signed_in } else { paths::LOGIN })
}

fn ready<'a>(response: Result<PageResponse, Refusal>) -> ResponseFuture<'a> {
    future::ready(response).boxed_local()
}
