//! Sign-ins that a provider ends while they are pending.
//!
//! A logout token ends sessions, and a sign-in that waits for a second factor or for required fields is none yet. Alice leaves
//! a computer at such a step and signs out at the provider; Mallory, who sits down there, must not finish the sign-in. The end
//! is therefore noted for as long as a sign-in waits, and each step asks for it.

use std::sync::Arc;

use super::super::{
    PageRequest, Portal,
    pending_sign_in::{LIFETIME, PendingSignIn},
};
use crate::{
    auth::oidc::Provider,
    clock::Timestamp,
    identity::UserId,
    refusal::Refusal,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose, StoreError},
};

/// The sign-ins through a provider that a logout token names.
#[derive(Clone, Copy, Debug)]
enum Named<'n> {
    /// Those of a session at the provider.
    Session(&'n str),
    /// All of a user.
    User(UserId),
    /// Those of a user of which the provider has named no session.
    UserWithoutSession(UserId),
}

impl Portal {
    /// Notes that the provider has ended sign-ins: those of `session`, and those of `user`, as far as they may be of it.
    pub(super) async fn note_end_of_pending(
        &self,
        provider: &Arc<Provider>,
        (user, session): (Option<UserId>, Option<&str>),
    ) -> Result<(), StoreError> {
        let of_user = match session {
            Some(_) => user.map(Named::UserWithoutSession),
            None => user.map(Named::User),
        };
        let (backend, now) = (provider.settings().name.as_str(), self.clock.now());
        for named in session.map(Named::Session).into_iter().chain(of_user) {
            let key = named.key(backend);
            // An earlier end makes way for this one.
            self.sessions.take_one_time_at(key, OneTimePurpose::EndedAtProvider, now).await?;
            let at = now.as_millis().to_string();
            let entry = OneTimeEntry::new(key, OneTimePurpose::EndedAtProvider, at, now + LIFETIME);
            if let Ok(entry) = entry {
                self.sessions.put_one_time(entry).await?;
            }
        }
        Ok(())
    }

    /// Whether the provider of a pending sign-in has ended it.
    pub(in crate::portal) async fn was_ended_by_provider(
        &self,
        request: &PageRequest<'_>,
        pending: &PendingSignIn,
    ) -> Result<bool, Refusal> {
        let (source, user) = (pending.proof.source(), pending.proof.user());
        if request.settings.backends.provider(&source.backend).is_none() {
            return Ok(false);
        }
        let of_session = match &source.provider_session {
            Some(session) => Named::Session(session),
            None => Named::UserWithoutSession(user),
        };
        for named in [of_session, Named::User(user)] {
            let (key, now) = (named.key(&source.backend), self.clock.now());
            let ended = self.sessions.read_one_time_at(key, OneTimePurpose::EndedAtProvider, now).await;
            let ended =
                ended.map_err(|error| request.unavailable("reading what a provider has ended", &error))?;
            let at = ended.and_then(|text| text.parse().ok()).map(Timestamp::from_millis);
            if at.is_some_and(|at| at >= pending.begun()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Named<'_> {
    /// The key of its entry.
    fn key(self, backend: &str) -> OneTimeKey {
        let (kind, id) = match self {
            Self::Session(session) => ("session", session.to_owned()),
            Self::User(user) => ("user", user.to_string()),
            Self::UserWithoutSession(user) => ("user without session", user.to_string()),
        };
        // No name of a backend has a line break.
        OneTimeKey::of_text(&format!("ended at a provider\n{backend}\n{kind}\n{id}"))
    }
}
