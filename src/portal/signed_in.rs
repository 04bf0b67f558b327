//! The user who is signed in, with what a page for them needs.

use std::sync::Arc;

use super::{PageRequest, csrf};
use crate::{
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
}
