//! A passkey as the second factor that a sign-in requires, of an account that has none yet.

use http::StatusCode;

use super::super::{
    PageRequest, PageResponse, Portal, add_app::ShownAgain, form::Form, pending_sign_in::BegunStep,
};
use crate::{refusal::Refusal, users::FactorsBefore};

impl Portal {
    /// Adds the passkey that the browser has made, and goes on with the sign-in. A try that fails is no guess, and costs
    /// none.
    pub(in crate::portal) async fn take_passkey_enrol_step(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        request.require_passkeys()?;
        let BegunStep { form, taken, first } = match self.begin_enrolment(request, form).await? {
            Ok(begun) => begun,
            Err(response) => return Ok(*response),
        };
        let to = (&**first.account(), FactorsBefore::None);
        match self.take_new_passkey(request, &form, to, taken.session()).await {
            Ok(Ok((second, enrolled))) => {
                self.after_enrolment(request, &taken, (first, second), &enrolled).await
            }
            Ok(Err(problem)) => {
                self.put_back(request, &taken).await?;
                let again = ShownAgain::after_passkey(problem);
                self.enrol_step_page(request, (StatusCode::BAD_REQUEST, again)).await
            }
            Err(refusal) => {
                self.put_back(request, &taken).await?;
                Err(refusal)
            }
        }
    }
}
