//! The paths of the gateway's own pages, the same on every host.
//!
//! The table of pages in `portal::page_table` says who may use each of them. Templates know the paths as `paths`.

use minijinja::{Value, context};

/// The start of every path of the gateway's own; by itself it leads to the account or to the sign-in page.
pub const ROOT: &str = "/.gateway/";
/// The sign-in page.
pub const LOGIN: &str = "/.gateway/login";
/// The page of the second step of a sign-in.
pub const SECOND_STEP: &str = "/.gateway/login/second-step";
/// The page at which a required second factor is added during a sign-in.
pub const ENROL_STEP: &str = "/.gateway/login/second-factor";
/// Takes a passkey that is added as a required second factor during a sign-in.
pub const PASSKEY_ENROL_STEP: &str = "/.gateway/login/second-factor/passkey";
/// The page at which a password is replaced during a sign-in.
pub const NEW_PASSWORD_STEP: &str = "/.gateway/login/new-password";
/// The page at which required fields are filled in during a sign-in.
pub const FIELDS_STEP: &str = "/.gateway/login/profile";
/// Takes a passkey that signs in alone.
pub const PASSKEY_SIGN_IN: &str = "/.gateway/login/passkey";
/// Takes a passkey as the second step of a sign-in.
pub const PASSKEY_SECOND_STEP: &str = "/.gateway/login/second-step/passkey";
/// Takes a passkey that confirms who is signed in.
pub const PASSKEY_CONFIRM: &str = "/.gateway/confirm/passkey";
/// The page that adds a passkey.
pub const ADD_PASSKEY: &str = "/.gateway/account/factors/passkey";
/// The page that ends the session.
pub const LOGOUT: &str = "/.gateway/logout";
/// The page that asks for the password again.
pub const CONFIRM: &str = "/.gateway/confirm";
/// The page of the user's own account.
pub const ACCOUNT: &str = "/.gateway/account";
/// Ends sessions from the list on the account page.
pub const SESSIONS: &str = "/.gateway/account/sessions";
/// Connects and disconnects sign-ins of the list on the account page.
pub const CONNECTIONS: &str = "/.gateway/account/connections";
/// The page of the user's own profile.
pub const PROFILE: &str = "/.gateway/account/profile";
/// The page of the account's activity.
pub const ACTIVITY: &str = "/.gateway/account/activity";
/// The download of what is known about the user.
pub const DATA: &str = "/.gateway/account/data";
/// The page that changes the user's own password.
pub const PASSWORD: &str = "/.gateway/account/password";
/// The page of the user's own second factors.
pub const FACTORS: &str = "/.gateway/account/factors";
/// The page that adds an authenticator app.
pub const ADD_APP: &str = "/.gateway/account/factors/app";
/// The page that asks for a link for a forgotten password.
pub const RESET: &str = "/.gateway/reset";
/// The page that such a link leads to.
pub const NEW_PASSWORD: &str = "/.gateway/reset/new";
/// The page that asks for a link to register.
pub const REGISTER: &str = "/.gateway/register";
/// The page that such a link leads to.
pub const REGISTER_FINISH: &str = "/.gateway/register/finish";
/// The page that the link of an invitation leads to.
pub const INVITE: &str = "/.gateway/invite";
/// The page that changes the user's own address.
pub const EMAIL: &str = "/.gateway/account/email";
/// The page that the link to a new address leads to.
pub const CONFIRM_EMAIL: &str = "/.gateway/confirm-email";
/// The page that the link to a former address leads to.
pub const UNDO_EMAIL: &str = "/.gateway/undo-email";
/// The page of the user's API tokens.
pub const TOKENS: &str = "/.gateway/account/tokens";
/// The user who is signed in, as JSON for the pages of an application.
pub const WHOAMI: &str = "/.gateway/whoami";
/// The applications that the user may use; on the portal host.
pub const APPS: &str = "/.gateway/apps";
/// Hands a sign-in over from the portal host to an app host: the page of either that does its part.
pub const HAND_OVER: &str = "/.gateway/hand-over";
/// Offers a form again that came without a live session.
pub const PARKED_FORM: &str = "/.gateway/parked";
/// The page that makes the first user.
pub const SETUP: &str = "/.gateway/setup";
/// Sends the browser to a provider; `*` stands for its name.
pub const OIDC_START: &str = "/.gateway/oidc/*/start";
/// The browser comes back from a provider.
pub const OIDC_CALLBACK: &str = "/.gateway/oidc/*/callback";
/// Connects a provider to the account of the user who is signed in.
pub const OIDC_LINK: &str = "/.gateway/oidc/*/link";
/// A provider says that a sign-in has ended.
pub const OIDC_LOGOUT: &str = "/.gateway/oidc/*/logout";
/// The browser comes back from the sign-out at a provider.
pub const OIDC_SIGNED_OUT: &str = "/.gateway/oidc/*/signed-out";

/// The paths, for templates.
pub(super) fn for_templates() -> Value {
    let path = |path: &str| Value::from_safe_string(path.to_owned());
    context! {
        login => path(LOGIN),
        logout => path(LOGOUT),
        confirm => path(CONFIRM),
        account => path(ACCOUNT),
        sessions => path(SESSIONS),
        connections => path(CONNECTIONS),
        password => path(PASSWORD),
        factors => path(FACTORS),
        add_passkey => path(ADD_PASSKEY),
        add_app => path(ADD_APP),
        profile => path(PROFILE),
        activity => path(ACTIVITY),
        data => path(DATA),
        reset => path(RESET),
        new_password => path(NEW_PASSWORD),
        register => path(REGISTER),
        register_finish => path(REGISTER_FINISH),
        invite => path(INVITE),
        email => path(EMAIL),
        confirm_email => path(CONFIRM_EMAIL),
        undo_email => path(UNDO_EMAIL),
        tokens => path(TOKENS),
        apps => path(APPS),
        setup => path(SETUP),
    }
}
