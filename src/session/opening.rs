//! Sessions to be opened: after a sign-in, or for a visitor.

use std::{net::IpAddr, sync::Arc};

use super::{AppData, Owner, Record, Session, SessionData, SessionKey, SessionLimits, SessionSource};
use crate::{
    clock::Timestamp,
    identity::{BackendName, Proofs},
};

/// A session to be opened after a sign-in.
#[derive(Debug)]
pub struct Opening<'a> {
    /// Whose it will be.
    pub owner: Owner,
    /// How and when they have just proved who they are.
    pub proofs: Proofs,
    /// The backend that proved who they are.
    pub source: Option<SessionSource>,
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser.
    pub user_agent: &'a str,
    /// The host that the cookie will be for.
    pub host: &'a str,
    /// Whether the user asked to be kept signed in on this device.
    pub remember: bool,
    /// The session that came with the request; it ends. The new one takes over its data if it was the same user's, or a
    /// visitor's.
    pub replaces: Option<&'a Session>,
    /// Whether the same user has only confirmed the password: the new session takes over the time limits of the replaced
    /// one, and its time, address and browser of the sign-in.
    pub confirms: bool,
}

/// A visitor who has not signed in, with the first data that an app stores for them.
#[derive(Debug)]
pub struct Visitor<'a> {
    /// Address of the browser.
    pub client_addr: IpAddr,
    /// `User-Agent` of the browser.
    pub user_agent: &'a str,
    /// The host that the cookie will be for.
    pub host: &'a str,
    /// The app's name.
    pub app: Arc<str>,
    /// The data.
    pub data: AppData,
    /// Maximum number of visitors' sessions; past it, those unused for longest end, a few at a time.
    pub max_visitors: usize,
}

impl<'a> Opening<'a> {
    /// The replaced session, if the new one goes on with it: the same user has confirmed.
    pub(super) fn continues(&self) -> Option<&'a Session> {
        let user = self.owner.user();
        self.replaces.filter(|old| self.confirms && user.is_some() && old.owner.user() == user)
    }

    pub(super) fn into_record(
        self,
        key: SessionKey,
        data: SessionData,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Record {
        // Otherwise a user who confirms in time would be signed in for ever.
        let goes_on = self.continues();
        let Self { owner, proofs, source, client_addr, user_agent, host, remember, .. } = self;
        let remembered = remember && limits.remember_lifetime.is_some();
        let lifetime = limits.remember_lifetime.filter(|_| remembered).unwrap_or(limits.lifetime);
        Record {
            key,
            owner,
            signed_in: goes_on.map_or(now, |old| old.signed_in),
            proofs: goes_on.map_or(proofs, |old| old.proofs.and(&proofs)),
            source: source_after(goes_on.and_then(|old| old.source.as_ref()), source),
            parent: None,
            expires: goes_on.map_or(now + lifetime, |old| old.expires),
            last_seen: now,
            remembered: goes_on.map_or(remembered, |old| old.remembered),
            client_addr: goes_on.map_or(client_addr, |old| old.client_addr),
            user_agent: goes_on.map_or_else(|| shortened(user_agent), |old| old.user_agent.clone()),
            host: host.into(),
            data,
        }
    }
}

impl Visitor<'_> {
    pub(super) fn into_record(self, key: SessionKey, now: Timestamp, limits: &SessionLimits) -> Record {
        let Self { client_addr, user_agent, host, app, data, max_visitors: _ } = self;
        Record {
            key,
            owner: Owner::Visitor,
            signed_in: now,
            proofs: Proofs::default(),
            source: None,
            parent: None,
            expires: now + limits.lifetime,
            last_seen: now,
            remembered: false,
            client_addr,
            user_agent: shortened(user_agent),
            host: host.into(),
            data: SessionData::from([(app, data)]),
        }
    }
}

/// A session stays tied to the backend that signed its owner in: when they confirm by another method, or through another
/// provider, a sign-out at the first provider still ends it. A session of a password here, which nobody else ends, is tied to
/// the provider that confirms it.
fn source_after(
    signed_in: Option<&SessionSource>,
    confirmed: Option<SessionSource>,
) -> Option<SessionSource> {
    let Some(old) = signed_in else { return confirmed };
    let replaces = |new: &SessionSource| {
        let may_be_replaced = *old.backend == *BackendName::LOCAL || old.backend == new.backend;
        may_be_replaced && new.provider_session.is_some()
    };
    Some(confirmed.filter(replaces).unwrap_or_else(|| old.clone()))
}

/// The session that is replaced, if one of this owner takes over its data.
pub(super) fn hands_over_data(replaced: Option<&Session>, owner: Owner) -> Option<&Session> {
    replaced.filter(|old| old.owner == Owner::Visitor || old.owner.user() == owner.user())
}

pub(super) fn shortened(user_agent: &str) -> Box<str> {
    user_agent.chars().take(MAX_USER_AGENT_CHARS).collect()
}

const MAX_USER_AGENT_CHARS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn source(backend: &str, provider_session: Option<&str>) -> SessionSource {
        SessionSource { backend: backend.into(), provider_session: provider_session.map(Into::into) }
    }

    #[test]
    fn a_session_of_a_provider_stays_tied_to_it_after_a_confirmation_by_another_method() {
        let (local, entra) = (Some(source("local", None)), Some(source("entra", Some("a"))));
        let company = Some(source("company", None));
        for (signed_in, confirmed, expected) in [
            (None, local.clone(), &local),
            (local.clone(), None, &local),
            (entra.clone(), local.clone(), &entra),
            (local.clone(), entra.clone(), &entra),
            (Some(source("entra", Some("old"))), entra.clone(), &entra),
            // A sign-out at Entra ends the session, although another provider has confirmed it.
            (entra.clone(), Some(source("google", Some("b"))), &entra),
            (company.clone(), entra.clone(), &company),
        ] {
            assert_eq!(&source_after(signed_in.as_ref(), confirmed), expected);
        }
    }
}
