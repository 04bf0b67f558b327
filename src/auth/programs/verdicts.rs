//! Right passwords of the last minute, so that a program that sends one with each request costs one hash a minute.
//!
//! An entry says that a name and a password were right under a credential version. It says nothing about what the user is
//! or may do: each request looks the account up, and a credential version that has changed since makes the entry worthless
//! at once. Name and password are HMACs under a key of the process, so that no password can be guessed from a copy of the
//! memory of the table. Wrong passwords have no entries: each is checked, and throttled.
//!
//! An entry must not tell Mallory that her guess is right while she would have to wait for its check. It is therefore for
//! one address, and after a few wrong passwords for its name from there, it is forgotten.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{self, Context, HMAC_SHA256},
    rand,
};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    request::ClientAddr,
    users::Password,
};

/// The right passwords of the last minute.
pub(super) struct Verdicts {
    key: hmac::Key,
    /// The password that was right, for each name and address.
    right: Cache<Digest, Arc<Right>>,
    /// The checks that run. Requests with one and the same password wait for one check of it.
    running: Mutex<HashMap<VerdictKey, Weak<Turns<()>>>>,
}

/// A name and a password from an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct VerdictKey {
    /// The hash of name and address.
    name: Digest,
    /// The hash of name, address and password.
    password: Digest,
}

type Digest = [u8; 32];

/// The right password of a name.
struct Right {
    password: Digest,
    verdict: Verdict,
    /// How many wrong ones came for the same name from the same address.
    wrong: AtomicU32,
}

/// The user whom a name and a password have proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The user.
    pub(super) user: UserId,
    /// The credential version under which the password was right.
    pub(super) credential: CredentialVersion,
    /// When it was checked.
    pub(super) at: Timestamp,
    /// Whether it is a password of the gateway's own directory.
    pub(super) is_local: bool,
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

    /// The key of a name and a password from an address.
    pub(super) fn key(&self, name: &str, password: &Password, client_addr: ClientAddr) -> VerdictKey {
        let mut context = Context::with_key(&self.key);
        let (is_known, address) = match client_addr {
            ClientAddr::Known(address) => (1, address),
            ClientAddr::Unknown { proxy } => (0, proxy),
        };
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        context.update(&[is_known]);
        context.update(&address.octets());
        // The length keeps `a` with `b:c` apart from `a:b` with `c`.
        context.update(&(name.len() as u64).to_be_bytes());
        context.update(name.as_bytes());
        let of_name = context.clone();
        context.update(password.exposed().as_bytes());
        VerdictKey { name: digest(of_name), password: digest(context) }
    }

    /// The verdict, if it is not older than a minute.
    pub(super) fn get(&self, key: &VerdictKey, now: Timestamp) -> Option<Verdict> {
        let right = self.right.get(&key.name)?;
        let is_fresh = now.since(right.verdict.at) < VALID_FOR;
        let is_right = verify_slices_are_equal(&right.password, &key.password).is_ok();
        (is_fresh && is_right).then_some(right.verdict)
    }

    pub(super) fn put(&self, key: VerdictKey, verdict: Verdict) {
        let right = Right { password: key.password, verdict, wrong: AtomicU32::new(0) };
        self.right.insert(key.name, Arc::new(right));
    }

    pub(super) fn forget(&self, key: &VerdictKey) {
        self.right.invalidate(&key.name);
    }

    /// Notes that a password was wrong, or was not checked because others were before it.
    pub(super) fn note_wrong(&self, key: &VerdictKey) {
        if let Some(right) = self.right.get(&key.name)
            && right.wrong.fetch_add(1, Ordering::Relaxed) >= FORGIVEN
        {
            self.forget(key);
        }
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

fn digest(context: Context) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    digest
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
/// At about 200 bytes each.
const MAX_VERDICTS: u64 = 10_000;
/// Wrong passwords after which a right one is still remembered: fewer than the throttle checks.
const FORGIVEN: u32 = 3;

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, Ipv6Addr},
        time::Duration,
    };

    use futures_util::future::FutureExt;

    use super::*;

    fn key(verdicts: &Verdicts, name: &str, password: &str) -> VerdictKey {
        key_from(verdicts, name, password, HERE)
    }

    fn key_from(verdicts: &Verdicts, name: &str, password: &str, from: ClientAddr) -> VerdictKey {
        verdicts.key(name, &Password::new(password.to_owned()), from)
    }

    const HERE: ClientAddr = ClientAddr::Known(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

    fn verdict(at: Timestamp) -> Verdict {
        Verdict { user: UserId(1), credential: CredentialVersion(1), at, is_local: true }
    }

    #[test]
    fn a_key_belongs_to_one_name_and_one_password() {
        let verdicts = Verdicts::new();
        let alice = key(&verdicts, "alice", "secret");
        assert!(key(&verdicts, "alice", "secret") == alice);
        for (name, password) in
            [("alice", "secrets"), ("alices", "ecret"), ("Alice", "secret"), ("", "alicesecret")]
        {
            assert!(key(&verdicts, name, password).password != alice.password, "{name} {password}");
        }
        assert!(key(&Verdicts::new(), "alice", "secret").name != alice.name, "a key is of one process");
    }

    #[test]
    fn a_verdict_is_for_one_address_and_for_the_password_that_was_right() {
        let (verdicts, at) = (Verdicts::new(), Timestamp::from_millis(1_000));
        verdicts.put(key(&verdicts, "alice", "secret"), verdict(at));
        assert_eq!(verdicts.get(&key(&verdicts, "alice", "secret"), at), Some(verdict(at)));
        assert_eq!(verdicts.get(&key(&verdicts, "alice", "secrets"), at), None);
        let proxy = Ipv4Addr::new(192, 0, 2, 1).into();
        let elsewhere = [
            ClientAddr::Known(Ipv4Addr::new(192, 0, 2, 2).into()),
            ClientAddr::Known(Ipv6Addr::LOCALHOST.into()),
            ClientAddr::Unknown { proxy },
        ];
        for from in elsewhere {
            assert_eq!(verdicts.get(&key_from(&verdicts, "alice", "secret", from), at), None, "{from}");
        }
    }

    #[test]
    fn a_verdict_is_forgotten_after_a_few_wrong_passwords_from_its_address() {
        let (verdicts, at) = (Verdicts::new(), Timestamp::from_millis(1_000));
        let (right, wrong) = (key(&verdicts, "alice", "secret"), key(&verdicts, "alice", "wrong"));
        verdicts.put(right, verdict(at));
        for _ in 0..FORGIVEN {
            verdicts.note_wrong(&wrong);
            verdicts.note_wrong(&key(&verdicts, "bob", "wrong"));
        }
        assert_eq!(verdicts.get(&right, at), Some(verdict(at)));
        verdicts.note_wrong(&wrong);
        assert_eq!(verdicts.get(&right, at), None);
    }

    #[test]
    fn a_verdict_is_good_for_a_minute() {
        let verdicts = Verdicts::new();
        let key = key(&verdicts, "alice", "secret");
        let at = Timestamp::from_millis(1_000);
        let verdict = verdict(at);
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
