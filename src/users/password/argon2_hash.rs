//! An argon2 hash in the PHC string format, parsed.

use argon2::{Algorithm, Params, Version};
use zeroize::Zeroizing;

use super::settings::{HashSettings, OUTPUT, SALT};

/// A parsed argon2 hash.
pub(super) struct Argon2Hash {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) expected: Zeroizing<Vec<u8>>,
}

impl Argon2Hash {
    pub(super) fn parse(phc: &str) -> Option<Self> {
        let parsed = argon2::PasswordHash::new(phc).ok()?;
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
        Some(Self {
            algorithm: Algorithm::try_from(parsed.algorithm.as_str()).ok()?,
            version: parsed.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            params,
            salt,
            expected: Zeroizing::new(parsed.hash?.as_bytes().to_vec()),
        })
    }

    /// The cost of a check.
    pub(super) fn settings(&self) -> HashSettings {
        HashSettings::of(&self.params)
    }

    /// Whether a password that fits this should be hashed again with `settings`.
    pub(super) fn is_weaker_than(&self, settings: HashSettings) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.version != Version::V0x13
            || self.params.m_cost() < settings.memory
            || self.params.t_cost() < settings.iterations
            || self.salt.len() < SALT
            || self.expected.len() < OUTPUT
    }
}

/// A shorter output than 128 bits is guessed, not computed.
const MIN_OUTPUT: usize = 16;
