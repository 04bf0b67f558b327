//! The gateway's own format: JSON, written by `portcullis user export`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    django::Bounded,
    record::{FilePosition, ForeignPassword, ForeignUser},
};
use crate::{
    identity::{GroupName, IdentityPair, Permission, UserName},
    users::{Account, PasswordHash},
};

/// An export of users. It holds hashes of passwords only if they were asked for, and never a second factor.
#[derive(Debug, Serialize)]
pub struct Export<'a> {
    format: &'static str,
    version: u32,
    users: Vec<ExportedUser<'a>>,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the format")]
struct ExportedUser<'a> {
    name: &'a UserName,
    email: &'a str,
    email_verified: bool,
    full_name: &'a str,
    active: bool,
    superuser: bool,
    groups: &'a [GroupName],
    permissions: &'a [Permission],
    attributes: &'a BTreeMap<String, String>,
    must_change_password: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    identities: Vec<&'a IdentityPair>,
}

impl<'a> Export<'a> {
    /// The export of these accounts, with the hashes of their passwords or without.
    pub fn of(accounts: &'a [Account], with_hashes: bool) -> Self {
        let users = accounts
            .iter()
            .map(|account| ExportedUser {
                name: &account.user.name,
                email: &account.user.email,
                email_verified: account.email_verified,
                full_name: &account.user.full_name,
                active: account.active,
                superuser: account.user.superuser,
                groups: &account.local_groups,
                permissions: &account.user.permissions,
                attributes: &account.local_attributes,
                must_change_password: account.must_change_password,
                password_hash: account.password.as_ref().filter(|_| with_hashes).map(PasswordHash::as_phc),
                identities: account.identities.iter().map(|identity| &identity.pair).collect(),
            })
            .collect();
        Self { format: NAME, version: VERSION, users }
    }
}

#[derive(Deserialize)]
struct File {
    format: String,
    version: u32,
    users: Bounded<ImportedUser, MAX_USERS>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
struct ImportedUser {
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    full_name: String,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    superuser: bool,
    #[serde(default)]
    groups: Bounded<String, MAX_NAMES>,
    #[serde(default)]
    permissions: Bounded<String, MAX_NAMES>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    must_change_password: bool,
    #[serde(default)]
    password_hash: String,
    #[serde(default)]
    identities: Bounded<IdentityPair, MAX_NAMES>,
}

pub(super) fn read(text: &str) -> Result<ForeignUsers, UnreadableImport> {
    let file: File = serde_json::from_str(text).map_err(|error| {
        UnreadableImport::line(error.line() as u64, format!("this is no export of portcullis: {error}"))
    })?;
    if file.format != NAME || file.version != VERSION {
        let problem = format!("expected the format {NAME:?} in version {VERSION}");
        return Err(UnreadableImport::line(1, problem));
    }
    let users = file.users.0.into_iter().enumerate().map(|(index, user)| ForeignUser {
        position: FilePosition::Entry(index + 1),
        name: user.name,
        email: user.email,
        email_verified: user.email_verified,
        full_name: user.full_name,
        active: user.active,
        superuser: user.superuser,
        groups: user.groups.0,
        permissions: user.permissions.0,
        attributes: user.attributes,
        password: ForeignPassword::read(&user.password_hash),
        must_change_password: user.must_change_password,
        identities: user.identities.0,
    });
    Ok(ForeignUsers { users: users.collect(), remarks: Vec::new() })
}

fn yes() -> bool {
    true
}

const NAME: &str = "portcullis-users";
const VERSION: u32 = 1;
const MAX_NAMES: usize = 1000;
