//! The result of a check: a proof, or one of four reasons that a page may know.

use std::{sync::Arc, time::Duration};

use crate::{
    error_chain::ErrorChain,
    users::{Account, DirectoryError},
};

/// Proof that the user of this account has just shown their credential. Only this module makes one.
#[derive(Debug)]
pub struct Proved {
    account: Arc<Account>,
}

/// No proof. A page may show all of it to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotProved {
    /// The claim and the credential do not belong together, whatever the cause.
    Wrong,
    /// Too many attempts failed before; this one was not checked.
    Throttled {
        /// The time until the next attempt is checked.
        retry_after: Duration,
    },
    /// Too much is waiting to be checked.
    Busy {
        /// The time after which another try is worth it.
        retry_after: Duration,
    },
    /// The users can't be read or written at the moment.
    Unavailable,
}

impl Proved {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self { account }
    }

    /// The account, as it is after this proof was recorded.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }
}

impl NotProved {
    /// The directory did not do its work: logs the error, which may name files, and keeps it from the page.
    pub(super) fn from_directory(request_id: &str, doing: &'static str, error: &DirectoryError) -> Self {
        if matches!(error, DirectoryError::Busy) {
            return Self::Busy { retry_after: DIRECTORY_RETRY };
        }
        tracing::error!(request_id, error = %ErrorChain(error), "{doing} failed");
        Self::Unavailable
    }
}

/// The queue of the directory is worked off long before.
const DIRECTORY_RETRY: Duration = Duration::from_secs(1);
