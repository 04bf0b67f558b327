//! The backends that check a name and a password.
//!
//! [`SignIn`](super::SignIn) asks the backends in the configured order. Each keeps the same promise: whatever is
//! wrong, the same work is done, so that neither the result nor its time tells a stranger whether a user exists.

use std::sync::Arc;

use super::{Local, claim::Subject, denied::Denied};
use crate::users::{Account, Charged, Password};

/// A source of credentials.
#[derive(Clone, Debug)]
pub enum Backend {
    /// The gateway's own directory.
    Local(Local),
}

impl Backend {
    /// Checks the password of `subject`. The account is the one that the password was compared with.
    pub(super) async fn check<C: Charged>(
        &self,
        subject: &Subject<'_>,
        password: Password,
        charge: C,
    ) -> Result<(Arc<Account>, C), Denied<C>> {
        match self {
            Self::Local(local) => local.check(subject, password, charge).await,
        }
    }
}
