//! Ending sessions from the list on the account page.
//!
//! The form names a session by its key, which is a hash and opens nothing. Users end their own sessions only; the key
//! of another user's session is answered like an unknown one.

use http::StatusCode;

use super::{
    PageRequest, PageResponse, Portal, SignedIn, csrf::Genuine, flash::FlashMessage, form::Form,
    problem::FORM_EXPIRED,
};
use crate::{
    pages::{self, paths},
    refusal::Refusal,
    session::{EndedOne, SessionKey, Which},
    telemetry::AuditKind,
};

impl Portal {
    /// Ends the sessions that the field `end` names: a key, `others`, or `everywhere`.
    pub(super) async fn end_sessions(
        &self,
        request: &PageRequest<'_>,
        form: Form,
    ) -> Result<PageResponse, Refusal> {
        let SignedIn { account, session, token } = SignedIn::of(request)?;
        let Ok(genuine) = Genuine::check(request, Some(&token), form) else {
            self.check_sessions(request).await?;
            return self.account_page(request, StatusCode::FORBIDDEN, Some(&FORM_EXPIRED)).await;
        };
        let form = genuine.into_form();
        let user = account.user.id;
        let audit = |reason, key: Option<SessionKey>| {
            let (name, key) = (account.user.name.as_str(), key.map(|key| key.to_string()));
            self.record(request, AuditKind::SessionsEnded, reason, Some(name), key);
        };
        let failed = |error| request.unavailable("ending sessions", &error);
        match form.text("end") {
            "others" => {
                self.sessions.end_all_of(user, Some(session.key)).await.map_err(failed)?;
                audit("others", None);
                Ok(back(request, FlashMessage::OthersEnded))
            }
            "everywhere" => {
                let all = Which::OfUser { user, except: None };
                self.sessions.end_which(all).await.map_err(failed)?;
                audit("everywhere", None);
                Ok(super::logout::signed_out(request, FlashMessage::SignedOutEverywhere))
            }
            key => {
                let key = SessionKey::from_hex(key).ok_or(Refusal::NotFound)?;
                match self.sessions.end_one_of(user, key).await.map_err(failed)? {
                    EndedOne::NotTheirs => return Err(Refusal::NotFound),
                    EndedOne::Ended => audit("one", Some(key)),
                    EndedOne::Gone => {}
                }
                // The list has no button for this session, but a form may name it.
                let own = key == session.key;
                Ok(if own {
                    super::logout::signed_out(request, FlashMessage::SignedOut)
                } else {
                    back(request, FlashMessage::SessionEnded)
                })
            }
        }
    }
}

fn back(request: &PageRequest<'_>, flash: FlashMessage) -> PageResponse {
    let mut response = pages::redirect(paths::ACCOUNT);
    flash.leave(&request.settings.cookies, response.headers_mut());
    response
}
