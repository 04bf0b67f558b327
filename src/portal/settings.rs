//! The part of the configuration that the pages need.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{AccountSettings, PageResponse, PortalHost, RegistrationMode, return_to};
use crate::{
    auth::Backends,
    identity::{GroupName, Permission, UserName},
    pages::{self, Pages, paths},
    session::{SessionLimits, cookie::CookieNames},
    throttle,
    users::{TokenRules, UserFields},
};

impl Settings {
    /// Maximum length of an address with this path, where `uri_length` is the limit for others.
    pub fn longest_address(&self, path: &str, uri_length: usize) -> usize {
        return_to::longest_address(path, uri_length, self.portal_host.is_some())
    }

    /// Whether people register here.
    pub fn offers_registration(&self) -> bool {
        self.sends_mail && self.accounts.registration.mode != RegistrationMode::Off
    }

    /// The way from the root of the portal host to the start page, if no app is there.
    pub fn start_of(&self, host: &str, path: &str) -> Option<PageResponse> {
        let portal = self.portal_host.as_ref()?;
        let is_root = path == "/" && host == &*portal.host && !portal.has_root;
        is_root.then(|| pages::redirect(paths::APPS))
    }
}

/// The settings of the pages, as of the last reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time limits of new sessions.
    pub sessions: SessionLimits,
    /// The portal host; `None`: people sign in on each host for itself.
    pub portal_host: Option<PortalHost>,
    /// The settings of accounts.
    pub accounts: AccountSettings,
    /// The names of the gateway's cookies.
    pub cookies: CookieNames,
    /// The limits of failed attempts at a password.
    pub throttle: throttle::ThrottleLimits,
    /// The backends that prove who somebody is.
    pub backends: Backends,
    /// The compiled templates.
    pub pages: Pages,
    /// The fields of users that the operator has defined.
    pub fields: UserFields,
    /// Whether the gateway sends mail.
    pub sends_mail: bool,
    /// The users whom a rule names, whether or not they exist: nobody registers under such a name.
    pub named_users: Arc<BTreeSet<UserName>>,
    /// The address of the gateway in links, `https://HOST[:PORT]`, of the configuration and never of a request.
    pub origin: Arc<str>,
    /// The permissions of each group, for the account page.
    pub groups: Arc<BTreeMap<GroupName, Vec<Permission>>>,
    /// `[tokens]`.
    pub tokens: TokenRules,
}
