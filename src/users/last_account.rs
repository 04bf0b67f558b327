//! The account that a connection asked for last, so that it is not searched for with every request.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
    time::Duration,
};

use super::Account;
use crate::{clock::Timestamp, identity::UserId};

/// The last account of a connection, and what was known when it was found. [`Directory`](super::Directory)
/// decides whether it may still be believed.
///
/// It keeps no account in memory that the directory has let go of, however long the connection idles.
#[derive(Debug, Default)]
pub struct LastAccount(RefCell<Option<Found>>);

#[derive(Debug)]
struct Found {
    account: Weak<Account>,
    id: UserId,
    /// The directory's, before it was looked for.
    epoch: u64,
    at: Timestamp,
}

impl LastAccount {
    /// This account, if it was found last, less than a second ago and in this epoch of the directory.
    pub(super) fn get(&self, id: UserId, epoch: u64, now: Timestamp) -> Option<Arc<Account>> {
        let found = self.0.borrow();
        let found = found.as_ref().filter(|found| found.id == id && found.epoch == epoch)?;
        let is_recent = now >= found.at && now.since(found.at) < LOOK_AGAIN_AFTER;
        if is_recent { found.account.upgrade() } else { None }
    }

    /// Remembers what was found, if it was, by a search that began in `epoch`.
    pub(super) fn set(&self, found: Option<&Arc<Account>>, epoch: u64, now: Timestamp) {
        let found = found.map(|it| Found { account: Arc::downgrade(it), id: it.user.id, epoch, at: now });
        self.0.replace(found);
    }
}

/// Memory has to hear of what is in use, or it would make room there, and rereads everybody now and then.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
