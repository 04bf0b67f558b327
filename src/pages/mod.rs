//! The gateway's own pages as HTML, and the headers of every response that the gateway makes itself.
//!
//! `portal` and `refusal` decide what a page says and when: they fill in a [`Page`], and [`Pages`] renders it with
//! templates that are part of the program, or of an operator ([`ReplacedTemplate`]), with the operator's [`Brand`]. The
//! pages work without script and load nothing but their stylesheet and the logo, and those with passkeys one script, so
//! that the content security policy can forbid everything else.

mod brand;
mod colour;
mod contents;
mod letter;
mod letter_frames;
mod letter_kind;
mod letter_samples;
mod logo;
mod own_response;
mod page;
pub mod paths;
mod replaced;
mod replaced_letters;
mod samples;
mod template_files;
mod template_functions;
mod templates;

pub use brand::{Brand, FooterLink};
pub use colour::Colour;
pub use contents::{
    Account, ActivityPage, AddApp, AddPasskey, AppTile, Apps, Confirm, ConfirmEmail, Connectable,
    ConnectedSignIn, DisplayTime, Email, Factors, FieldsStep, Letter, LetterEvent, LetterLink, LetterUser,
    ListedActivity, ListedFactor, ListedSession, ListedToken, Login, Logout, NewPassword, NewPasswordStep,
    NotSignedIn, Notice, Onward, PageLink, ParkedField, ParkedFormPage, PasskeyAdded, PasskeyForm, Password,
    Profile, ProfileChoice, ProfileField, ProviderLink, RecoveryCodesPage, Refused, Register, RegisterFinish,
    Remember, Reset, SecondStep, Setup, Tokens,
};
pub use letter::RenderedLetter;
pub use letter_kind::LetterKind;
pub use logo::Logo;
pub use own_response::{
    NO_REFERRER, allow_form_to_lead_to, allow_images_of, allow_same_origin_frames, own_response, redirect,
};
pub use page::Page;
pub use replaced::{TemplateProblem, letter_template_names, template_names};
pub use template_files::ReplacedTemplate;
pub use templates::Pages;

#[cfg(test)]
mod tests;
