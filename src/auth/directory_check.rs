//! The directories of the configuration at a sign-in: whom a claim means there, and whether the password is right.
//!
//! [`SignIn`](super::SignIn) asks for the entry before it counts the attempt, so that all spellings of a name have one
//! counter, and checks the password afterwards.

use std::sync::Arc;

use super::{
    Backends, Claim, Entrance,
    ldap::{AccountState, BindRefusal, DirectoryUser, Found, Ldap, LdapError},
};
use crate::{
    error_chain::ErrorChain,
    users::{Account, Password, SourceProfile},
};

/// Where the password of a claim is checked.
#[derive(Debug)]
pub(super) enum Sought {
    /// In the gateway's own directory.
    Local {
        /// Whether the directories were asked for the name before.
        after_search: bool,
    },
    /// In a directory, as this user.
    Directory(Box<SoughtUser>),
    /// Nowhere: the reason in the audit stream.
    Nowhere(&'static str),
}

/// A user of a directory, whose password has not been checked.
#[derive(Debug)]
pub(super) struct SoughtUser {
    pub(super) ldap: Arc<Ldap>,
    pub(super) user: DirectoryUser,
}

/// The directory has refused a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The password is wrong, or the user may not sign in: the reason in the audit stream.
    Wrong(&'static str),
    /// The password is right, and has to be changed at the directory.
    MustChangePassword(&'static str),
}

/// Finds out where the password of a claim is checked; `account` is the one with the claimed name here.
///
/// A password of the gateway's own directory decides alone. Otherwise the directories are asked in their order; the next
/// one only if a directory does not know the name.
pub(super) async fn seek(
    backends: &Backends,
    (claim, account): (Claim<'_>, Option<&Account>),
    entrance: Entrance,
) -> Result<Sought, LdapError> {
    let is_local = backends.has_local() && account.is_some_and(|account| account.password.is_some());
    // Only a password that is kept here can be changed here.
    if is_local || entrance == Entrance::PasswordChange {
        return Ok(Sought::Local { after_search: false });
    }
    let mut asked = false;
    for ldap in backends.directories() {
        asked = true;
        let found = match claim {
            Claim::Name(typed_name) => ldap.find(typed_name).await,
            Claim::User(account) => find_linked(ldap, account).await,
        };
        match found.inspect_err(|error| log(ldap, "user look-up", error))? {
            Found::Nobody => {}
            Found::User(user) => {
                return Ok(Sought::Directory(Box::new(SoughtUser { ldap: Arc::clone(ldap), user: *user })));
            }
            Found::Several(_) => return Ok(Sought::Nowhere("ambiguous")),
            Found::Unusable { .. } => return Ok(Sought::Nowhere("unusable-entry")),
        }
    }
    Ok(match (asked, backends.has_local()) {
        (after_search, true) => Sought::Local { after_search },
        (true, false) => Sought::Nowhere("unknown-user"),
        (false, false) => Sought::Nowhere("no-password"),
    })
}

/// Whether a directory has an entry of this name, be it one that could sign in or not.
pub(super) async fn is_known(backends: &Backends, name: &str) -> Result<bool, LdapError> {
    for ldap in backends.directories() {
        let found = ldap.find(name).await.inspect_err(|error| log(ldap, "user look-up", error))?;
        if !matches!(found, Found::Nobody) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Searches for a name that is decided here, so that a wrong password of a local user takes as long as a name that nobody
/// has. A directory that is down is left alone.
pub(super) async fn decoy_search(backends: &Backends, typed_name: &str) {
    for ldap in backends.directories().filter(|ldap| ldap.pool().is_up()) {
        if let Err(error) = ldap.find(typed_name).await {
            log(ldap, "user look-up", &error);
        }
    }
}

/// Sends a bind that cannot succeed, so that a name that no directory knows, or that is a local user's, takes as long as
/// one that is known there. A directory that is down is left alone.
pub(super) async fn decoy_bind(backends: &Backends, password: &Password) {
    let up = backends.directories().find(|ldap| ldap.pool().is_up());
    if let Some(ldap) = up
        && let Err(error) = ldap.verify(None, password).await
    {
        log(ldap, "bind", &error);
    }
}

impl SoughtUser {
    /// Checks the password, and whether the account may be used. Returns what the directory says of the user then.
    pub(super) async fn check(
        &self,
        password: &Password,
    ) -> Result<Result<SourceProfile, Refused>, LdapError> {
        let Self { ldap, user } = self;
        let verified =
            ldap.verify(Some(user), password).await.inspect_err(|error| log(ldap, "bind", error))?;
        if let Err(refusal) = verified {
            return Ok(Err(Refused::by_bind(refusal)));
        }
        if let Some(reason) = user.state.refusal() {
            return Ok(Err(match user.state {
                AccountState::MustChangePassword => Refused::MustChangePassword(reason),
                _ => Refused::Wrong(reason),
            }));
        }
        let profile = ldap.profile(user).await.inspect_err(|error| log(ldap, "search for groups", error))?;
        Ok(profile.ok_or(Refused::Wrong("invalid-name")))
    }
}

impl Refused {
    fn by_bind(refusal: BindRefusal) -> Self {
        if refusal.is_change_of_password() {
            Self::MustChangePassword(refusal.as_str())
        } else {
            Self::Wrong(refusal.as_str())
        }
    }
}

/// The entry of a user who is signed in, by the identity that is linked to the account.
async fn find_linked(ldap: &Ldap, account: &Account) -> Result<Found, LdapError> {
    let settings = ldap.settings();
    let linked = account.identities.iter().find(|identity| {
        identity.pair.backend == settings.name && identity.pair.authority == settings.authority
    });
    match linked {
        Some(identity) => ldap.find_pair(&identity.pair).await,
        None => Ok(Found::Nobody),
    }
}

fn log(ldap: &Ldap, operation: &str, error: &LdapError) {
    tracing::warn!(backend = %ldap.name(), error = %ErrorChain(error), "directory {operation} failed");
}
