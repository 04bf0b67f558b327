//! Right passwords of the last minute, so that a program that sends one with each request costs one hash a minute.
//!
//! An entry says that a name and a password were right under a credential version. It says nothing about what the user is
//! or may do: each request looks the account up, and a credential version that has changed since makes the entry worthless
//! at once. The key is an HMAC under a key of the process, so that no password can be guessed from a copy of the memory of
//! the table. Wrong passwords have no entries: each is checked, and throttled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use aws_lc_rs::{
    hmac::{self, Context, HMAC_SHA256},
    rand,
};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    users::Password,
};

/// The right passwords of the last minute.
pub(super) struct Verdicts {
    key: hmac::Key,
    right: Cache<VerdictKey, Verdict>,
    /// The checks that run. Requests with one and the same password wait for one check of it.
    running: Mutex<HashMap<VerdictKey, Weak<Turns<()>>>>,
}

/// A name and a password.
pub(super) type VerdictKey = [u8; 32];

/// The user whom a name and a password have proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The user.
    pub(super) user: UserId,
    /// The credential version under which the password was right.
    pub(super) credential: CredentialVersion,
    /// When it was checked.
    pub(super) at: Timestamp,
}

/// The turn to check a password; the next request with the same one waits until it is dropped.
pub(super) struct Turn<'v> {
    verdicts: &'v Verdicts,
    key: VerdictKey,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        // Without randomness there are no sessions and no tokens either; then the key is no secret, and the entries are in
        // the same memory.
        rand::fill(&mut key).ok();
        Self {
            key: hmac::Key::new(HMAC_SHA256, &key),
            right: Cache::builder()
                .max_capacity(MAX_VERDICTS)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(VALID_FOR)
                .build(),
            running: Mutex::default(),
        }
    }

    /// The key of a name and a password.
    pub(super) fn key(&self, name: &str, password: &Password) -> VerdictKey {
        let mut context = Context::with_key(&self.key);
        // The length keeps `a` with `b:c` apart from `a:b` with `c`.
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
        context.update(password.exposed().as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }

    /// The verdict, if it is not older than a minute.
    pub(super) fn get(&self, key: &VerdictKey, now: Timestamp) -> Option<Verdict> {
        self.right.get(key).filter(|verdict| now.since(verdict.at) < VALID_FOR)
    }

    pub(super) fn put(&self, key: VerdictKey, verdict: Verdict) {
        self.right.insert(key, verdict);
    }

    pub(super) fn forget(&self, key: &VerdictKey) {
        self.right.invalidate(key);
    }

    /// Waits for the turn to check this name and password.
    pub(super) async fn turn(&self, key: VerdictKey) -> Turn<'_> {
        let turns = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let known = running.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turns = Arc::new(Turns::new(()));
                running.insert(key, Arc::downgrade(&turns));
                turns
            })
        };
        let mut turn = Turn { verdicts: self, key, guard: None };
        turn.guard = Some(turns.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut running = self.verdicts.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(&self.key).is_some_and(|turns| turns.strong_count() == 0) {
            running.remove(&self.key);
        }
    }
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdicts").field("right", &self.right.entry_count()).finish_non_exhaustive()
    }
}

/// A password that was changed at a directory of others is taken for this long at most.
const VALID_FOR: Duration = Duration::from_mins(1);
/// At about 100 bytes each.
const MAX_VERDICTS: u64 = 10_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::FutureExt;

    use super::*;

    fn key(verdicts: &Verdicts, name: &str, password: &str) -> VerdictKey {
        verdicts.key(name, &Password::new(password.to_owned()))
    }

    #[test]
    fn a_key_belongs_to_one_name_and_one_password() {
        let verdicts = Verdicts::new();
        let alice = key(&verdicts, "alice", "secret");
        assert_eq!(key(&verdicts, "alice", "secret"), alice);
        for (name, password) in
            [("alice", "secrets"), ("alices", "ecret"), ("Alice", "secret"), ("", "alicesecret")]
        {
            assert_ne!(key(&verdicts, name, password), alice, "{name} {password}");
        }
        assert_ne!(key(&Verdicts::new(), "alice", "secret"), alice, "a key is of one process");
    }

    #[test]
    fn a_verdict_is_good_for_a_minute() {
        let verdicts = Verdicts::new();
        let key = key(&verdicts, "alice", "secret");
        let at = Timestamp::from_millis(1_000);
        let verdict = Verdict { user: UserId(1), credential: CredentialVersion(1), at };
        verdicts.put(key, verdict);
        assert_eq!(verdicts.get(&key, at + Duration::from_secs(59)), Some(verdict));
        assert_eq!(verdicts.get(&key, at + Duration::from_mins(1)), None);
        verdicts.forget(&key);
        assert_eq!(verdicts.get(&key, at), None);
    }

    #[tokio::test]
    async fn one_request_at_a_time_checks_a_password() {
        let verdicts = Verdicts::new();
        let (one, other) = (key(&verdicts, "alice", "one"), key(&verdicts, "alice", "other"));
        let turn = verdicts.turn(one).await;
        let mut waiting = Box::pin(verdicts.turn(one));
        assert!((&mut waiting).now_or_never().is_none());
        drop(verdicts.turn(other).await);
        drop(turn);
        drop(waiting.await);
        assert!(verdicts.running.lock().unwrap().is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_waiting_request_that_leaves_leaves_nothing_behind() {
        let verdicts = Verdicts::new();
        let key = key(&verdicts, "alice", "one");
        let turn = verdicts.turn(key).await;
        {
            let mut waiting = Box::pin(verdicts.turn(key));
            assert!((&mut waiting).now_or_never().is_none());
        }
        drop(turn);
        assert!(verdicts.running.lock().unwrap().is_empty());
    }
}
