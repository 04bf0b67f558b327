//! The user who is signed in, with what a page for them needs.

use std::{sync::Arc, time::Duration};

use super::{InterruptedRequest, PageRequest, PageResponse, Prerequisite, csrf};
use crate::{
    clock::Timestamp,
    identity::ProofMethods,
    pages::paths,
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

    /// Leads to the page that asks for a proof, unless there is one of the last ten minutes: for acts that Mallory, at
    /// Alice's unlocked computer, would like to do. An account with a second factor needs a proof by one: her password
    /// alone must not be enough to take that factor off.
    pub(super) fn recently_proved(
        &self,
        request: &PageRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Box<PageResponse>> {
        let has_factor = !self.account.factors.is_empty();
        let methods = if has_factor { ProofMethods::possession() } else { ProofMethods::ALL };
        let proofs = self.session.proofs.iter().filter(|proof| methods.contains(proof.method));
        if proofs.into_iter().any(|proof| proof.is_recent(now, Some(RECENT))) {
            return Ok(());
        }
        let path = format!("{}{}", paths::ROOT, request.page);
        let interrupted = InterruptedRequest::at_page(request, &path);
        Err(Box::new(interrupted.redirect(Prerequisite::Confirm(methods))))
    }
}

/// ASVS 5.0 7.5.1 and 7.5.3 ask for a proof before such acts.
const RECENT: Duration = Duration::from_mins(10);
