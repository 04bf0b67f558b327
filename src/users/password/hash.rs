//! What the directory keeps of a password, and how hard it is made to guess.

use std::fmt;

use argon2::{Algorithm, Params, Version};
use zeroize::Zeroizing;

use super::{Password, argon};

/// The argon2id hash of a password, as text in the PHC string format.
///
/// Any text may come out of the database; one that is no argon2 hash fits no
/// password. Shown by nothing but [`PasswordHash::as_phc`], and wiped from
/// memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Zeroizing<String>);

/// How much work one check of a password costs: argon2id (RFC 9106).
///
/// The default is the OWASP minimum, 19 MiB and two passes: about 30 ms of one
/// core. More makes guessing from a stolen database dearer, and a flood of
/// sign-ins as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSettings {
    /// Memory of one check in KiB; each hashing thread keeps this much.
    pub memory: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes; computed one after the other, so 1 is as good as any.
    pub parallelism: u32,
}

/// Settings that are no argon2 parameters, or that would stop the machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} of password hashing must lie between {least} and {most}, not {found}")]
pub struct InvalidHashSettings {
    /// Which of the settings.
    pub setting: &'static str,
    /// The least value.
    pub least: u32,
    /// The greatest value.
    pub most: u32,
    /// The value that was given.
    pub found: u32,
}

/// A text that is no hash that a password could be checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an argon2 password hash in PHC format ($argon2id$v=19$m=…,t=…,p=…$salt$hash)")]
pub struct InvalidPasswordHash;

impl PasswordHash {
    /// Checks that `phc` is an argon2 hash that can be verified here: for hashes that come from elsewhere.
    pub fn parse(phc: &str) -> Result<Self, InvalidPasswordHash> {
        let hash = Self(Zeroizing::new(phc.to_owned()));
        hash.recipe().map(|_| hash).ok_or(InvalidPasswordHash)
    }

    /// Hashes `password` with a fresh salt, here and now.
    pub fn of(password: &Password, settings: HashSettings) -> Self {
        argon::hash(settings, password, &mut argon::Memory::default())
    }

    /// The text, to be stored or printed by `portcullis hash`.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    /// A text that is known to be a hash, or that came from our own database.
    pub(in crate::users) fn stored(phc: String) -> Self {
        Self(Zeroizing::new(phc))
    }

    /// What has to be computed to check a password against this, if that can be done.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        let parsed = argon2::PasswordHash::new(&self.0).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        HashSettings::of(&params).check().ok()?;
        // A key or associated data that the hash was made with is not ours to know.
        if params.output_len()? < MIN_OUTPUT || parsed.params.iter().count() != 3 {
            return None;
        }
        let salt = parsed.salt?.to_vec();
        if salt.len() < argon2::MIN_SALT_LEN {
            return None;
        }
        Some(Recipe {
            algorithm: Algorithm::try_from(parsed.algorithm.as_str()).ok()?,
            version: parsed.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            params,
            salt,
            expected: Zeroizing::new(parsed.hash?.as_bytes().to_vec()),
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A parsed hash.
pub(super) struct Recipe {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) expected: Zeroizing<Vec<u8>>,
}

impl Recipe {
    /// Whether a password that fits this should be hashed again with `settings`.
    pub(super) fn is_weaker_than(&self, settings: HashSettings) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.params.m_cost() < settings.memory
            || self.params.t_cost() < settings.iterations
            || self.salt.len() < argon::SALT
            || self.expected.len() < argon::OUTPUT
    }
}

impl HashSettings {
    /// Whether argon2 can be run so, and one check stays within 4 GiB; the error names the first setting
    /// that is out of bounds.
    pub fn check(self) -> Result<(), InvalidHashSettings> {
        let least_memory = self.parallelism.saturating_mul(8).max(MIN_MEMORY);
        within("parallelism", self.parallelism, 1, MAX_PARALLELISM)?;
        within("iterations", self.iterations, 1, MAX_ITERATIONS)?;
        within("memory", self.memory, least_memory, MAX_MEMORY)
    }

    /// The nearest settings that [`HashSettings::check`] accepts.
    pub(super) fn bounded(self) -> Self {
        let parallelism = self.parallelism.clamp(1, MAX_PARALLELISM);
        Self {
            memory: self.memory.clamp(MIN_MEMORY.max(parallelism * 8), MAX_MEMORY),
            iterations: self.iterations.clamp(1, MAX_ITERATIONS),
            parallelism,
        }
    }

    pub(super) fn params(self) -> Params {
        let it = self.bounded();
        Params::new(it.memory, it.iterations, it.parallelism, Some(argon::OUTPUT))
            .expect("bounded settings are argon2 parameters")
    }

    fn of(params: &Params) -> Self {
        Self { memory: params.m_cost(), iterations: params.t_cost(), parallelism: params.p_cost() }
    }
}

impl Default for HashSettings {
    fn default() -> Self {
        Self { memory: 19_456, iterations: 2, parallelism: 1 }
    }
}

fn within(setting: &'static str, found: u32, least: u32, most: u32) -> Result<(), InvalidHashSettings> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(InvalidHashSettings { setting, least, most, found })
    }
}

const MIN_MEMORY: u32 = 8;
const MAX_MEMORY: u32 = 4 * 1024 * 1024;
const MAX_ITERATIONS: u32 = 1000;
const MAX_PARALLELISM: u32 = 64;
/// A shorter output than 128 bits is guessed, not computed.
const MIN_OUTPUT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };

    #[test]
    fn the_hash_is_argon2id_with_the_settings_and_a_fresh_salt() {
        let password = Password::new("correct horse".to_owned());
        let first = PasswordHash::of(&password, QUICK);
        assert!(first.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", first.as_phc());
        assert_ne!(first, PasswordHash::of(&password, QUICK));
        assert_eq!(PasswordHash::parse(first.as_phc()).unwrap(), first);
    }

    #[test]
    fn what_is_no_argon2_hash_is_refused() {
        for text in [
            "",
            "!",
            "secret",
            "$2y$10$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            // Four bytes of output.
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAA",
            // 16 GiB for one check.
            "$argon2id$v=19$m=16777216,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            // Made with a key that we do not have.
            "$argon2id$v=19$m=64,t=1,p=1,keyid=Zm9v$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(PasswordHash::parse(text), Err(InvalidPasswordHash), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_hash() {
        assert_eq!(format!("{:?}", PasswordHash::stored("$argon2id$".to_owned())), "PasswordHash(…)");
    }

    #[test]
    fn settings_out_of_bounds_are_named_and_can_be_brought_into_bounds() {
        assert_eq!(HashSettings::default().check(), Ok(()));
        for (settings, named) in [
            (HashSettings { memory: 1, ..QUICK }, "memory"),
            (HashSettings { memory: 64, parallelism: 9, ..QUICK }, "memory"),
            (HashSettings { memory: u32::MAX, ..QUICK }, "memory"),
            (HashSettings { iterations: 0, ..QUICK }, "iterations"),
            (HashSettings { parallelism: 0, ..QUICK }, "parallelism"),
            (HashSettings { parallelism: u32::MAX, ..QUICK }, "parallelism"),
        ] {
            assert_eq!(settings.check().unwrap_err().setting, named, "{settings:?}");
            assert_eq!(settings.bounded().check(), Ok(()), "{settings:?}");
        }
        let message = HashSettings { memory: 1, ..QUICK }.check().unwrap_err().to_string();
        assert_eq!(message, "memory of password hashing must lie between 8 and 4194304, not 1");
    }
}
