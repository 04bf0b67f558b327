//! The contents of each page, as data: one file a topic, one type a template.
//!
//! `portal` and `refusal` fill these types in; templates read their fields by name.

mod account;
mod activity;
mod apps;
mod display_time;
mod email;
mod factors;
mod letter;
mod messages;
mod parked_form;
mod passkeys;
mod password;
mod profile;
mod providers;
mod registration;
mod sign_in;
mod tokens;

pub use account::{Account, Connectable, ConnectedSignIn, ListedSession};
pub use activity::{ActivityPage, ListedActivity};
pub use apps::{AppTile, Apps};
pub use display_time::DisplayTime;
pub use email::{ConfirmEmail, Email};
pub use factors::{AddApp, Factors, ListedFactor, RecoveryCodesPage};
pub use letter::{Letter, LetterEvent, LetterLink, LetterUser};
pub use messages::{Notice, PageLink, Refused};
pub use parked_form::{ParkedField, ParkedFormPage};
pub use passkeys::{AddPasskey, PasskeyAdded, PasskeyForm};
pub use password::{NewPassword, NewPasswordStep, Password, Reset};
pub use profile::{FieldsStep, Profile, ProfileChoice, ProfileField};
pub use providers::{NotSignedIn, Onward, ProviderLink};
pub use registration::{Register, RegisterFinish, Setup};
pub use sign_in::{Confirm, Login, Logout, Remember, SecondStep};
pub use tokens::{ListedToken, Tokens};
