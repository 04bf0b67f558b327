//! Connected sign-ins: the identities of backends that belong to the account, on the account page.
//!
//! The buttons that connect lead to the provider ([`providers`](super::providers)); this module lists and disconnects. A
//! user who has not proved who they are in the last ten minutes confirms first: Mallory, at Alice's unlocked screen,
//! must not change how Alice gets in.

use http::StatusCode;

use super::{
    PageRequest, PageResponse, Portal, SignedIn,
    csrf::Genuine,
    flash::FlashMessage,
    form::Form,
    problem::FORM_EXPIRED,
    providers::{ProviderStep, page_path},
    session_opening::{OpenedSession, SessionOpening},
};
use crate::{
    auth::{NotUnlinked, oidc::Provider},
    identity::Proof,
    language::Text,
    pages::{self, Connectable, ConnectedSignIn, DisplayTime, paths},
    refusal::Refusal,
    telemetry::{AuditEvent, AuditKind},
    users::{Account, LinkedIdentity},
};

impl Portal {
    /// Disconnects the identity that the field `disconnect` names.
    pub(super) async fn change_connections(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            return self.account_page(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED)).await;
        };
        let proof = match signed_in.recently_proved_for(request, self.clock.now(), paths::ACCOUNT) {
            Ok(proof) => proof,
            Err(response) => return Ok(*response),
        };
        self.disconnect(request, (&signed_in, proof), genuine.into_form().text("disconnect")).await
    }

    async fn disconnect(
        &self,
        request: &PageRequest<'_>,
        (signed_in, proof): (&SignedIn<'_>, Proof),
        key: &str,
    ) -> Result<PageResponse, Refusal> {
        let SignedIn { account: owner, session, .. } = signed_in;
        // Only the user's own identities are looked through.
        let mut identities = owner.identities.iter().map(|identity| &identity.pair);
        let Some(pair) = identities.find(|pair| pair.to_string() == key) else {
            return Ok(pages::redirect(paths::ACCOUNT));
        };
        let record = |reason, session| {
            self.audit.record(&AuditEvent {
                event: AuditKind::IdentityUnlinked,
                reason,
                user: Some(owner.user.name.as_str()),
                actor: None,
                backend: Some(pair.backend.as_str()),
                subject: Some(&pair.subject),
                client: request.client_addr.known(),
                request_id: Some(request.request_id),
                session,
            });
        };
        let proved =
            match self.sign_in.unlink(owner, pair, (proof, session.source.clone()), request.request_id).await
            {
                Ok(proved) => proved,
                Err(NotUnlinked::LastWayIn) => {
                    record("last-way-in", None);
                    return self
                        .account_page(request, StatusCode::UNPROCESSABLE_ENTITY, Some(&LAST_WAY_IN))
                        .await;
                }
                // Another change of the account came first, so this session is over.
                Err(NotUnlinked::CredentialChanged) => return Err(Refusal::SignIn),
                Err(NotUnlinked::Unavailable) => return Err(Refusal::Unavailable),
            };
        let opened = self.open_session(request, &proved, SessionOpening::Confirmed, paths::ACCOUNT).await?;
        let OpenedSession { mut response, session } = opened;
        record("ok", Some(session.key.to_string()));
        FlashMessage::IdentityUnlinked.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }
}

/// The account's identities for the page.
pub(super) fn connected(request: &PageRequest<'_>, owner: &Account) -> Vec<ConnectedSignIn> {
    let shown = |identity: &LinkedIdentity| {
        let pair = &identity.pair;
        let provider = request.settings.backends.provider(pair.backend.as_str());
        let title = provider.map_or_else(|| pair.backend.to_string(), |it| it.settings().title.clone());
        ConnectedSignIn {
            key: pair.to_string(),
            title,
            name: if identity.email.is_empty() { identity.name.clone() } else { identity.email.clone() },
            linked: DisplayTime::from(identity.linked),
            last_seen: identity.last_seen.map(DisplayTime::from),
            has_ended: identity.ended.is_some(),
            can_disconnect: owner.can_do_without(pair),
        }
    };
    owner.identities.iter().map(shown).collect()
}

/// The providers that no identity of the account belongs to.
pub(super) fn connectable(request: &PageRequest<'_>, owner: &Account) -> Vec<Connectable> {
    let is_connected = |provider: &Provider| {
        let settings = provider.settings();
        owner.identities.iter().any(|LinkedIdentity { pair, .. }| {
            pair.backend == settings.name && *pair.authority == *settings.authority()
        })
    };
    let providers = request.settings.backends.providers().iter().filter(|provider| !is_connected(provider));
    providers
        .map(|provider| Connectable {
            action: page_path(provider.settings().name.as_str(), ProviderStep::Link),
            title: provider.settings().title.clone(),
        })
        .collect()
}

const LAST_WAY_IN: Text = Text::of("connections-last-way-in");
