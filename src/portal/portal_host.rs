//! The portal host: the one host on which people sign in, when there is one for all hosts.

use std::{collections::BTreeSet, sync::Arc};

/// The portal host, as of the last reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalHost {
    /// Its name in canonical form, without a port.
    pub host: Box<str>,
    /// The other hosts that apps serve. A sign-in is handed over to these and to no other.
    pub app_hosts: Arc<BTreeSet<Box<str>>>,
    /// Whether an app begins at `/` of the portal host.
    pub has_root: bool,
}
