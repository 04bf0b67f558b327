//! Hashes of passwords that other programs have made: Django, `crypt(3)`, LDAP servers, passlib and Authelia.
//!
//! [`ImportedHash::parse`] reads a hash and refuses one that would cost more than [`cost`] lets it, before anything is
//! computed: Mallory, who hands Bob a file of users, must not keep a hashing thread busy for a minute with each sign-in.
//! [`ImportedHash::fits`] checks a password on the hashing threads. A hash is stored as it was written by the other
//! program, and replaced by an argon2 hash at the first sign-in with the right password.

mod bcrypt_hash;
mod cost;
mod crypt_base64;
mod digests;
mod django;
mod md5_crypt;
mod modular;
mod pbkdf2;
mod scrypt_hash;

use super::argon2_hash::Argon2Hash;

/// A hash of another program, ready to be compared with a password.
pub(super) enum ImportedHash {
    Pbkdf2(pbkdf2::Pbkdf2),
    Bcrypt(bcrypt_hash::Bcrypt),
    Scrypt(scrypt_hash::Scrypt),
    /// `$5$` and `$6$`.
    ShaCrypt(String),
    /// `$y$`.
    Yescrypt(String),
    /// `$1$` and `$apr1$`.
    Md5Crypt(md5_crypt::Md5Crypt),
    Digest(digests::Digest),
}

/// A hash that can be stored, and what is known of it.
pub(super) enum Readable {
    /// An argon2 hash in the format of the gateway's own.
    Argon2(String),
    /// Another one, in the format of the program that made it.
    Other(ImportedHash),
}

/// Why a text is no password hash that can be taken over. Shows nothing of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// The field is empty.
    #[error("there is no password")]
    Blank,
    /// The other program lets nobody in with this: `!…`, `*`.
    #[error("the password is locked or unusable")]
    Locked,
    /// Traditional `crypt(3)`, which ends passwords after eight characters.
    #[error(
        "the hash is DES crypt, which compares the first 8 characters alone; have the user set a new password"
    )]
    DesCrypt,
    /// A format that is known, and not supported.
    #[error("hashes of the format {0} cannot be checked here")]
    Unsupported(&'static str),
    /// The text looks like a password, or like a hash of an unknown format.
    #[error("this is a plain password or a hash of an unknown format")]
    Unknown,
    /// The format is known, but this is no hash in it.
    #[error("this is no complete {0} hash")]
    Malformed(&'static str),
    /// The check would take too long, or too much memory.
    #[error("one check of this {scheme} hash would cost too much: {what} is {found}, and {most} is the most")]
    TooCostly {
        /// The format.
        scheme: &'static str,
        /// The parameter that is too great.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The greatest value that is taken over.
        most: u64,
    },
}

/// Reads a hash that came from elsewhere.
pub(super) fn read(text: &str) -> Result<Readable, UnusableHash> {
    let is_locked = |text: &str| text.starts_with(['!', '*']) || text == "x";
    match text {
        "" => return Err(UnusableHash::Blank),
        locked if is_locked(locked) => return Err(UnusableHash::Locked),
        long if long.len() > MAX_TEXT => return Err(UnusableHash::Unknown),
        _ => {}
    }
    if let Some((scheme, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        return in_braces(scheme, rest);
    }
    if text.starts_with('$') {
        return modular::read(text);
    }
    if let Some(read) = django::read(text) {
        return read;
    }
    let is_crypt = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    Err(match text.len() {
        13 if text.bytes().all(is_crypt) => UnusableHash::DesCrypt,
        20 if text.starts_with('_') => UnusableHash::Unsupported("bsdicrypt"),
        _ => UnusableHash::Unknown,
    })
}

/// `{SCHEME}rest`, as LDAP servers and some users files write it (RFC 2307 §5.3).
fn in_braces(scheme: &str, rest: &str) -> Result<Readable, UnusableHash> {
    let scheme = scheme.to_ascii_uppercase();
    match scheme.as_str() {
        "CRYPT" | "ARGON2" => match rest {
            "" => Err(UnusableHash::Blank),
            locked if locked.starts_with(['!', '*']) || locked == "x" => Err(UnusableHash::Locked),
            modular if modular.starts_with('$') => modular::read(modular),
            des if scheme == "CRYPT" && des.len() == 13 => Err(UnusableHash::DesCrypt),
            _ => Err(UnusableHash::Unknown),
        },
        pbkdf2 if pbkdf2.starts_with("PBKDF2") => pbkdf2::in_braces(pbkdf2, rest).map(other),
        "CLEARTEXT" => Err(UnusableHash::Unknown),
        digest => match digests::in_braces(digest, rest) {
            Some(read) => read.map(|it| Readable::Other(ImportedHash::Digest(it))),
            None => Err(UnusableHash::Unsupported("{…} of that name")),
        },
    }
}

fn other(hash: pbkdf2::Pbkdf2) -> Readable {
    Readable::Other(ImportedHash::Pbkdf2(hash))
}

impl ImportedHash {
    /// Reads a hash that was stored at an import.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match read(text) {
            Ok(Readable::Other(hash)) => Some(hash),
            Ok(Readable::Argon2(_)) | Err(_) => None,
        }
    }

    /// Whether the hash was made with little work and no salt, or with one round: anybody who has it finds the password
    /// quickly.
    pub(super) fn is_weak(&self) -> bool {
        matches!(self, Self::Digest(digest) if digest.is_weak())
    }

    /// The format, for reports.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Pbkdf2(_) => "PBKDF2",
            Self::Bcrypt(_) => "bcrypt",
            Self::Scrypt(_) => "scrypt",
            Self::ShaCrypt(_) => "SHA-crypt",
            Self::Yescrypt(_) => "yescrypt",
            Self::Md5Crypt(_) => "MD5-crypt",
            Self::Digest(digest) if digest.is_weak() => "weak digest",
            Self::Digest(_) => "salted digest",
        }
    }

    /// Whether the bytes are the password that this hash was made of, compared in constant time.
    pub(super) fn fits(&self, password: &[u8]) -> bool {
        // `crypt(3)` works on texts that end at a NUL; a password of the form never has one.
        if password.contains(&0) {
            return false;
        }
        match self {
            Self::Pbkdf2(hash) => hash.fits(password),
            Self::Bcrypt(hash) => hash.fits(password),
            Self::Scrypt(hash) => hash.fits(password),
            Self::ShaCrypt(hash) => modular::sha_crypt_fits(hash, password),
            Self::Yescrypt(hash) => modular::yescrypt_fits(hash, password),
            Self::Md5Crypt(hash) => hash.fits(password),
            Self::Digest(hash) => hash.fits(password),
        }
    }
}

/// An argon2 hash that was made elsewhere.
fn argon2(text: &str) -> Result<Readable, UnusableHash> {
    let hash = Argon2Hash::parse(text).ok_or(UnusableHash::Malformed("argon2"))?;
    cost::argon2(hash.settings())?;
    Ok(Readable::Argon2(text.to_owned()))
}

/// Longer than any hash of these formats.
const MAX_TEXT: usize = 1024;

#[cfg(test)]
mod tests;
