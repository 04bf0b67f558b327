//! The gateway's own pages under `/.gateway/`, and the mails that lead to them.
//!
//! The gateway hands over each request for such a path as a [`PageRequest`], with the session and the account that it has
//! already found. Each page is a row of `page_table` and has a file. A page that changes anything takes a
//! `csrf::Genuine` form, opens a session for an [`auth::Proved`](crate::auth::Proved) only, and sends the browser on
//! to a [`ReturnTo`], never to another host. Every way of saying no is a [`Refusal`](crate::refusal::Refusal).
//!
//! | topic | files |
//! | --- | --- |
//! | the way of a request to its page | `router`, `page_table`, `page_request`, `form`, `csrf`, `flash`, `return_to` |
//! | signing in | `login`, `second_step`, `new_password_step`, `fields_step`, `add_app`, `passkeys/`, `providers/`; `setup` for the first user |
//! | between the steps, and the end | `pending_sign_in`, `finish_sign_in`, `session_opening` |
//! | a further proof, signing out | `confirm`, `logout` |
//! | the account | `account`, `sessions`, `connections`, `factors`, `tokens`, `profile`, `activity`, `personal_data`, `change_password`, `change_email` |
//! | links and notices by mail | `letters`, `link_page`, `reset`, `password_by_link`, `register`, `notices`, `request_limit` |
//! | several hosts | `portal_host`, `host_role`, `hand_over`, `apps` |
//! | requests that came without a session | `interrupted_request`, `parked_form/` |
//!
//! No page decides who may use an application, and no page checks a password: [`auth`](crate::auth) does.

mod account;
mod account_settings;
mod activity;
mod add_app;
mod app_link;
mod apps;
mod authenticators;
mod change_email;
mod change_password;
mod confirm;
mod connections;
mod csrf;
mod device;
mod durations;
mod enrol_step;
mod factors;
mod fields_step;
mod finish_sign_in;
mod flash;
pub(crate) mod form;
mod hand_over;
mod host_role;
mod interrupted_request;
mod letters;
mod link_page;
mod login;
mod logout;
mod navigation;
mod new_password_step;
mod notice;
mod notices;
mod own_fields;
mod own_path;
mod page_request;
mod page_table;
mod parked_form;
mod passkey_settings;
mod passkeys;
mod password_by_link;
mod pending_sign_in;
mod person;
mod personal_data;
mod portal_host;
mod problem;
mod profile;
mod providers;
mod qr_code;
mod register;
mod registration;
mod request_limit;
mod reset;
mod return_to;
mod router;
mod second_step;
mod service;
mod session_opening;
mod sessions;
mod settings;
mod setup;
mod signed_in;
mod tokens;
mod unfit_texts;
mod whoami;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

pub use account_settings::{AccountSettings, SecondFactorPolicy};
pub use app_link::{AppLink, AppPresentation};
pub use authenticators::{AuthenticatorNames, AuthenticatorNamesProblem};
pub use device::describe as describe_device;
pub use durations::ago;
pub use interrupted_request::{InterruptedRequest, Prerequisite};
pub use letters::{Cause, Letters};
pub use notice::Notice;
pub use own_path::{is_disguised, page_of, well_known};
pub use page_request::PageRequest;
pub use parked_form::{Parked, SentForm};
pub use passkey_settings::PasskeySettings;
pub use passkeys::WellKnown;
pub use portal_host::PortalHost;
pub use registration::{Registration, RegistrationMode};
pub use return_to::ReturnTo;
pub use router::is_worked_off;
pub use service::Portal;
pub use settings::Settings;

use signed_in::SignedIn;

/// The page that lists applications, as [`page_of`] names it.
pub const APPS_PAGE: &str = "apps";

type PageResponse = Response<Full<Bytes>>;

#[cfg(test)]
mod tests;
