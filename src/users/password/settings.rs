//! The settings of argon2: how much work one check of a password costs.

use argon2::Params;

/// Length of a fresh salt in bytes (RFC 9106 §3.1).
pub(super) const SALT: usize = 16;
/// Length of a fresh hash in bytes.
pub(super) const OUTPUT: usize = 32;

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
        Params::new(it.memory, it.iterations, it.parallelism, Some(OUTPUT))
            .expect("bounded settings are argon2 parameters")
    }

    pub(super) fn of(params: &Params) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };

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
