//! Signing out at the provider as well (OpenID Connect RP-Initiated Logout 1.0).

use super::{
    super::{PageRequest, PageResponse, Portal, flash::FlashMessage},
    provider_page::{self, ProviderStep},
    start::{onward, provider_of},
};
use crate::{
    auth::oidc::Secret,
    pages::{self, paths},
    refusal::Refusal,
    session::{OneTimeEntry, OneTimeKey, OneTimePurpose, Session, SessionKey},
};

impl Portal {
    /// Keeps the ID token of a session for its sign-out. Without it the provider asks the user whether to sign out.
    pub(in crate::portal) async fn keep_id_token(
        &self,
        request: &PageRequest<'_>,
        session: &Session,
        id_token: Secret,
    ) {
        let name = session.source.as_ref().map(|source| &*source.backend);
        let provider = name.and_then(|name| request.settings.backends.provider(name));
        if !provider.is_some_and(|provider| provider.settings().logout) {
            return;
        }
        let entry = OneTimeEntry::new(
            hint_key(session.key),
            OneTimePurpose::SignOutHint,
            id_token.to_stored(),
            session.expires,
        );
        // One that is too long is left out.
        let Ok(entry) = entry else { return };
        if let Err(error) = self.sessions.put_one_time(entry).await {
            tracing::warn!(%error, request_id = request.request_id, "ID token not kept for the sign-out");
        }
    }

    /// The response after a session of this provider has ended here: the browser goes on to the provider's sign-out, if
    /// there is one, and comes back.
    pub(in crate::portal) async fn signed_out_at_provider(
        &self,
        request: &PageRequest<'_>,
        session: &Session,
    ) -> Option<PageResponse> {
        let name = &session.source.as_ref()?.backend;
        let provider =
            request.settings.backends.provider(name).filter(|provider| provider.settings().logout)?;
        let key = hint_key(session.parent.unwrap_or(session.key));
        let taken = self.sessions.take_one_time_at(key, OneTimePurpose::SignOutHint, self.clock.now()).await;
        let id_token = taken.ok().flatten().map(|token| Secret::new(token.into()));
        let back = provider_page::address(request.host, name, ProviderStep::SignedOut);
        let address = provider.sign_out_address(id_token.as_ref(), &back).await?;
        Some(onward(request, &address, &provider.settings().title))
    }

    /// `GET /.gateway/oidc/NAME/signed-out`: the browser comes back from the provider's sign-out.
    pub(in crate::portal) fn come_back_signed_out(
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        provider_of(request)?;
        // Any site can lead a browser here. It says that the user has signed out only if that is so.
        if request.account.is_some() {
            return Ok(pages::redirect(paths::ACCOUNT));
        }
        let mut response = pages::redirect(paths::LOGIN);
        FlashMessage::SignedOut.leave(&request.settings.cookies, response.headers_mut());
        Ok(response)
    }
}

/// The key of the entry that belongs to a session.
fn hint_key(session: SessionKey) -> OneTimeKey {
    OneTimeKey::of_text(&format!("sign-out hint\n{}", session.to_hex()))
}
