//! Secrets that a database keeps, sealed with a key that lies beside it in a file.
//!
//! Mallory, who finds a copy of the database without the file `secret.key`, can use none of them. The secrets of
//! authenticator apps and the keys of recovery codes are sealed by `users`. Each sealed value is bound to its owner by
//! additional data that the caller gives: Mallory, who can write in the database, gains nothing by moving Alice's row to
//! her own name.
//!
//! The algorithm is AES-256-GCM with a random nonce. The file holds one key a line in hexadecimal: values are sealed with
//! the first one, and opened with the one that sealed them.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, rand,
};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::private_file::{self, Existing};

/// The key file of a state folder, read.
pub struct SealingKey {
    /// The first one seals; never empty.
    keys: Vec<OneKey>,
}

struct OneKey {
    id: [u8; ID_BYTES],
    text: Zeroizing<String>,
    key: RandomizedNonceKey,
}

/// The key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealingKeyError {
    /// The file cannot be read or made.
    #[error("{doing} {}", .path.display())]
    File {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is missing, and values were sealed with it.
    #[error("{} is missing: restore it from the backup of the state folder", .0.display())]
    Missing(PathBuf),
    /// The file holds something else.
    #[error("{} is no key file: one or more lines of 64 hexadecimal digits", .0.display())]
    Malformed(PathBuf),
    /// The operating system had no randomness to give.
    #[error("asking the operating system for random bytes")]
    NoRandomness,
}

/// A value is not one that was sealed with this key file for this owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value was sealed with another key, or for another owner, or was changed since")]
pub struct NotSealedHere;

impl SealingKey {
    /// The file of a state folder.
    pub fn path_in(state_folder: &Path) -> PathBuf {
        state_folder.join("secret.key")
    }

    /// Reads the key file of a state folder; makes one, with mode 0600, if there is none. Of two processes that do so, one
    /// wins.
    pub fn open_or_create(state_folder: &Path) -> Result<Self, SealingKeyError> {
        match Self::open(state_folder) {
            Err(SealingKeyError::Missing(path)) => {
                let text = OneKey::generate()?.text;
                write(&path, &format!("{}\n", *text), Existing::Stays)?;
                Self::open(state_folder)
            }
            opened => opened,
        }
    }

    /// Reads the key file of a state folder; [`SealingKeyError::Missing`] if there is none.
    pub fn open(state_folder: &Path) -> Result<Self, SealingKeyError> {
        let path = Self::path_in(state_folder);
        let text = private_file::read_text(&path, MAX_FILE_BYTES).map_err(|source| match source.kind() {
            ErrorKind::NotFound => SealingKeyError::Missing(path.clone()),
            ErrorKind::InvalidData => SealingKeyError::Malformed(path.clone()),
            _ => SealingKeyError::File { doing: "reading", path: path.clone(), source },
        })?;
        let keys: Option<Vec<OneKey>> = text.split_whitespace().map(OneKey::from_hex).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { keys }),
            _ => Err(SealingKeyError::Malformed(path)),
        }
    }

    /// Puts a new key in front of those of the file. Values are sealed with it from now on; those of before can be opened
    /// until [`SealingKey::forget_older`]. The caller sees to it that nobody else changes the file at the same time, and that
    /// no more than the first 15 keys are needed.
    pub fn add_newer(state_folder: &Path) -> Result<Self, SealingKeyError> {
        let mut keys = Self::open_or_create(state_folder)?.keys;
        keys.insert(0, OneKey::generate()?);
        keys.truncate(MAX_KEYS);
        let newer = Self { keys };
        newer.replace_in(state_folder)?;
        Ok(newer)
    }

    /// Leaves the first key alone in the file.
    pub fn forget_older(mut self, state_folder: &Path) -> Result<Self, SealingKeyError> {
        self.keys.truncate(1);
        self.replace_in(state_folder)?;
        Ok(self)
    }

    /// Whether the file has more than one key.
    pub fn has_older(&self) -> bool {
        self.keys.len() > 1
    }

    /// Whether the value names the first key as the one that sealed it.
    pub fn is_newest_of(&self, sealed: &[u8]) -> bool {
        self.keys.first().is_some_and(|key| sealed.starts_with(&key.id))
    }

    /// Seals a value for the owner that `aad` names; an error only if there is no randomness.
    pub fn seal(&self, aad: &[u8], value: &[u8]) -> Result<Vec<u8>, SealingKeyError> {
        let sealing = self.keys.first().ok_or(SealingKeyError::NoRandomness)?;
        // Room for the tag: a buffer that grows would leave the value behind.
        let mut sealed = Zeroizing::new(Vec::with_capacity(value.len() + AES_256_GCM.tag_len()));
        sealed.extend_from_slice(value);
        let nonce = sealing
            .key
            .seal_in_place_append_tag(Aad::from(aad), &mut *sealed)
            .map_err(|_| SealingKeyError::NoRandomness)?;
        Ok([&sealing.id[..], nonce.as_ref(), &sealed].concat())
    }

    /// Opens a value that was sealed for the owner that `aad` names.
    pub fn open_sealed(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotSealedHere> {
        let (id, rest) = sealed.split_first_chunk::<ID_BYTES>().ok_or(NotSealedHere)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(NotSealedHere)?;
        let with = self.keys.iter().find(|key| key.id == *id).ok_or(NotSealedHere)?;
        let mut value = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = with.key.open_in_place(nonce, Aad::from(aad), &mut value);
        let length = opened.map_err(|_| NotSealedHere)?.len();
        value.truncate(length);
        Ok(value)
    }

    fn replace_in(&self, state_folder: &Path) -> Result<(), SealingKeyError> {
        let lines = self.keys.iter().fold(Zeroizing::new(String::new()), |mut lines, key| {
            lines.push_str(&key.text);
            lines.push('\n');
            lines
        });
        write(&Self::path_in(state_folder), &lines, Existing::Replaced)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl OneKey {
    fn generate() -> Result<Self, SealingKeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).map_err(|_| SealingKeyError::NoRandomness)?;
        Self::new(&*bytes).ok_or(SealingKeyError::NoRandomness)
    }

    fn from_hex(text: &str) -> Option<Self> {
        Self::new(&Zeroizing::new(HEXLOWER.decode(text.as_bytes()).ok()?))
    }

    fn new(bytes: &[u8]) -> Option<Self> {
        // Refuses another length than 32 bytes.
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).ok()?;
        let mut id = [0; ID_BYTES];
        let hash =
            digest::digest(&digest::SHA256, &Zeroizing::new([&b"portcullis key id\0"[..], bytes].concat()));
        id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Some(Self { id, text: Zeroizing::new(HEXLOWER.encode(bytes)), key })
    }
}

fn write(path: &Path, text: &str, existing: Existing) -> Result<(), SealingKeyError> {
    private_file::create(path, text.as_bytes(), existing).map_err(|source| SealingKeyError::File {
        doing: "writing",
        path: path.to_owned(),
        source,
    })
}

const KEY_BYTES: usize = 32;
/// Names the key that sealed a value; no secret.
const ID_BYTES: usize = 4;
const MAX_KEYS: usize = 16;
const MAX_FILE_BYTES: usize = MAX_KEYS * (2 * KEY_BYTES + 1) + 1;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_sealed_value_is_opened_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::open_or_create(folder.path()).unwrap();
        let sealed = key.seal(b"alice", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(&**key.open_sealed(b"alice", &sealed).unwrap(), b"secret");
        assert_eq!(key.open_sealed(b"bob", &sealed), Err(NotSealedHere));
        assert_ne!(sealed, key.seal(b"alice", b"secret").unwrap(), "each nonce is another one");
        assert_eq!(format!("{key:?}"), "SealingKey(…)");
    }

    #[test]
    fn a_sealed_value_with_any_byte_changed_or_missing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::open_or_create(folder.path()).unwrap();
        let sealed = key.seal(b"", b"secret").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(key.open_sealed(b"", &changed), Err(NotSealedHere), "byte {place}");
            assert_eq!(key.open_sealed(b"", &sealed[..place]), Err(NotSealedHere), "{place} bytes");
        }
    }

    #[test]
    fn the_key_file_is_private_and_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(SealingKey::open(folder.path()), Err(SealingKeyError::Missing(_))));
        let sealed = SealingKey::open_or_create(folder.path()).unwrap().seal(b"a", b"b").unwrap();
        let path = SealingKey::path_in(folder.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = SealingKey::open_or_create(folder.path()).unwrap();
        assert_eq!(&**again.open_sealed(b"a", &sealed).unwrap(), b"b");
    }

    #[test]
    fn a_key_file_with_anything_else_in_it_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = SealingKey::path_in(folder.path());
        for text in ["", "\n", "abc", &"0".repeat(63), &"g".repeat(64), "\u{fe}"] {
            fs::write(&path, text).unwrap();
            assert!(
                matches!(SealingKey::open_or_create(folder.path()), Err(SealingKeyError::Malformed(_))),
                "{text}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_newer_key_seals_and_the_older_one_opens_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let old = SealingKey::open_or_create(folder.path()).unwrap().seal(b"", b"old").unwrap();
        let both = SealingKey::add_newer(folder.path()).unwrap();
        let new = both.seal(b"", b"new").unwrap();
        assert_ne!(old[..ID_BYTES], new[..ID_BYTES]);
        let read = SealingKey::open(folder.path()).unwrap();
        assert_eq!(&**read.open_sealed(b"", &old).unwrap(), b"old");
        assert_eq!(&**read.open_sealed(b"", &new).unwrap(), b"new");
        both.forget_older(folder.path()).unwrap();
        let read = SealingKey::open(folder.path()).unwrap();
        assert_eq!(read.open_sealed(b"", &old), Err(NotSealedHere));
        assert_eq!(&**read.open_sealed(b"", &new).unwrap(), b"new");
    }
}
