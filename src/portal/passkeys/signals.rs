//! The signals about passkeys for the browser (WebAuthn Level 3 §5.1.10): which of them the gateway accepts, the user's present
//! name, and that a passkey is nobody's. It offers others no more, then.
//!
//! The page's script hands it over. A browser that does not know these calls leaves its list as it is.

use data_encoding::BASE64URL_NOPAD;
use http::Method;

use super::{
    super::{PageRequest, PageResponse, Portal, form::Form},
    options,
};
use crate::{auth::webauthn::MAX_CREDENTIAL_ID_BYTES, users::Account};

impl Portal {
    /// The passkeys of a user who is signed in, for a page; `None` if there are no passkeys here. A page is as good without.
    pub(in crate::portal) async fn passkey_signals(
        &self,
        request: &PageRequest<'_>,
        account: &Account,
    ) -> Option<String> {
        let settings = request.passkeys().filter(|_| *request.method != Method::HEAD)?;
        let failed = |error| request.unavailable("reading passkeys", &error);
        let handle = self.sign_in.user_handle(account).await.map_err(failed).ok()?;
        let passkeys = self.sign_in.passkeys_of(account, &settings.rp_id).await.map_err(failed).ok()?;
        Some(options::accepted(settings, &account.user, &handle, &passkeys))
    }

    /// The same for somebody who has a passkey: others learn nothing by it.
    pub(in crate::portal) async fn signals_of_owner(
        &self,
        request: &PageRequest<'_>,
        account: &Account,
    ) -> Option<String> {
        if account.has_passkey() { self.passkey_signals(request, account).await } else { None }
    }

    /// The passkey of a form that has signed nobody in, if no account has it.
    ///
    /// An id of a passkey is random: only somebody who has seen it can ask for it here.
    pub(super) async fn unknown_passkey(&self, request: &PageRequest<'_>, form: &Form) -> Option<String> {
        let settings = request.passkeys()?;
        let text = form.text("credential");
        let id = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        if id.is_empty() || id.len() > MAX_CREDENTIAL_ID_BYTES {
            return None;
        }
        let found = self.sign_in.directory().passkey_with(&settings.rp_id, &id).await;
        let found = found.map_err(|error| request.unavailable("looking up a passkey", &error)).ok()?;
        found.is_none().then(|| options::unknown(settings, &id))
    }
}

impl PageRequest<'_> {
    /// Lets a page run the script of passkeys, if it has something to tell the browser.
    pub(in crate::portal) fn allow_signals(&self, response: &mut PageResponse, signals: Option<&str>) {
        if signals.is_some() {
            self.settings.pages.allow_passkey_script(response, self.host);
        }
    }
}
