//! The user who is signed in, with what a page for them needs.

use std::{sync::Arc, time::Duration};

use super::{
    InterruptedRequest, PageRequest, PageResponse, Prerequisite, ReturnTo, csrf, flash::FlashMessage,
};
use crate::{
    clock::Timestamp,
    identity::{Proof, ProofMethods},
    pages::{self, paths},
    refusal::Refusal,
    session::{Session, SessionToken},
    users::Account,
};

/// A user who is signed in, their live session, and its token, to which forms are bound.
pub(super) struct SignedIn<'r> {
    pub(super) account: &'r Arc<Account>,
    pub(super) session: &'r Session,
    pub(super) token: SessionToken,
}

impl<'r> SignedIn<'r> {
    /// The user of this request; [`Refusal::SignIn`] if nobody is signed in.
    pub(super) fn of(request: &PageRequest<'r>) -> Result<Self, Refusal> {
        let account = request.account.ok_or(Refusal::SignIn)?;
        let (token, session) = csrf::presented_session(request).ok_or(Refusal::SignIn)?;
        Ok(Self { account, session, token })
    }

    /// The user's newest proof, if it is of the last ten minutes; otherwise the methods of which one is asked for. It is the
    /// condition of acts that Mallory, at Alice's unlocked computer, would like to do. An account with a second factor needs
    /// a proof by one: her password alone must be enough neither to take that factor off, nor to make a way around it.
    pub(super) fn recent_proof(&self, now: Timestamp) -> Result<Proof, ProofMethods> {
        let has_factor = !self.account.factors.is_empty();
        let methods = if has_factor { ProofMethods::possession() } else { ProofMethods::ALL };
        let proofs = self.session.proofs.iter().filter(|proof| methods.contains(proof.method));
        let newest = proofs.max_by_key(|proof| proof.at);
        newest.filter(|proof| proof.is_recent(now, Some(RECENT))).ok_or(methods)
    }

    /// Leads to the page that asks for a proof, unless there is a [recent one](Self::recent_proof).
    pub(super) fn recently_proved(
        &self,
        request: &PageRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Box<PageResponse>> {
        let Err(methods) = self.recent_proof(now) else { return Ok(()) };
        let path = format!("{}{}", paths::ROOT, request.page);
        let interrupted = InterruptedRequest::at_page(request, &path);
        Err(Box::new(interrupted.redirect(Prerequisite::Confirm(methods))))
    }

    /// The same for a form whose own address shows nothing: afterwards the browser goes on to the page at `page`.
    pub(super) fn recently_proved_for(
        &self,
        request: &PageRequest<'_>,
        now: Timestamp,
        page: &str,
    ) -> Result<Proof, Box<PageResponse>> {
        self.recent_proof(now).map_err(|methods| {
            let mut response = pages::redirect(&ReturnTo::parse(page).confirm_location_by(methods));
            FlashMessage::SentUnconfirmed.leave(&request.settings.cookies, response.headers_mut());
            Box::new(response)
        })
    }
}

/// ASVS 5.0 7.5.1 and 7.5.3 ask for a proof before such acts.
pub(super) const RECENT: Duration = Duration::from_mins(10);
