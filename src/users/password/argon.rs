//! argon2 itself, with working memory that is reused from one check to the next.
//!
//! Allocating and faulting in 19 MiB is a third of the time of a check, so a hashing thread reuses its [`Memory`]. The
//! memory is not wiped after a check: it is as hard to get from it to the password as from the stored hash.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    HashSettings, Password, PasswordHash,
    argon2_hash::Argon2Hash,
    settings::{OUTPUT, SALT},
};

/// Blocks of 1 KiB that argon2 works in.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// Frees the memory beyond `settings`: the check of a hash with a great cost must not hold its memory for good.
    pub(super) fn shrink_to(&mut self, settings: HashSettings) {
        let blocks = settings.params().block_count();
        if self.0.len() > blocks {
            self.0.truncate(blocks);
            self.0.shrink_to_fit();
        }
    }

    fn for_params(&mut self, params: &Params) -> &mut [Block] {
        if self.0.len() < params.block_count() {
            self.0.resize(params.block_count(), Block::new());
        }
        &mut self.0
    }
}

/// Hashes `password` in its normal form, with a fresh salt.
pub(super) fn hash(settings: HashSettings, password: &Password, memory: &mut Memory) -> PasswordHash {
    let params = settings.params();
    let salt: [u8; SALT] = random();
    let password = password.normal_form();
    let output = run(Algorithm::Argon2id, Version::V0x13, &params, &password, &salt, memory);
    PasswordHash::stored(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        BASE64_NOPAD.encode(&salt),
        BASE64_NOPAD.encode(&output)
    ))
}

/// Whether `password` is the one that the hash was made of, compared in constant time.
pub(super) fn fits(recipe: &Argon2Hash, password: &Password, memory: &mut Memory) -> bool {
    let output = run(recipe.algorithm, recipe.version, &recipe.params, password, &recipe.salt, memory);
    output.ct_eq(&recipe.expected).into()
}

/// The work of one check with `settings`, without a result.
pub(super) fn pretend(settings: HashSettings, password: &Password, memory: &mut Memory) {
    let salt: [u8; SALT] = random();
    std::hint::black_box(run(
        Algorithm::Argon2id,
        Version::V0x13,
        &settings.params(),
        password,
        &salt,
        memory,
    ));
}

/// The rest of the work of one check with `settings` after `recipe` was computed, so that a wrong password for an account
/// with an old, cheaper hash takes as long as for any other.
pub(super) fn make_up_for(
    recipe: &Argon2Hash,
    settings: HashSettings,
    password: &Password,
    memory: &mut Memory,
) {
    let settings = settings.bounded();
    let passes = |iterations: u32| FIRST_PASS + LATER_PASS * u64::from(iterations.saturating_sub(1));
    let work = |memory: u32, iterations: u32| u64::from(memory) * passes(iterations);
    let missing = work(settings.memory, settings.iterations)
        .saturating_sub(work(recipe.params.m_cost(), recipe.params.t_cost()));
    // In the shape of the setting, whose cost it is to have.
    let blocks = u32::try_from(missing / passes(settings.iterations)).unwrap_or(settings.memory);
    if blocks < LEAST_BLOCKS {
        return;
    }
    pretend(
        HashSettings { memory: blocks, iterations: settings.iterations, parallelism: 1 },
        password,
        memory,
    );
}

/// The part `missing` of the work of one check with `settings`, which lies between 0 and 1.
pub(super) fn pretend_part(settings: HashSettings, missing: f64, password: &Password, memory: &mut Memory) {
    let settings = settings.bounded();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the blocks of the setting"
    )]
    let blocks = (f64::from(settings.memory) * missing.clamp(0.0, 1.0)) as u32;
    if blocks >= LEAST_BLOCKS {
        pretend(
            HashSettings { memory: blocks, iterations: settings.iterations, parallelism: 1 },
            password,
            memory,
        );
    }
}

/// The cost of a block in the first pass over the memory, and in a later one, which has to read the block before it writes
/// it. Their ratio was measured with `cargo bench --bench sign_in -- timing`. Less memory is also faster to access, which
/// is left out: a hash with half the memory of the setting still saved a tenth of the time there.
const FIRST_PASS: u64 = 2;
const LATER_PASS: u64 = 5;

/// Less work than this is lost in the noise of the clock.
const LEAST_BLOCKS: u32 = 64;

fn run(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &Password,
    salt: &[u8],
    memory: &mut Memory,
) -> Zeroizing<Vec<u8>> {
    #[cfg(test)]
    COMPUTATIONS.with(|count| count.set(count.get() + 1));
    let mut output = Zeroizing::new(vec![0; params.output_len().unwrap_or(OUTPUT)]);
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(
            password.exposed().as_bytes(),
            salt,
            &mut output,
            memory.for_params(params),
        )
        .expect("parameters and lengths were checked, the memory is large enough");
    output
}

#[cfg(test)]
thread_local! {
    static COMPUTATIONS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// How often argon2 was computed on this thread.
#[cfg(test)]
pub(super) fn computations() -> u64 {
    COMPUTATIONS.with(std::cell::Cell::get)
}

/// A hash of the typed bytes, as hashes were before there was a normal form.
#[cfg(test)]
pub(super) fn hash_as_typed(settings: HashSettings, password: &Password) -> PasswordHash {
    let (params, salt) = (settings.params(), random::<SALT>());
    let mut memory = Memory::default();
    let output = run(Algorithm::Argon2id, Version::V0x13, &params, password, &salt, &mut memory);
    PasswordHash::stored(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        BASE64_NOPAD.encode(&salt),
        BASE64_NOPAD.encode(&output)
    ))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random number generator works");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's own test vector: `echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1`.
    #[test]
    fn a_hash_of_the_reference_implementation_fits() {
        let hash = PasswordHash::parse(
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        )
        .unwrap();
        let recipe = Argon2Hash::parse(hash.as_phc()).unwrap();
        let mut memory = Memory::default();
        assert!(fits(&recipe, &Password::new("password".to_owned()), &mut memory));
        assert!(!fits(&recipe, &Password::new("Password".to_owned()), &mut memory));
        assert!(!fits(&recipe, &Password::new("password ".to_owned()), &mut memory));
    }

    #[test]
    fn the_hash_is_argon2id_with_the_settings_and_a_fresh_salt() {
        const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
        let password = Password::new("correct horse".to_owned());
        let first = hash(QUICK, &password, &mut Memory::default());
        assert!(first.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", first.as_phc());
        assert_ne!(first, hash(QUICK, &password, &mut Memory::default()));
        assert_eq!(PasswordHash::parse(first.as_phc()).unwrap(), first);
    }

    #[test]
    fn reused_argon2_memory_changes_no_result_and_is_freed() {
        let mut memory = Memory::default();
        let small = HashSettings { memory: 64, iterations: 1, parallelism: 1 };
        let large = HashSettings { memory: 1024, iterations: 2, parallelism: 2 };
        let password = Password::new("correct horse".to_owned());
        let hashes = [large, small, large].map(|settings| hash(settings, &password, &mut memory));
        for hash in hashes {
            assert!(fits(&Argon2Hash::parse(hash.as_phc()).unwrap(), &password, &mut memory));
            assert!(fits(&Argon2Hash::parse(hash.as_phc()).unwrap(), &password, &mut Memory::default()));
        }
        memory.shrink_to(small);
        assert_eq!(memory.0.len(), 64);
    }
}
