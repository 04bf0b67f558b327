//! The part of the configuration that the pages need.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    identity::{GroupName, Permission},
    pages::Pages,
    session::{Limits, cookie::CookieNames},
    throttle,
};

/// What the pages need of the configuration; changes with a reload.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The time limits of new sessions.
    pub sessions: Limits,
    /// The names of the gateway's cookies.
    pub cookies: CookieNames,
    /// How often somebody may guess.
    pub throttle: throttle::Limits,
    /// The compiled templates.
    pub pages: Pages,
    /// What each group stands for, to tell people what they may do.
    pub groups: Arc<BTreeMap<GroupName, Vec<Permission>>>,
}
