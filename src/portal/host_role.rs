//! The part that the host of a request has in signing people in.

use super::{PageRequest, PortalHost, ReturnTo};
use crate::{pages::paths, request::Authority};

/// The part that the host of a request has in signing people in.
#[derive(Clone, Copy, Debug)]
pub(super) enum HostRole<'r> {
    /// There is no portal host: people sign in on each host for itself.
    Alone,
    /// The host is the portal host.
    Portal(&'r PortalHost),
    /// People sign in on the portal host.
    App(&'r PortalHost),
}

impl PageRequest<'_> {
    /// The part of this request's host.
    pub(super) fn host_role(&self) -> HostRole<'_> {
        match &self.settings.portal_host {
            None => HostRole::Alone,
            Some(portal) if host_of(self.host) == &*portal.host => HostRole::Portal(portal),
            Some(portal) => HostRole::App(portal),
        }
    }

    /// The page that a browser goes on to after a sign-in that began at no page of an application.
    pub(super) fn start(&self) -> ReturnTo {
        match self.host_role() {
            HostRole::Portal(portal) if !portal.has_root => ReturnTo::parse(paths::APPS),
            _ => ReturnTo::start(),
        }
    }

    /// The page that was asked for as `next`, or the start.
    pub(super) fn return_to(&self, next: &str) -> ReturnTo {
        let next = ReturnTo::parse(next);
        if next == ReturnTo::start() { self.start() } else { next }
    }

    /// The origin of another host of this gateway. All hosts have the same port, that of this request.
    pub(super) fn origin_of(&self, host: &str) -> String {
        let port = self.host.get(host_of(self.host).len()..).unwrap_or_default();
        format!("https://{host}{port}")
    }
}

/// The host of an authority, without its port.
pub(super) fn host_of(authority: &str) -> &str {
    let parsed = Authority::parse(authority.as_bytes());
    let length = parsed.map_or(authority.len(), |parsed| parsed.host().len());
    authority.get(..length).unwrap_or(authority)
}
