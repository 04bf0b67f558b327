//! The formats of Django's `make_password`: `algorithm$…`.

use super::{
    ImportedHash, Readable, UnusableHash, argon2,
    bcrypt_hash::Bcrypt,
    digests::{Digest, DjangoDigest},
    pbkdf2::{Inner, Pbkdf2},
    scrypt_hash::Scrypt,
};

/// Reads a hash of Django; `None` if the text does not start with one of its algorithms.
pub(super) fn read(text: &str) -> Option<Result<Readable, UnusableHash>> {
    let (algorithm, rest) = text.split_once('$')?;
    let hash = match algorithm {
        "pbkdf2_sha256" => Pbkdf2::of_django(Inner::Sha256, rest).map(ImportedHash::Pbkdf2),
        "pbkdf2_sha1" => Pbkdf2::of_django(Inner::Sha1, rest).map(ImportedHash::Pbkdf2),
        // The rest begins with the name of the variant: `argon2$argon2id$v=19$…`.
        "argon2" => return Some(argon2(&format!("${rest}"))),
        // The rest is a whole bcrypt hash with a `$` of its own: `bcrypt_sha256$$2b$12$…`.
        "bcrypt_sha256" => Bcrypt::of_hex_digest(rest).map(ImportedHash::Bcrypt),
        "bcrypt" => Bcrypt::of_password(rest).map(ImportedHash::Bcrypt),
        "scrypt" => Scrypt::of_django(rest).map(ImportedHash::Scrypt),
        "md5" => Digest::of_django(DjangoDigest::Md5, rest).map(ImportedHash::Digest),
        "sha1" => Digest::of_django(DjangoDigest::Sha1, rest).map(ImportedHash::Digest),
        "crypt" => return Some(Err(UnusableHash::DesCrypt)),
        _ => return None,
    };
    Some(hash.map(Readable::Other))
}
