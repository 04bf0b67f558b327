//! The paths of the gateway's own pages, the same on every host.
//!
//! The table of pages in `portal::router` says who may use each of them. Templates know the paths as `paths`.

use minijinja::{Value, context};

/// The start of every path of the gateway's own; by itself it leads to the account or to the sign-in page.
pub const ROOT: &str = "/.gateway/";
/// The sign-in page.
pub const LOGIN: &str = "/.gateway/login";
/// The page that ends the session.
pub const LOGOUT: &str = "/.gateway/logout";
/// The page that asks for the password again.
pub const CONFIRM: &str = "/.gateway/confirm";
/// The page of the user's own account.
pub const ACCOUNT: &str = "/.gateway/account";
/// Ends sessions from the list on the account page.
pub const SESSIONS: &str = "/.gateway/account/sessions";
/// The page that changes the user's own password.
pub const PASSWORD: &str = "/.gateway/account/password";
/// The user who is signed in, as JSON for the pages of an application.
pub const WHOAMI: &str = "/.gateway/whoami";
/// The page that makes the first user.
pub const SETUP: &str = "/.gateway/setup";

/// The paths, for templates.
pub(super) fn for_templates() -> Value {
    let path = |path: &str| Value::from_safe_string(path.to_owned());
    context! {
        login => path(LOGIN),
        logout => path(LOGOUT),
        confirm => path(CONFIRM),
        account => path(ACCOUNT),
        sessions => path(SESSIONS),
        password => path(PASSWORD),
        setup => path(SETUP),
    }
}
