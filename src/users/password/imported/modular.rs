//! Formats that start with `$name$`: those of `crypt(3)`, and passlib's.

use sha_crypt::{PasswordVerifier, ShaCrypt};
use yescrypt::Yescrypt;

use super::{
    ImportedHash, Readable, UnusableHash, argon2,
    bcrypt_hash::Bcrypt,
    cost, crypt_base64,
    md5_crypt::Md5Crypt,
    pbkdf2::{Inner, Pbkdf2},
    scrypt_hash::Scrypt,
};

/// Reads a hash that starts with `$`.
pub(super) fn read(text: &str) -> Result<Readable, UnusableHash> {
    let (name, rest) =
        text.strip_prefix('$').and_then(|text| text.split_once('$')).ok_or(UnusableHash::Unknown)?;
    let hash = match name {
        "argon2id" | "argon2i" | "argon2d" => return argon2(text),
        "2a" | "2b" | "2y" => Bcrypt::of_password(text).map(ImportedHash::Bcrypt),
        "5" | "6" => sha_crypt(text, rest),
        "y" => yescrypt(text, rest),
        "7" => Scrypt::of_crypt(rest).map(ImportedHash::Scrypt),
        "1" => Md5Crypt::read("$1$", rest).map(ImportedHash::Md5Crypt),
        "apr1" => Md5Crypt::read("$apr1$", rest).map(ImportedHash::Md5Crypt),
        "scrypt" => Scrypt::of_passlib(rest).map(ImportedHash::Scrypt),
        "pbkdf2" => Pbkdf2::of_passlib(Inner::Sha1, rest).map(ImportedHash::Pbkdf2),
        "pbkdf2-sha256" => Pbkdf2::of_passlib(Inner::Sha256, rest).map(ImportedHash::Pbkdf2),
        "pbkdf2-sha512" => Pbkdf2::of_passlib(Inner::Sha512, rest).map(ImportedHash::Pbkdf2),
        "bcrypt-sha256" => Bcrypt::of_keyed_digest(rest).map(ImportedHash::Bcrypt),
        "2x" => Err(UnusableHash::Unsupported("$2x$")),
        "3" => Err(UnusableHash::Unsupported("$3$ (NT)")),
        "gy" => Err(UnusableHash::Unsupported("$gy$ (GOST yescrypt)")),
        "sha1" => Err(UnusableHash::Unsupported("$sha1$")),
        "md5" => Err(UnusableHash::Unsupported("$md5$ (SunMD5)")),
        "8" => Err(UnusableHash::Unsupported("$8$")),
        "9" => Err(UnusableHash::Unsupported("$9$")),
        _ => Err(UnusableHash::Unknown),
    };
    hash.map(Readable::Other)
}

/// `rounds=N$salt$hash`, or `salt$hash` with 5,000 rounds.
fn sha_crypt(text: &str, rest: &str) -> Result<ImportedHash, UnusableHash> {
    const MALFORMED: UnusableHash = UnusableHash::Malformed("SHA-crypt");
    let mut parts = rest.split('$');
    let mut next = parts.next().ok_or(MALFORMED)?;
    if let Some(rounds) = next.strip_prefix("rounds=") {
        let rounds: u64 = rounds.parse().map_err(|_| MALFORMED)?;
        cost::sha_crypt(rounds)?;
        if rounds < 1000 {
            return Err(MALFORMED);
        }
        next = parts.next().ok_or(MALFORMED)?;
    }
    let (salt, hash) = (next, parts.next().ok_or(MALFORMED)?);
    let length = if text.starts_with("$5$") { 43 } else { 86 };
    let is_crypt = |text: &str| text.bytes().all(|byte| crypt_base64::value(byte).is_some());
    if parts.next().is_some() || salt.len() > 16 || hash.len() != length || !is_crypt(hash) || !is_crypt(salt)
    {
        return Err(MALFORMED);
    }
    Ok(ImportedHash::ShaCrypt(text.to_owned()))
}

/// `parameters$salt$hash` with the parameters that Debian and others make: the default flavour, and no extra ones.
fn yescrypt(text: &str, rest: &str) -> Result<ImportedHash, UnusableHash> {
    const MALFORMED: UnusableHash = UnusableHash::Malformed("yescrypt");
    let parts: Vec<&str> = rest.split('$').collect();
    let [parameters, salt, hash] = parts.as_slice() else { return Err(MALFORMED) };
    // A further character could ask for more time, or for more lanes.
    if parameters.len() != 3 || !parameters.starts_with('j') || hash.len() != 43 || salt.len() > 86 {
        return Err(MALFORMED);
    }
    let params: yescrypt::Params = parameters.parse().map_err(|_| MALFORMED)?;
    cost::scrypt("yescrypt", params.n(), params.r().into(), params.p().into())?;
    Ok(ImportedHash::Yescrypt(text.to_owned()))
}

pub(super) fn sha_crypt_fits(hash: &str, password: &[u8]) -> bool {
    let Ok(hash) = sha_crypt::PasswordHashRef::new(hash) else { return false };
    password.len() <= MAX_PASSWORD && ShaCrypt::default().verify_password(password, hash).is_ok()
}

pub(super) fn yescrypt_fits(hash: &str, password: &[u8]) -> bool {
    password.len() <= MAX_PASSWORD && Yescrypt::default().verify_password(password, hash).is_ok()
}

/// `crypt(3)` takes no longer ones, and the time of SHA-crypt grows with the password.
const MAX_PASSWORD: usize = 512;
