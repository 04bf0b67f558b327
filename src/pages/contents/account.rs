//! The page of the user's account, with sessions and connected sign-ins.

use serde::Serialize;

use super::display_time::DisplayTime;

/// A person's own account.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct Account<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The canonical user name.
    pub username: &'a str,
    /// The full name; empty if there is none.
    pub full_name: &'a str,
    /// The email address; empty if there is none.
    pub email: &'a str,
    /// Whether the address can be changed here.
    pub can_change_email: bool,
    /// Whether the user is a superuser, who passes every rule.
    pub superuser: bool,
    /// The user's groups.
    pub groups: Vec<&'a str>,
    /// The user's permissions, direct ones and those of groups.
    pub permissions: Vec<&'a str>,
    /// Whether the account has a password here.
    pub has_password: bool,
    /// The time of the last recorded sign-in.
    pub last_sign_in: Option<DisplayTime>,
    /// The time at which this browser has to sign in again at the latest.
    pub expires: DisplayTime,
    /// All sessions, this one first.
    pub sessions: Vec<ListedSession>,
    /// The identities of backends that belong to the account.
    pub connected: Vec<ConnectedSignIn>,
    /// The providers that can be connected.
    pub connectable: Vec<Connectable>,
    /// Whether sessions may be missing from the list, because the store can't be read at the moment.
    pub incomplete: bool,
    /// Whether this is the portal host, whose sign-in counts on every host.
    pub is_portal: bool,
    /// The page of an application to go back to.
    pub back: &'a str,
    /// The reason why the page is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// The passkeys of the user, as JSON, so that the browser offers no others.
    pub passkey_signals: Option<&'a str>,
}

/// A session in the list of the user's sessions.
#[derive(Debug, Serialize)]
pub struct ListedSession {
    /// Its key, which names it in the form.
    pub key: String,
    /// Whether it is the session of this browser.
    pub current: bool,
    /// A description of browser and system.
    pub device: String,
    /// Its host; empty if the record has none.
    pub host: String,
    /// The app hosts that were reached from the portal host.
    pub reached: Vec<String>,
    /// The client's address at sign-in.
    pub address: String,
    /// The time of sign-in.
    pub signed_in: DisplayTime,
    /// The time of its last use.
    pub last_seen: DisplayTime,
    /// Whether the user wanted to stay signed in on this device.
    pub remembered: bool,
}

/// An identity of a backend in the list of connected sign-ins.
#[derive(Debug, Serialize)]
pub struct ConnectedSignIn {
    /// The identity, which names it in the form.
    pub key: String,
    /// The backend, as people read it.
    pub title: String,
    /// The user's address there, or the name; empty if neither is known.
    pub name: String,
    /// When it was connected.
    pub linked: DisplayTime,
    /// When the user last signed in through it.
    pub last_seen: Option<DisplayTime>,
    /// Whether the backend does not let the user in any more.
    pub has_ended: bool,
    /// Whether the user can sign in without it.
    pub can_disconnect: bool,
}

/// A provider that can be connected.
#[derive(Debug, Serialize)]
pub struct Connectable {
    /// The address that its form is sent to.
    pub action: String,
    /// The provider, as people read it.
    pub title: String,
}
