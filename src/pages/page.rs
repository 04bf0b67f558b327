//! The contents of each page, as data.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::clock::Timestamp;

/// A page, ready to be rendered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Page<'a> {
    /// The sign-in form.
    Login(Login<'a>),
    /// The second step of a sign-in.
    SecondStep(SecondStep<'a>),
    /// The form that adds a passkey.
    AddPasskey(AddPasskey<'a>),
    /// A passkey was added.
    PasskeyAdded(PasskeyAdded<'a>),
    /// Asks whether to sign out.
    Logout(Logout<'a>),
    /// Asks for the password again.
    Confirm(Confirm<'a>),
    /// The user's own second factors.
    Factors(Factors<'a>),
    /// The form that adds an authenticator app.
    AddApp(AddApp<'a>),
    /// New recovery codes.
    RecoveryCodes(RecoveryCodesPage<'a>),
    /// The user's own account.
    Account(Account<'a>),
    /// The user's own profile.
    Profile(Profile<'a>),
    /// The activity of the account.
    Activity(ActivityPage<'a>),
    /// The step of a sign-in that changes a password that has to be changed.
    NewPasswordStep(NewPasswordStep<'a>),
    /// The form to change one's password.
    Password(Password<'a>),
    /// The user's API tokens, and the form for a new one.
    Tokens(Tokens<'a>),
    /// The form that makes the first superuser.
    Setup(Setup<'a>),
    /// Asks for a link for a forgotten password.
    Reset(Reset<'a>),
    /// Sets a password by a link.
    NewPassword(NewPassword<'a>),
    /// Asks for a link to register.
    Register(Register<'a>),
    /// Makes an account by a link.
    RegisterFinish(RegisterFinish<'a>),
    /// Changes the user's own address.
    Email(Email<'a>),
    /// Confirms an address by a link, or undoes a change.
    ConfirmEmail(ConfirmEmail<'a>),
    /// The way to a provider.
    Onward(Onward<'a>),
    /// A sign-in through a provider that did not succeed.
    NotSignedIn(NotSignedIn<'a>),
    /// The applications that the user may use.
    Apps(Apps<'a>),
    /// A form of an application that is offered again.
    ParkedForm(ParkedFormPage<'a>),
    /// A message with one way to go on.
    Notice(Notice<'a>),
    /// A refusal.
    Refused(Refused<'a>),
}

/// The sign-in form.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct Login<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The site that the browser goes on to after sign-in.
    pub continues_to: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address to go to after sign-in.
    pub next: &'a str,
    /// The name that was typed before, if any.
    pub username: &'a str,
    /// The checkbox that keeps the user signed in; `None` where it is not offered.
    pub remember: Option<Remember>,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// Whether the gateway has no users, so that nobody can sign in.
    pub no_users: bool,
    /// Whether a name and a password can be typed.
    pub has_form: bool,
    /// Whether a forgotten password can be replaced.
    pub can_reset: bool,
    /// Whether people can register.
    pub can_register: bool,
    /// The providers, each with the address that starts a sign-in there.
    pub providers: Vec<ProviderLink<'a>>,
    /// The form of passkeys, if a passkey alone signs in.
    pub passkey: Option<PasskeyForm<'a>>,
}

/// The form that the script of passkeys fills in.
#[derive(Debug, Serialize)]
pub struct PasskeyForm<'a> {
    /// The address that it is sent to.
    pub action: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address to go to afterwards; empty if the form leads to none.
    pub next: &'a str,
    /// The challenge.
    pub challenge: &'a str,
    /// The options of the ceremony, as JSON.
    pub options: &'a str,
    /// The time after which the challenge expires, in seconds.
    pub expires: u64,
    /// Whether a passkey is created, and not used.
    pub creates: bool,
    /// Whether the browser offers passkeys in the name field.
    pub conditional: bool,
    /// Whether its button is the first choice on the page.
    pub primary: bool,
    /// The proposed name of a new passkey.
    pub name: &'a str,
}

/// The form that adds a passkey.
#[derive(Debug, Serialize)]
pub struct AddPasskey<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The name that the passkey will be for.
    pub rp_id: &'a str,
    /// The form.
    pub passkey: PasskeyForm<'a>,
    /// The passkeys that the user has, as JSON, so that the browser forgets others.
    pub accepted: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

/// The message that a passkey was added.
#[derive(Debug, Serialize)]
pub struct PasskeyAdded<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The name of the passkey.
    pub name: &'a str,
    /// The recovery codes that came with the first factor.
    pub codes: Vec<&'a str>,
}

/// The second step of a sign-in.
#[derive(Debug, Serialize)]
pub struct SecondStep<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The site that the browser goes on to after sign-in.
    pub continues_to: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// Whether the account has an authenticator app.
    pub has_totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The form of passkeys, if the account has one.
    pub passkey: Option<PasskeyForm<'a>>,
}

/// The button of a provider.
#[derive(Debug, Serialize)]
pub struct ProviderLink<'a> {
    /// The address that leads there.
    pub href: String,
    /// The provider's title.
    pub title: &'a str,
}

/// The checkbox “Keep me signed in on this device”.
#[derive(Debug, Serialize)]
pub struct Remember {
    /// The time that a sign-in lasts with it, humanised.
    pub time: String,
    /// Whether it is checked.
    pub checked: bool,
}

/// The form that asks for a further proof.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct Confirm<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The address to go to afterwards.
    pub next: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
    /// Whether the user may type a password.
    pub has_form: bool,
    /// Whether the user may type a code of an authenticator app.
    pub has_totp: bool,
    /// How many recovery codes may be typed.
    pub recovery_codes_left: u32,
    /// Whether the account has a second factor.
    pub has_factors: bool,
    /// Whether the user may add a second factor.
    pub may_add_factors: bool,
    /// The providers of the user, each with the address that confirms there.
    pub providers: Vec<ProviderLink<'a>>,
    /// The form of passkeys, if the account has one.
    pub passkey: Option<PasskeyForm<'a>>,
}

/// The user's own second factors.
#[derive(Debug, Serialize)]
pub struct Factors<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The factors.
    pub factors: Vec<ListedFactor<'a>>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// Whether factors can be added.
    pub may_add: bool,
    /// Whether passkeys can be added.
    pub may_add_passkeys: bool,
    /// Whether the account needs one.
    pub is_required: bool,
    /// The reason why the page is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
}

/// A factor in the list.
#[derive(Debug, Serialize)]
pub struct ListedFactor<'a> {
    /// Its number, which names it in the forms.
    pub id: String,
    /// Whether it is a passkey; otherwise it is an authenticator app.
    pub is_passkey: bool,
    /// The name that its owner gave it.
    pub name: &'a str,
    /// When it was added.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: Option<DisplayTime>,
}

/// The form that adds an authenticator app.
#[derive(Serialize)]
pub struct AddApp<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name.
    pub username: &'a str,
    /// Whether this is a step of a sign-in.
    pub is_step: bool,
    /// Width and height of the QR code in modules; 0: there is none.
    pub qr_size: usize,
    /// The dark modules of the QR code, as a path of SVG.
    pub qr_path: &'a str,
    /// The secret, for typing.
    pub secret: &'a str,
    /// The address in the QR code.
    pub address: &'a str,
    /// The secret, sealed, for the form.
    pub sealed: &'a str,
    /// The name of the new factor.
    pub name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

impl fmt::Debug for AddApp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddApp").field("username", &self.username).finish_non_exhaustive()
    }
}

/// New recovery codes, which are shown once.
#[derive(Serialize)]
pub struct RecoveryCodesPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The codes.
    pub codes: Vec<&'a str>,
    /// The address to go on to.
    pub next: &'a str,
}

impl fmt::Debug for RecoveryCodesPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCodesPage").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The question whether to sign out.
#[derive(Debug, Serialize)]
pub struct Logout<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The user's name as people read it; empty if nobody is signed in.
    pub name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

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

/// The applications that the user may use.
#[derive(Debug, Serialize)]
pub struct Apps<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The user's name as people read it.
    pub name: &'a str,
    /// The applications.
    pub apps: Vec<AppTile<'a>>,
}

/// An application in the list.
#[derive(Debug, Serialize)]
pub struct AppTile<'a> {
    /// Its title.
    pub title: &'a str,
    /// The first letter of the title, in place of an icon.
    pub initial: String,
    /// A sentence about it; empty if there is none.
    pub description: &'a str,
    /// Its address.
    pub href: String,
    /// The address of its icon.
    pub icon: Option<String>,
}

/// A form of an application that is offered again. Prints its path alone: the fields may hold secrets.
#[derive(Serialize)]
pub struct ParkedFormPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The path that the form is sent to, to be read by people.
    pub path: &'a str,
    /// The address that the form is sent to.
    pub action: &'a str,
    /// How the browser writes the form.
    pub enctype: &'a str,
    /// The fields.
    pub fields: Vec<ParkedField<'a>>,
    /// The page to go back to.
    pub back: &'a str,
}

/// A field of a form that is offered again.
#[derive(Serialize)]
pub struct ParkedField<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value; `None`: a field for a file, without a file.
    pub value: Option<&'a str>,
    /// Whether the value is sent and not shown.
    pub is_hidden: bool,
}

impl fmt::Debug for ParkedFormPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkedFormPage").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A message with one way to go on.
#[derive(Debug, Serialize)]
pub struct Notice<'a> {
    /// The event, in a few words.
    pub title: &'a str,
    /// The message.
    pub text: &'a str,
    /// The way to go on.
    pub page_link: PageLink<'a>,
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

/// The step of a sign-in that changes a password that has to be changed.
#[derive(Debug, Serialize)]
pub struct NewPasswordStep<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The user's own profile.
#[derive(Debug, Serialize)]
pub struct Profile<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the forms to the session.
    pub csrf: &'a str,
    /// The canonical user name.
    pub username: &'a str,
    /// The e-mail address; empty if there is none.
    pub email: &'a str,
    /// The full name; empty if there is none.
    pub full_name: &'a str,
    /// Whether the user changes the full name here.
    pub is_name_own: bool,
    /// Whether the full name that was sent cannot be one.
    pub is_name_wrong: bool,
    /// The fields that the operator has defined.
    pub fields: Vec<ProfileField>,
    /// The reasons why the form is shown again.
    pub problems: Vec<String>,
    /// The flash message.
    pub flash: Option<&'a str>,
}

/// A field of the profile.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which the template asks for")]
pub struct ProfileField {
    /// The name of its input.
    pub input: String,
    /// Its title.
    pub title: String,
    /// `text`, `choice`, `number` or `date`.
    pub kind: &'static str,
    /// The value on the form.
    pub value: String,
    /// The values that can be chosen, that of the user among them.
    pub choices: Vec<ProfileChoice>,
    /// Whether a value is required.
    pub is_required: bool,
    /// Whether the user may change it.
    pub is_editable: bool,
    /// Whether the stored value does not fit the definition.
    pub is_unfit: bool,
    /// Whether the value that was sent does not fit.
    pub is_wrong: bool,
}

/// A value that can be chosen.
#[derive(Debug, Serialize)]
pub struct ProfileChoice {
    /// The value, which is shown as well.
    pub value: String,
    /// Whether it is chosen on the form.
    pub is_chosen: bool,
}

/// The activity of an account.
#[derive(Debug, Serialize)]
pub struct ActivityPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The events, newest first.
    pub activities: Vec<ListedActivity>,
}

/// Something that happened to an account.
#[derive(Debug, Serialize)]
pub struct ListedActivity {
    /// The event, in words.
    pub text: String,
    /// When.
    pub at: DisplayTime,
    /// A description of browser and system, if one was there.
    pub device: Option<String>,
    /// The client's address; empty if it is not known.
    pub address: String,
    /// The host; empty if it is not known.
    pub host: String,
}

/// The form to change one's password.
#[derive(Debug, Serialize)]
pub struct Password<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `current`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The user's API tokens, and the form for a new one.
#[derive(Serialize)]
pub struct Tokens<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// A token that was just made, with its secret.
    pub made: Option<&'a str>,
    /// The tokens.
    pub tokens: Vec<ListedToken>,
    /// The lifetime that is offered, in days.
    pub days: u64,
    /// The longest lifetime in days.
    pub max_days: u64,
    /// Whether the new token may count as two factors.
    pub offers_multi_factor: bool,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The flash message.
    pub flash: Option<&'a str>,
}

/// Shows nothing of a new token.
impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// A token of the list.
#[derive(Debug, Serialize)]
pub struct ListedToken {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scope; empty if it has none.
    pub scope: String,
    /// The networks from which it may be used; empty: everywhere.
    pub networks: Vec<String>,
    /// When it was made.
    pub created: DisplayTime,
    /// When it ends.
    pub expires: DisplayTime,
    /// Whether it has ended.
    pub has_ended: bool,
    /// When it was last used.
    pub last_used: Option<DisplayTime>,
    /// Whether it counts as two factors.
    pub multi_factor: bool,
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
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `username`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that asks for a link for a forgotten password.
#[derive(Debug, Serialize)]
pub struct Reset<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether the gateway sends mail; there is no form otherwise.
    pub sends_mail: bool,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
}

/// The form that sets a password by a link.
#[derive(Debug, Serialize)]
pub struct NewPassword<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether it is the first password, of an invited user.
    pub is_invited: bool,
    /// The user name, for password managers.
    pub username: &'a str,
    /// The name for people of an invited user.
    pub full_name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `full_name`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that asks for a link to register.
#[derive(Debug, Serialize)]
pub struct Register<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether only invited users get a link.
    pub by_invitation: bool,
    /// The address that was typed before, if any.
    pub email: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `email`; empty for none.
    pub about: &'a str,
}

/// The form that makes an account by a link.
#[derive(Debug, Serialize)]
pub struct RegisterFinish<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// The address that the link was sent to.
    pub email: &'a str,
    /// The user name that was typed before, if any.
    pub username: &'a str,
    /// The name for people that was typed before, if any.
    pub full_name: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `username`, `full_name`, `new` or `again`; empty for none.
    pub about: &'a str,
}

/// The form that changes the user's own address.
#[derive(Debug, Serialize)]
pub struct Email<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the session.
    pub csrf: &'a str,
    /// The present address; empty if there is none.
    pub current: &'a str,
    /// Whether the user is known to receive mail there.
    pub verified: bool,
    /// The service that the address comes from, where it is changed; there is no form then.
    pub provider: Option<&'a str>,
    /// The address that was typed before, if any.
    pub typed: &'a str,
    /// The reason why the form is shown again.
    pub problem: Option<&'a str>,
    /// The field that the problem is about: `email`; empty for none.
    pub about: &'a str,
}

/// The button that confirms an address, or undoes a change.
#[derive(Debug, Serialize)]
pub struct ConfirmEmail<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// Value of the hidden field that binds the form to the browser.
    pub csrf: &'a str,
    /// Whether it undoes a change.
    pub is_undo: bool,
    /// The address.
    pub email: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The reason why the page is shown again.
    pub problem: Option<&'a str>,
}

/// The way to a provider.
#[derive(Debug, Serialize)]
pub struct Onward<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The provider's title.
    pub title: &'a str,
    /// The address at the provider.
    pub address: &'a str,
}

/// A sign-in through a provider that did not succeed.
#[derive(Debug, Serialize)]
pub struct NotSignedIn<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The event, in a few words.
    pub title: &'a str,
    /// An explanation, with advice where there is any.
    pub detail: &'a str,
    /// The same sign-in once more, where that may help.
    pub again: Option<PageLink<'a>>,
    /// The same provider with another account.
    pub another: Option<PageLink<'a>>,
    /// The sign-in page.
    pub login: PageLink<'a>,
    /// The id of the request, for an administrator.
    pub request_id: &'a str,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub struct Refused<'a> {
    /// The status code.
    pub status: u16,
    /// The title: what happened, in a few words.
    pub title: &'a str,
    /// An explanation, with advice where there is any.
    pub detail: &'a str,
    /// The id of the request, for an administrator.
    pub request_id: &'a str,
    /// A page of the gateway to go on to.
    pub page_link: Option<PageLink<'a>>,
    /// Whether the page links to the account and to the sign-out page.
    pub offers_account: bool,
    /// The address that the request should have used.
    pub link: Option<&'a str>,
    /// Whether the page is in a frame, which its links have to leave.
    pub is_framed: bool,
}

/// A link to another page of the gateway.
#[derive(Debug, Serialize)]
pub struct PageLink<'a> {
    /// Its address.
    pub href: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A point in time; templates show it with the functions `date`, `time` and `ago`.
#[derive(Debug, Serialize)]
pub struct DisplayTime {
    millis: i64,
    machine: String,
    seconds_ago: u64,
}

impl DisplayTime {
    /// The same time with its distance from now.
    #[must_use]
    pub fn ago(self, ago: Duration) -> Self {
        Self { seconds_ago: ago.as_secs(), ..self }
    }
}

impl Page<'_> {
    /// The template that shows it.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Login(_) => "login.html",
            Self::SecondStep(_) => "second_step.html",
            Self::AddPasskey(_) => "add_passkey.html",
            Self::PasskeyAdded(_) => "passkey_added.html",
            Self::Logout(_) => "logout.html",
            Self::Confirm(_) => "confirm.html",
            Self::Factors(_) => "factors.html",
            Self::AddApp(_) => "add_app.html",
            Self::RecoveryCodes(_) => "recovery_codes.html",
            Self::Account(_) => "account.html",
            Self::Profile(_) => "profile.html",
            Self::Activity(_) => "activity.html",
            Self::NewPasswordStep(_) => "new_password_step.html",
            Self::Password(_) => "password.html",
            Self::Tokens(_) => "tokens.html",
            Self::Setup(_) => "setup.html",
            Self::Reset(_) => "reset.html",
            Self::NewPassword(_) => "new_password.html",
            Self::Register(_) => "register.html",
            Self::RegisterFinish(_) => "register_finish.html",
            Self::Email(_) => "email.html",
            Self::ConfirmEmail(_) => "confirm_email.html",
            Self::Onward(_) => "onward.html",
            Self::NotSignedIn(_) => "not_signed_in.html",
            Self::Apps(_) => "apps.html",
            Self::ParkedForm(_) => "parked_form.html",
            Self::Notice(_) => "notice.html",
            Self::Refused(_) => "refused.html",
        }
    }
}

impl From<Timestamp> for DisplayTime {
    fn from(time: Timestamp) -> Self {
        Self { millis: time.as_millis(), machine: time.to_string(), seconds_ago: 0 }
    }
}
