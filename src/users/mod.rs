//! Users: their accounts, the hashes of their passwords, and their second factors.
//!
//! [`UserStore`] is the database, synchronous, used by the command line. [`Directory`] is the running gateway's view of the
//! same file: a cache of accounts, a thread that owns the database, and a notification of every change that another
//! process makes. [`Passwords`] hashes and checks passwords on threads of its own, with a bounded queue.
//!
//! A cached account never outlives a change of it. Sessions, pages and rules are left to other modules, and the check of a
//! typed name and password to [`auth`](crate::auth).

mod account;
mod activity;
mod change;
mod directory;
mod enrolment;
mod error;
mod factor;
mod field;
pub mod import;
mod link;
mod passkey;
mod password;
mod profile;
mod program;
mod recovery_code;
mod source;
mod sqlite;
mod token;
mod totp;

pub use account::{Account, LinkedIdentity};
pub use activity::Activity;
pub use change::{Action, Change};
pub use directory::{Directory, DirectoryError};
pub use enrolment::{Enrolled, FactorsBefore, NotEnrolled, TotpEnrolment};
pub use error::UserStoreError;
pub use factor::{Factor, FactorId, FactorKind, FactorName, InvalidFactorName, LastFactor};
pub use field::{FieldEditor, FieldKind, UnfitValue, UserField, UserFields};
pub use link::{ChangedEmail, Link, LinkDelivery, LinkKey, LinkMail, LinkPurpose, LinkRefused, LinkToken};
pub use passkey::{NewPasskey, Passkey, PasskeyUse, Transport, UserHandle};
#[cfg(test)]
pub(crate) use password::ByHand;
pub use password::{
    Breached, BreachedList, BreachedListError, BreachedListSorter, BreachedListWriter, Busy, Charged,
    ForeignHash, GuessReason, HashRecord, HashSettings, InvalidHashSettings, InvalidPasswordHash, MIN_CHARS,
    OwnValue, Password, PasswordHash, PasswordOwner, PasswordRules, Passwords, UnusableHash,
    UnusablePassword, Verdict, WeakPassword, Weakness,
};
pub(crate) use profile::is_key as is_attribute_name;
pub use profile::{AtNextSignIn, InvalidProfile, ListChange, NewUser, OwnProfileChange, UserChange};
pub use program::{ProgramCredential, TokenRules};
pub use recovery_code::{NoRecoveryCodes, RecoveryCode, RecoveryCodes};
pub use source::{
    Adoption, NotProvisioned, Provisioning, Refreshed, RefreshedPair, SourceEmail, SourceProfile,
};
pub use sqlite::{RemovedFactors, RenewedSeals, ShownTo, UserStore};
pub use token::{
    ApiToken, InvalidToken, LastUse, NewToken, PresentedToken, StoredToken, TokenHash, TokenId, TokenLimits,
};
pub use totp::{NoTotpSecret, TotpCode, TotpSecret, TotpStep};
