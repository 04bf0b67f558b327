//! The greatest cost of one check of an imported hash: about two seconds of a core, and 64 MiB.
//!
//! argon2 may take 128 MiB, because Django's own default is 100 MiB.

use super::UnusableHash;
use crate::users::HashSettings;

/// Rounds of PBKDF2, those of all blocks of the output together.
pub(super) fn pbkdf2(scheme: &'static str, rounds: u64, most: u64) -> Result<(), UnusableHash> {
    within(scheme, "the number of iterations", rounds, most)
}

/// The logarithm of the rounds of bcrypt.
pub(super) fn bcrypt(cost: u64) -> Result<(), UnusableHash> {
    within("bcrypt", "the cost", cost, MOST_BCRYPT)
}

/// Rounds of SHA-crypt.
pub(super) fn sha_crypt(rounds: u64) -> Result<(), UnusableHash> {
    within("SHA-crypt", "the number of rounds", rounds, MOST_SHA_CRYPT)
}

/// Blocks of scrypt and yescrypt: `n` of `128 * r` bytes, filled `p` times.
pub(super) fn scrypt(scheme: &'static str, n: u64, r: u64, p: u64) -> Result<(), UnusableHash> {
    let memory = n.saturating_mul(r).saturating_mul(128);
    within(scheme, "the memory in bytes", memory, MOST_MEMORY)?;
    // The working area of each lane, too.
    within(scheme, "the memory in bytes", r.saturating_mul(p).saturating_mul(128), MOST_MEMORY)?;
    within(scheme, "the work in bytes", memory.saturating_mul(p), MOST_MEMORY * MOST_FILLS)
}

/// Memory and passes of argon2.
pub(super) fn argon2(settings: HashSettings) -> Result<(), UnusableHash> {
    let memory = u64::from(settings.memory);
    within("argon2", "the memory in KiB", memory, MOST_ARGON2_KIB)?;
    let work = memory * u64::from(settings.iterations);
    within("argon2", "memory in KiB times iterations", work, MOST_ARGON2_KIB * MOST_ARGON2_PASSES)
}

fn within(scheme: &'static str, what: &'static str, found: u64, most: u64) -> Result<(), UnusableHash> {
    if found <= most { Ok(()) } else { Err(UnusableHash::TooCostly { scheme, what, found, most }) }
}

/// Django's default was 1,000,000 in 2025.
pub(super) const MOST_PBKDF2: u64 = 10_000_000;
/// SHA-512 takes three times as long.
pub(super) const MOST_PBKDF2_SHA512: u64 = 3_000_000;
/// A second; each step more takes twice as long.
const MOST_BCRYPT: u64 = 14;
/// With the longest password; passlib makes 656,000.
const MOST_SHA_CRYPT: u64 = 1_000_000;
const MOST_MEMORY: u64 = 64 << 20;
/// How often that memory is filled in two seconds.
const MOST_FILLS: u64 = 8;
const MOST_ARGON2_KIB: u64 = 128 << 10;
const MOST_ARGON2_PASSES: u64 = 16;
