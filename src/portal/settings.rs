//! The part of the configuration that the pages need.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    auth::Backends,
    identity::{GroupName, Permission},
    pages::Pages,
    session::{SessionLimits, cookie::CookieNames},
    throttle,
};

/// The settings of the pages, as of the last reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time limits of new sessions.
    pub sessions: SessionLimits,
    /// The names of the gateway's cookies.
    pub cookies: CookieNames,
    /// The limits of failed attempts at a password.
    pub throttle: throttle::ThrottleLimits,
    /// The backends that prove who somebody is.
    pub backends: Backends,
    /// The compiled templates.
    pub pages: Pages,
    /// The permissions of each group, for the account page.
    pub groups: Arc<BTreeMap<GroupName, Vec<Permission>>>,
}
