//! Users, groups and permissions by name, and the identity of a request.
//!
//! The rest of the gateway speaks about people in these values. How a proof is checked, where users are stored and what
//! they may do is left to `auth`, `users` and `access`.

mod certificate_hash;
mod email;
mod names;
mod program;
mod proof;
mod proof_methods;
mod source;

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

pub use certificate_hash::CertificateHash;
pub use email::EmailKey;
pub use names::{GroupName, InvalidName, Permission, UserName};
pub use program::{InvalidScope, Program, Scope, ScopePath};
pub use proof::{FactorClass, Proof, ProofMethod, Proofs};
pub use proof_methods::ProofMethods;
pub use source::{BackendName, IdentityPair, InvalidBackendName};

/// The number of a user in the directory; never given to a second user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Counts the changes of a user's credential: a new password and a deactivation raise it, and a
/// session that was opened under an older number is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialVersion(pub i64);

/// A user as requests, rules and applications see one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Number in the directory.
    pub id: UserId,
    /// The canonical user name.
    pub name: UserName,
    /// Address, as the administrator entered it; empty if there is none.
    pub email: String,
    /// Name for people to read; empty if there is none.
    pub full_name: String,
    /// Passes every rule but `"nobody"`.
    pub superuser: bool,
    /// Sorted, without duplicates.
    pub groups: Vec<GroupName>,
    /// The user's own permissions, without those of groups; sorted, without duplicates.
    pub permissions: Vec<Permission>,
    /// Free attributes that an administrator gave the user.
    pub attributes: BTreeMap<String, String>,
}

/// The sender of a request, as of now.
///
/// `User` is only made by `users`, after it saw that the user is active and
/// that the credential has not changed since sign-in.
#[derive(Clone, Debug)]
pub enum Identity {
    /// No user is signed in.
    Anonymous,
    /// A user of the directory.
    User(Arc<User>),
    /// A program with a credential of a user, within the scope of the credential.
    Program(Arc<Program>),
}

impl Identity {
    /// The user, unless anonymous. A program acts for one.
    pub fn user(&self) -> Option<&Arc<User>> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(user),
            Self::Program(program) => Some(&program.user),
        }
    }

    /// The program, if the request comes from one.
    pub fn program(&self) -> Option<&Arc<Program>> {
        match self {
            Self::Program(program) => Some(program),
            Self::Anonymous | Self::User(_) => None,
        }
    }
}
