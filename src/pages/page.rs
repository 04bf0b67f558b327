//! What each page shows, as data.

use serde::Serialize;

use crate::clock::Timestamp;

/// A page, ready to be rendered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "made, shown once and dropped; boxes would only be in the way")]
pub enum Page<'a> {
    /// The sign-in form.
    Login(Login<'a>),
    /// Asks whether to sign out.
    Logout(Logout<'a>),
    /// Asks for the password again.
    Confirm(Confirm<'a>),
    /// Who am I.
    Account(Account<'a>),
    /// The form to change one's password.
    Password(Password<'a>),
    /// The form that makes the first superuser.
    Setup(Setup<'a>),
    /// Something did not work.
    Refused(Refused<'a>),
}

/// The sign-in form.
#[derive(Debug, Serialize)]
pub struct Login<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Where to go after sign-in.
    pub next: &'a str,
    /// The name that was typed before, if any.
    pub username: &'a str,
    /// The box that keeps people signed in; `None`: it is not offered.
    pub remember: Option<Remember>,
    /// Why the form is shown again.
    pub problem: Option<&'a str>,
    /// What has happened just before.
    pub flash: Option<&'a str>,
    /// Whether there is nobody who could sign in.
    pub no_users: bool,
}

/// The box “keep me signed in on this device”.
#[derive(Debug, Serialize)]
pub struct Remember {
    /// For how long, in words.
    pub time: String,
    /// Whether it was ticked before.
    pub checked: bool,
}

/// The form that asks for the password again.
#[derive(Debug, Serialize)]
pub struct Confirm<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// Where to go afterwards.
    pub next: &'a str,
    /// Whose password is asked for; for password managers.
    pub username: &'a str,
    /// Who that is, for people to read.
    pub name: &'a str,
    /// Why the form is shown again.
    pub problem: Option<&'a str>,
    /// What has happened just before.
    pub flash: Option<&'a str>,
}

/// The question whether to sign out.
#[derive(Debug, Serialize)]
pub struct Logout<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// Who is signed in, for people to read.
    pub name: &'a str,
    /// Why the form is shown again.
    pub problem: Option<&'a str>,
}

/// A person's own account.
#[derive(Debug, Serialize)]
pub struct Account<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The canonical user name.
    pub username: &'a str,
    /// Name for people to read; empty if there is none.
    pub full_name: &'a str,
    /// Address; empty if there is none.
    pub email: &'a str,
    /// Whether the user passes every rule.
    pub superuser: bool,
    /// The user's groups.
    pub groups: Vec<&'a str>,
    /// What the user may do, directly and through groups.
    pub permissions: Vec<&'a str>,
    /// Whether there is a password here that can be changed.
    pub has_password: bool,
    /// The sign-in that was recorded last.
    pub last_sign_in: Option<DisplayTime>,
    /// When this browser has to sign in again at the latest.
    pub expires: DisplayTime,
    /// All sessions, this one first.
    pub sessions: Vec<ListedSession>,
    /// Whether there may be sessions that are not listed, because they cannot be read at the moment.
    pub incomplete: bool,
    /// The page of an application to go back to.
    pub back: &'a str,
    /// Why the page is shown again.
    pub problem: Option<&'a str>,
    /// Something that went well before.
    pub flash: Option<&'a str>,
}

/// One session in the list of one's own.
#[derive(Debug, Serialize)]
pub struct ListedSession {
    /// Names it in the form.
    pub key: String,
    /// Whether it is the one that the list is seen with.
    pub current: bool,
    /// Browser and system, in words.
    pub device: String,
    /// The host that it is for; empty if that was not kept.
    pub host: String,
    /// Address at sign-in.
    pub address: String,
    /// When it was opened.
    pub signed_in: DisplayTime,
    /// When it was last used.
    pub last_seen: DisplayTime,
    /// Whether it was asked to be kept on this device.
    pub remembered: bool,
}

/// The form to change one's password.
#[derive(Debug, Serialize)]
pub struct Password<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// Whose password it is; for password managers.
    pub username: &'a str,
    /// Why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `current`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that makes the first superuser.
#[derive(Debug, Serialize)]
pub struct Setup<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The set-up link's secret, carried on by the form.
    pub token: &'a str,
    /// The name that was typed before, if any.
    pub username: &'a str,
    /// Why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `username`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// Something did not work.
#[derive(Debug, Serialize)]
pub struct Refused<'a> {
    /// Three digits.
    pub status: u16,
    /// What happened, in a few words.
    pub title: &'a str,
    /// What the reader can do about it.
    pub detail: &'a str,
    /// What to tell an administrator.
    pub request_id: &'a str,
    /// A page of the gateway that helps.
    pub page_link: Option<PageLink<'a>>,
    /// Whether it helps to see who is signed in, or to sign in as somebody else.
    pub offers_account: bool,
    /// Where the request should have gone.
    pub link: Option<&'a str>,
    /// Whether it is shown in a frame, which its links have to leave.
    pub is_framed: bool,
}

/// A link to another page of the gateway.
#[derive(Debug, Serialize)]
pub struct PageLink<'a> {
    /// Where it leads.
    pub href: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// A point in time, for people and for programs.
#[derive(Debug, Serialize)]
pub struct DisplayTime {
    human: String,
    machine: String,
    ago: String,
}

impl DisplayTime {
    /// The same, also told from now: `5 minutes ago`.
    #[must_use]
    pub fn ago(self, ago: String) -> Self {
        Self { ago, ..self }
    }
}

impl Page<'_> {
    /// The template that shows it.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Login(_) => "login.html",
            Self::Logout(_) => "logout.html",
            Self::Confirm(_) => "confirm.html",
            Self::Account(_) => "account.html",
            Self::Password(_) => "password.html",
            Self::Setup(_) => "setup.html",
            Self::Refused(_) => "refused.html",
        }
    }
}

/// In UTC and said so: a page without script does not know the reader's time zone.
impl From<Timestamp> for DisplayTime {
    fn from(time: Timestamp) -> Self {
        let moment = time::OffsetDateTime::from_unix_timestamp(time.as_millis().div_euclid(1000))
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let human = format!(
            "{} {} {}, {:02}:{:02} UTC",
            moment.day(),
            moment.month(),
            moment.year(),
            moment.hour(),
            moment.minute()
        );
        Self { human, machine: time.to_string(), ago: String::new() }
    }
}
