//! The directory of people: who they are, and how a password is checked.
//!
//! [`UserStore`] is the database, synchronous, used by the command line.
//! [`Directory`] is the running gateway's view of the same file: accounts in
//! memory for the path of every request, one thread that owns the database,
//! and word of every change that another process makes. [`Passwords`] hashes
//! and checks passwords on threads of its own, with a bounded queue.
//!
//! Nothing here knows about sessions, pages or rules. What checks a typed name
//! and password against all this is [`auth`](crate::auth).

mod account;
mod change;
mod directory;
mod error;
pub mod password;
pub mod password_policy;
mod profile;
mod sqlite;

pub use account::Account;
pub use change::{Action, Change};
pub use directory::{Directory, DirectoryError};
pub use error::UserStoreError;
#[cfg(test)]
pub(crate) use password::ByHand;
pub use password::{
    Busy, Charged, HashSettings, InvalidHashSettings, InvalidPasswordHash, Password, PasswordHash, Passwords,
    UnusablePassword, Verdict,
};
pub use password_policy::WeakPassword;
pub use profile::{InvalidProfile, ListChange, NewUser, UserChange};
pub use sqlite::UserStore;
