//! A user as a file of another program describes one.

use std::{collections::BTreeMap, fmt};

use crate::{
    identity::IdentityPair,
    users::{PasswordHash, UnusableHash},
};

/// Where a user stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePosition {
    /// A line, from 1.
    Line(u64),
    /// An object in a list, from 1.
    Entry(usize),
}

/// A user of another program, as it is written in the file; nothing has been checked but the password.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
pub struct ForeignUser {
    /// Where it stands.
    pub position: FilePosition,
    /// The name to sign in with.
    pub name: String,
    /// The address; empty if there is none.
    pub email: String,
    /// Whether the gateway that exported the user knew the address to be the user's.
    pub email_verified: bool,
    /// The name for people; empty if there is none.
    pub full_name: String,
    /// Whether the user may sign in.
    pub active: bool,
    /// Whether the other program lets the user do everything.
    pub superuser: bool,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Codenames of permissions.
    pub permissions: Vec<String>,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// The password.
    pub password: ForeignPassword,
    /// Whether the user has to change the password.
    pub must_change_password: bool,
    /// Identities at backends, of an export of the gateway's own.
    pub identities: Vec<IdentityPair>,
}

/// The password of a user of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignPassword {
    /// The user has none, or cannot sign in with it.
    None,
    /// A hash that can be checked here.
    Hash {
        /// The hash.
        hash: PasswordHash,
        /// Its format.
        scheme: &'static str,
        /// Whether the password is found quickly by somebody who has the hash.
        is_weak: bool,
    },
    /// Something that cannot be taken over.
    Unusable(UnusableHash),
}

impl ForeignUser {
    /// An active user with nothing but a name.
    pub(super) fn named(position: FilePosition, name: impl Into<String>) -> Self {
        Self {
            position,
            name: name.into(),
            email: String::new(),
            email_verified: false,
            full_name: String::new(),
            active: true,
            superuser: false,
            groups: Vec::new(),
            permissions: Vec::new(),
            attributes: BTreeMap::new(),
            password: ForeignPassword::None,
            must_change_password: false,
            identities: Vec::new(),
        }
    }
}

impl ForeignPassword {
    /// Reads a hash; a blank or a locked one is no password.
    pub(super) fn read(text: &str) -> Self {
        match PasswordHash::of_another_program(text) {
            Ok(found) => Self::Hash { hash: found.hash, scheme: found.scheme, is_weak: found.is_weak },
            Err(UnusableHash::Blank | UnusableHash::Locked) => Self::None,
            Err(unusable) => Self::Unusable(unusable),
        }
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry(entry) => write!(f, "entry {entry}"),
        }
    }
}
