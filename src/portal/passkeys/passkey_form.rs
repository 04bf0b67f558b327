//! The form of a ceremony, ready for a page.

use super::{
    super::{PageRequest, PasskeySettings, Portal},
    ceremony::{CHALLENGE_LIFETIME, Ceremony, Participant},
    options,
};
use crate::{
    auth::webauthn::{Challenge, UserVerification},
    pages::PasskeyForm,
    refusal::Refusal,
    session::SessionToken,
    users::Account,
};

/// A challenge that was given out, with the options for the browser.
pub(in crate::portal) struct PreparedPasskey {
    challenge: String,
    options: String,
    /// The passkeys of the user, where they are signed in.
    signals: Option<String>,
}

impl PreparedPasskey {
    pub(super) fn new(challenge: &Challenge, options: String) -> Self {
        Self { challenge: challenge.to_text(), options, signals: None }
    }

    /// The passkeys of the user, as JSON, where they are signed in.
    pub(in crate::portal) fn signals(&self) -> Option<&str> {
        self.signals.as_deref()
    }

    /// The form that sends the response to `action`.
    pub(in crate::portal) fn form<'a>(
        &'a self,
        action: &'a str,
        csrf: &'a str,
        next: &'a str,
    ) -> PasskeyForm<'a> {
        PasskeyForm {
            action,
            csrf,
            next,
            challenge: &self.challenge,
            options: &self.options,
            // A little earlier than the gateway forgets it.
            expires: CHALLENGE_LIFETIME.as_secs() - 15,
            creates: false,
            conditional: false,
            primary: false,
        }
    }
}

impl PageRequest<'_> {
    /// The settings of passkeys, if people sign in with them on the host of this request.
    pub(in crate::portal) fn passkeys(&self) -> Option<&PasskeySettings> {
        let settings = self.settings.accounts.passkeys.as_ref()?;
        settings.serve(super::super::host_role::host_of(self.host)).then_some(settings)
    }

    /// The same for a page that is there for passkeys alone: without them, it is not found.
    pub(in crate::portal) fn require_passkeys(&self) -> Result<&PasskeySettings, Refusal> {
        self.passkeys().ok_or(Refusal::NotFound)
    }

    /// The settings of passkeys, if a passkey alone signs in.
    pub(in crate::portal) fn passkeys_alone(&self) -> Option<&PasskeySettings> {
        self.passkeys().filter(|settings| settings.first_factor && self.settings.backends.has_local())
    }
}

impl Portal {
    /// The ceremony of the sign-in page, if a passkey alone signs in.
    pub(in crate::portal) fn passkey_for_sign_in(
        &self,
        request: &PageRequest<'_>,
        form_token: &SessionToken,
    ) -> Option<PreparedPasskey> {
        let settings = request.passkeys_alone()?;
        let participant = Participant::unknown(form_token.key().to_hex());
        let challenge =
            self.new_challenge(request, (Ceremony::SignIn, &participant), &settings.rp_id).ok()?;
        // No list: the browser offers those that it has, and the response names the user.
        let options = options::request(settings, &challenge, &[], UserVerification::Required);
        Some(PreparedPasskey::new(&challenge, options))
    }

    /// The ceremony for a user who has proved something else in this browser; `None` if the user has no passkey here.
    pub(in crate::portal) async fn passkey_of_user(
        &self,
        request: &PageRequest<'_>,
        (ceremony, verification): (Ceremony, UserVerification),
        browser: String,
        account: &Account,
    ) -> Option<PreparedPasskey> {
        let settings = request.passkeys()?;
        let passkeys = self.sign_in.passkeys_of(account, &settings.rp_id).await;
        let passkeys = passkeys
            .map_err(|error| request.unavailable("reading passkeys", &error))
            .ok()
            .filter(|passkeys| !passkeys.is_empty())?;
        let participant = Participant::of(browser, account);
        let challenge = self.new_challenge(request, (ceremony, &participant), &settings.rp_id).ok()?;
        let options = options::request(settings, &challenge, &passkeys, verification);
        let handle = passkeys.first().map(|passkey| passkey.handle);
        let signals = handle
            .filter(|_| ceremony == Ceremony::Confirmation)
            .map(|handle| options::accepted(settings, &account.user, &handle, &passkeys));
        Some(PreparedPasskey { signals, ..PreparedPasskey::new(&challenge, options) })
    }
}
