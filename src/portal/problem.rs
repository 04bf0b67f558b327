//! The problems because of which a form is shown again.

use http::StatusCode;

use super::{PageRequest, PageResponse};
use crate::{
    auth::NotProved,
    language::Text,
    refusal::{Refusal, Representation},
    users::NotProvisioned,
};

/// A problem with a form, and with which of its fields.
pub(super) struct Problem {
    /// The name of the field; empty if it is none in particular.
    pub(super) about: &'static str,
    /// The text on the page.
    pub(super) text: Text,
}

impl Problem {
    pub(super) fn new(about: &'static str, text: Text) -> Self {
        Self { about, text }
    }
}

/// The refusal for a check that gave no proof; `wrong` is the one for a wrong credential.
pub(super) fn refusal_for(not_proved: NotProved, wrong: Refusal) -> Refusal {
    match not_proved {
        NotProved::Wrong | NotProved::MustChangePassword | NotProved::NotProvisioned(_) => wrong,
        NotProved::Throttled { retry_after } => Refusal::TooManyAttempts { retry_after },
        NotProved::Busy { retry_after } => Refusal::TooBusy { retry_after },
        NotProved::Unavailable => Refusal::Unavailable,
    }
}

/// The text for somebody whom a backend has proved and who does not come in; `None` for everybody else.
pub(super) fn text_for_proved(not_proved: NotProved) -> Option<Text> {
    Some(Text::of(match not_proved {
        NotProved::MustChangePassword => "sign-in-must-change-elsewhere",
        NotProved::NotProvisioned(NotProvisioned::WaitingForApproval) => "sign-in-waiting-for-approval",
        NotProved::NotProvisioned(_) => "sign-in-no-account",
        _ => return None,
    }))
}

/// The form again, with the text of the refusal, for a person who can go on there later. A program whose attempts are
/// throttled gets a problem document.
pub(super) fn form_again(
    request: &PageRequest<'_>,
    refusal: Refusal,
    form: impl FnOnce(StatusCode, Text) -> Result<PageResponse, Refusal>,
) -> Result<PageResponse, Refusal> {
    let is_program = Representation::of(request.method, request.headers) == Representation::Problem;
    match refusal {
        Refusal::Unavailable => return Err(refusal),
        Refusal::TooManyAttempts { .. } if is_program => return Err(refusal),
        _ => {}
    }
    let mut response = form(refusal.status(), refusal.detail())?;
    refusal.add_headers(response.headers_mut());
    Ok(response)
}

pub(super) const FORM_EXPIRED: Text = Text::of("form-expired");
