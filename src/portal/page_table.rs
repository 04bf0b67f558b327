//! The table of pages: the path of each, the users that it is for, and what its methods do.
//!
//! A new page is a row here, a path in [`paths`], and a file of its own in this folder. [`router`](super::router) checks
//! each request against its row, before it calls what the row names.

use std::future;

use futures_util::future::{FutureExt, LocalBoxFuture};
use http::Method;

use super::{
    PageRequest, PageResponse, Portal, SignedIn, apps, csrf,
    form::Form,
    host_role::HostRole,
    own_path,
    providers::{self, ProviderPage},
    whoami,
};
use crate::{
    pages::{self, paths},
    refusal::Refusal,
    users::LinkPurpose,
};

/// A page of the gateway.
pub(super) struct PortalPage {
    pub(super) path: &'static str,
    pub(super) who: Who,
    /// GET and HEAD.
    pub(super) get: Option<Get>,
    pub(super) post: Option<Post>,
}

/// The users that a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anyone,
    SignedIn,
}

/// A form that is sent to a page. A sender that cannot have been given this form is shown the page, and nothing that it
/// sent is read.
pub(super) struct Post {
    pub(super) sender: Sender,
    pub(super) submit: Submit,
}

/// The senders that can have been given a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
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

pub(super) const PAGES: &[PortalPage] = &[
    PortalPage {
        path: paths::ROOT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Ok(redirect_from_root(request)))),
        post: None,
    },
    PortalPage {
        path: paths::LOGIN,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_login(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.sign_in(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::SECOND_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_second_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_second_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::ENROL_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_enrol_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_enrol_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::FACTORS,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_factors(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_factors(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::ADD_APP,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_add_app(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.add_app(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::NEW_PASSWORD_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_new_password_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_new_password_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::FIELDS_STEP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_fields_step(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_fields_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PASSKEY_SECOND_STEP,
        who: Who::Anyone,
        get: Some(|_, _| ready(Ok(pages::redirect(paths::SECOND_STEP)))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_passkey_as_second_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PASSKEY_ENROL_STEP,
        who: Who::Anyone,
        get: Some(|_, _| ready(Ok(pages::redirect(paths::ENROL_STEP)))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.take_passkey_enrol_step(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PASSKEY_CONFIRM,
        who: Who::Anyone,
        get: Some(|_, _| ready(Ok(pages::redirect(paths::CONFIRM)))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm_with_passkey(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PASSKEY_SIGN_IN,
        who: Who::Anyone,
        // A form that was sent and is shown again.
        get: Some(|_, _| ready(Ok(pages::redirect(paths::LOGIN)))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.sign_in_with_passkey(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::ADD_PASSKEY,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_add_passkey(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.add_passkey(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::LOGOUT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Ok(Portal::ask_to_sign_out(request)))),
        post: Some(Post {
            sender: Sender::LiveSession,
            submit: |portal, request, form| portal.sign_out(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::CONFIRM,
        who: Who::Anyone,
        get: Some(|portal, request| portal.ask_to_confirm(request).map(Ok).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::ACCOUNT,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_account(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::SESSIONS,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.end_sessions(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::CONNECTIONS,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_connections(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PROFILE,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_profile(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_profile(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::ACTIVITY,
        who: Who::SignedIn,
        get: Some(|portal, request| portal.show_activity(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::DATA,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.download_data(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::PASSWORD,
        who: Who::SignedIn,
        get: Some(|_, request| ready(Portal::show_password_form(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_password(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::RESET,
        who: Who::Anyone,
        get: Some(|portal, request| ready(portal.show_reset(request))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| ready(portal.ask_for_reset(request, form)),
        }),
    },
    PortalPage {
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
    PortalPage {
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
    PortalPage {
        path: paths::REGISTER,
        who: Who::Anyone,
        get: Some(|portal, request| ready(portal.show_register(request))),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| ready(portal.ask_to_register(request, form)),
        }),
    },
    PortalPage {
        path: paths::REGISTER_FINISH,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_register_finish(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.finish_registration(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::EMAIL,
        who: Who::SignedIn,
        get: Some(|portal, request| ready(portal.show_email(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.ask_for_email(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::CONFIRM_EMAIL,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_confirm_email(request).boxed_local()),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.confirm_email(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::UNDO_EMAIL,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_undo_email(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowser,
            submit: |portal, request, form| portal.undo_email(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::TOKENS,
        who: Who::SignedIn,
        get: Some(|portal, request| ready(portal.show_tokens(request))),
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.change_tokens(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::WHOAMI,
        who: Who::Anyone,
        get: Some(|_, request| ready(whoami::respond(request))),
        post: None,
    },
    PortalPage {
        path: paths::OIDC_START,
        who: Who::Anyone,
        get: Some(|portal, request| portal.start_at_provider(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::OIDC_CALLBACK,
        who: Who::Anyone,
        get: Some(|portal, request| portal.come_back_from_provider(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::OIDC_LINK,
        who: Who::SignedIn,
        get: None,
        post: Some(Post {
            sender: Sender::SignedIn,
            submit: |portal, request, form| portal.link_at_provider(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::OIDC_LOGOUT,
        who: Who::Anyone,
        get: None,
        post: Some(Post {
            sender: Sender::Provider,
            submit: |portal, request, form| portal.end_by_provider(request, form).boxed_local(),
        }),
    },
    PortalPage {
        path: paths::OIDC_SIGNED_OUT,
        who: Who::Anyone,
        get: Some(|_, request| ready(Portal::come_back_signed_out(request))),
        post: None,
    },
    PortalPage {
        path: paths::APPS,
        who: Who::SignedIn,
        get: Some(|_, request| ready(apps::show(request))),
        post: None,
    },
    PortalPage {
        path: paths::PARKED_FORM,
        who: Who::Anyone,
        get: Some(|portal, request| portal.offer_parked_form(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::HAND_OVER,
        who: Who::Anyone,
        get: Some(|portal, request| portal.hand_over(request).boxed_local()),
        post: None,
    },
    PortalPage {
        path: paths::SETUP,
        who: Who::Anyone,
        get: Some(|portal, request| portal.show_setup(request).boxed_local()),
        post: Some(Post {
            sender: Sender::KnownBrowserDuringSetup,
            submit: |portal, request, form| portal.set_up(request, form).boxed_local(),
        }),
    },
];

impl PortalPage {
    /// The page with this name, which is the rest of its path. Each provider has the same pages.
    pub(super) fn at(name: &str) -> Option<&'static Self> {
        match ProviderPage::named(name) {
            Some(page) => PAGES.iter().find(|other| other.path == page.pattern()),
            None => PAGES.iter().find(|page| own_path::page_in(page.path) == Some(name)),
        }
    }

    /// Whether a request with this method is worked off to its end, also if its client disconnects; see
    /// [`is_worked_off`](super::is_worked_off).
    pub(super) fn is_worked_off(&self, method: &Method) -> bool {
        match *method {
            Method::POST => !CHANGE_NOTHING.contains(&self.path),
            // The return from a provider may connect an identity.
            _ => self.path == paths::OIDC_CALLBACK,
        }
    }

    /// Whether a request with this method brings a form; refused if the page has no such method.
    pub(super) fn takes_form(&self, method: &Method) -> Result<bool, Refusal> {
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
    pub(super) fn check(self, request: &PageRequest<'_>) -> Result<(), Refusal> {
        match self {
            Self::Anyone => Ok(()),
            Self::SignedIn => SignedIn::of(request).map(|_| ()),
        }
    }
}

impl Sender {
    pub(super) fn check(self, portal: &Portal, request: &PageRequest<'_>) -> bool {
        match self {
            Self::KnownBrowser => csrf::may_send_forms(request),
            Self::KnownBrowserDuringSetup => csrf::may_send_forms(request) && portal.setup.is_open(),
            Self::LiveSession => csrf::presented_session(request).is_some(),
            Self::SignedIn => SignedIn::of(request).is_ok(),
            Self::Provider => providers::provider_of(request).is_ok(),
        }
    }
}

/// The pages whose forms prove something and change nothing. A client that disconnects from one signs nobody in, and its
/// attempt counts.
const CHANGE_NOTHING: [&str; 6] = [
    paths::LOGIN,
    paths::SECOND_STEP,
    paths::PASSKEY_SIGN_IN,
    paths::PASSKEY_SECOND_STEP,
    paths::CONFIRM,
    paths::PASSKEY_CONFIRM,
];

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
