//! A page of the gateway: its contents, and the template that shows them.

use serde::Serialize;

use super::contents::{
    Account, ActivityPage, AddApp, AddPasskey, Apps, Confirm, ConfirmEmail, Email, Factors, FieldsStep,
    Login, Logout, NewPassword, NewPasswordStep, NotSignedIn, Notice, Onward, ParkedFormPage, PasskeyAdded,
    Password, Profile, RecoveryCodesPage, Refused, Register, RegisterFinish, Reset, SecondStep, Setup,
    Tokens,
};

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
    /// The step of a sign-in that asks for required fields.
    FieldsStep(FieldsStep<'a>),
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
            Self::FieldsStep(_) => "fields_step.html",
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
