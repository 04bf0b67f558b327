//! Adding a passkey to the account of the user who is signed in.

use http::StatusCode;
use zeroize::Zeroizing;

use super::super::{
    PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, form::Form, problem::FORM_EXPIRED,
};
use crate::{
    language::Text,
    pages::{AddPasskey, Page, PasskeyAdded, paths},
    refusal::Refusal,
    users::{FactorsBefore, RecoveryCode},
};

impl Portal {
    /// The form.
    pub(in crate::portal) async fn show_add_passkey(
        &self,
        request: &PageRequest<'_>,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        request.require_passkeys()?;
        if let Err(confirm) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*confirm);
        }
        self.add_passkey_page(request, &signed_in, StatusCode::OK, None).await
    }

    /// Adds the passkey that the browser has made.
    pub(in crate::portal) async fn add_passkey(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let signed_in = SignedIn::of(request)?;
        request.require_passkeys()?;
        if let Err(confirm) = signed_in.recently_proved(request, self.clock.now()) {
            return Ok(*confirm);
        }
        let Ok(genuine) = Genuine::check(request, Some(&signed_in.token), form) else {
            return self
                .add_passkey_page(request, &signed_in, StatusCode::FORBIDDEN, Some(FORM_EXPIRED))
                .await;
        };
        let form = genuine.into_form();
        let browser = signed_in.token.key().to_hex();
        let to = (&**signed_in.account, FactorsBefore::Any);
        // The session gets no proof of it: a page that asks for a passkey has it used.
        let (_, enrolled) = match self.take_new_passkey(request, &form, to, browser).await? {
            Ok(added) => added,
            Err(problem) => {
                return self
                    .add_passkey_page(request, &signed_in, StatusCode::BAD_REQUEST, Some(problem))
                    .await;
            }
        };
        let codes: Vec<Zeroizing<String>> =
            enrolled.codes.iter().flat_map(|codes| codes.iter().map(RecoveryCode::to_groups)).collect();
        let signals = self.passkey_signals(request, &enrolled.account).await;
        let page = Page::PasskeyAdded(PasskeyAdded {
            host: request.host,
            name: enrolled.name(),
            codes: codes.iter().map(|code| code.as_str()).collect(),
            passkey_signals: signals.as_deref(),
        });
        let mut response = request.render(StatusCode::OK, &page);
        request.allow_signals(&mut response, signals.as_deref());
        Ok(response)
    }

    async fn add_passkey_page(
        &self,
        request: &PageRequest<'_>,
        signed_in: &SignedIn<'_>,
        status: StatusCode,
        problem: Option<Text>,
    ) -> Result<PageResponse, Refusal> {
        let settings = request.require_passkeys()?;
        let browser = signed_in.token.key().to_hex();
        let passkey = self.prepare_new_passkey(request, signed_in.account, browser).await?;
        let csrf = signed_in.token.form_token();
        let problem = problem.map(|problem| request.say(&problem));
        let page = Page::AddPasskey(AddPasskey {
            host: request.host,
            rp_id: &settings.rp_id,
            passkey: passkey.form(paths::ADD_PASSKEY, &csrf),
            passkey_signals: &passkey.signals,
            problem: problem.as_deref(),
        });
        let mut response = request.render(status, &page);
        request.settings.pages.allow_passkey_script(&mut response, request.host);
        Ok(response)
    }
}
