//! The device cookie: a browser in which a user has signed in before.
//!
//! The cookie gives no rights; it only decides which counter a wrong password counts on. Without it, Mallory, who knows Alice's
//! name, could keep Alice out by guessing (OWASP, "slow down online guessing attacks with device cookies"; ASVS 5.0
//! 6.3.1). It holds the user's number, 16 random bytes that name the browser, and an HMAC over both: it can neither be
//! forged nor carried to another account, and its owner needs no look-up. A thief of the cookie may guess as often as
//! anybody else, on a budget of its own.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::{hmac, rand};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use super::key::{DeviceId, NameDigest};
use crate::{
    identity::UserId,
    store::private_file::{self, Existing},
};

/// How long a browser keeps the cookie: as long as browsers keep any (RFC 6265bis, 400 days).
pub const DEVICE_KEPT: Duration = Duration::from_hours(400 * 24);

/// The key of the throttle: signs device cookies and challenges of passkeys, and hides the names that it counts.
pub(super) struct Secret(Zeroizing<[u8; KEY_BYTES]>);

/// There is no key.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
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
    /// The file holds something else.
    #[error("{} is no key of device cookies: 64 hexadecimal digits; remove it, and a new one is made", .0.display())]
    Malformed(PathBuf),
    /// The operating system had no randomness to give.
    #[error("asking the operating system for random bytes")]
    NoRandomness,
}

impl Secret {
    /// A new key.
    pub(super) fn generate() -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The key in the file; makes one if there is none. Of two processes that do so, one wins.
    pub(super) fn ensure(path: &Path) -> Result<Self, SecretError> {
        if let Some(secret) = Self::read(path)? {
            return Ok(secret);
        }
        Self::generate()?.write(path, Existing::Stays)?;
        Self::read(path)?.ok_or_else(|| SecretError::Malformed(path.to_owned()))
    }

    /// The key in the file, if there is a file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SecretError> {
        match private_file::read_text(path, MAX_KEY_TEXT_BYTES) {
            Ok(text) => {
                Self::from_hex(text.trim()).map(Some).ok_or_else(|| SecretError::Malformed(path.to_owned()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SecretError::File { doing: "reading", path: path.to_owned(), source }),
        }
    }

    /// Makes this the key in the file.
    pub(super) fn replace(&self, path: &Path) -> Result<(), SecretError> {
        self.write(path, Existing::Replaced)
    }

    pub(super) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(&*self.0))
    }

    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(HEXLOWER.decode(text.as_bytes()).ok()?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(Self(key))
    }

    /// The device that a cookie's value names, if it was made here for this user.
    pub(super) fn device(&self, user: UserId, cookie: &[u8]) -> Option<DeviceId> {
        let (owner, device) = self.verified(cookie)?;
        (owner == user).then_some(device)
    }

    /// The user for whom a cookie's value was made here.
    pub(super) fn owner(&self, cookie: &[u8]) -> Option<UserId> {
        self.verified(cookie).map(|(owner, _)| owner)
    }

    fn verified(&self, cookie: &[u8]) -> Option<(UserId, DeviceId)> {
        let mut bytes = [0; COOKIE_BYTES];
        if cookie.len() != BASE64URL_NOPAD.encode_len(COOKIE_BYTES)
            || BASE64URL_NOPAD.decode_mut(cookie, &mut bytes) != Ok(COOKIE_BYTES)
        {
            return None;
        }
        let (user, rest) = bytes.split_first_chunk::<USER_BYTES>()?;
        let (id, mark) = rest.split_first_chunk::<ID_BYTES>()?;
        let user = UserId(i64::from_be_bytes(*user));
        // Compares in constant time.
        hmac::verify(&self.key(), &signed(user, id), mark).ok()?;
        Some((user, DeviceId(*id)))
    }

    /// A cookie's value for this device of this user.
    pub(super) fn cookie(&self, user: UserId, device: DeviceId) -> String {
        let mut bytes = user.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(&device.0);
        bytes.extend_from_slice(hmac::sign(&self.key(), &signed(user, &device.0)).as_ref());
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// The digest under which a name that no user has is counted.
    pub(super) fn digest(&self, name: &str) -> NameDigest {
        let mut context = hmac::Context::with_key(&self.key());
        context.update(b"portcullis name\0");
        context.update(name.as_bytes());
        let tag = context.sign();
        let mut digest = [0; 16];
        digest.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        NameDigest(digest)
    }

    /// The mark of a text for one purpose; purposes hold no NUL.
    pub(super) fn mark(&self, purpose: &str, text: &[u8]) -> [u8; MARK_BYTES] {
        let mut context = hmac::Context::with_key(&self.key());
        for part in [b"portcullis mark\0", purpose.as_bytes(), b"\0", text] {
            context.update(part);
        }
        let tag = context.sign();
        let mut mark = [0; MARK_BYTES];
        mark.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        mark
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }

    fn write(&self, path: &Path, existing: Existing) -> Result<(), SecretError> {
        let text = Zeroizing::new(format!("{}\n", *self.to_hex()));
        private_file::create(path, text.as_bytes(), existing).map_err(|source| SecretError::File {
            doing: "writing",
            path: path.to_owned(),
            source,
        })
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl DeviceId {
    pub(super) fn generate() -> Result<Self, SecretError> {
        let mut bytes = [0; ID_BYTES];
        rand::fill(&mut bytes).map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }
}

fn signed(user: UserId, device: &[u8; ID_BYTES]) -> Vec<u8> {
    let mut text = b"portcullis device\0".to_vec();
    text.extend_from_slice(&user.0.to_be_bytes());
    text.extend_from_slice(device);
    text
}

/// Size of a [mark](super::Throttle::mark) in bytes.
pub const MARK_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// Twice as much as a key takes, so that what is no key is not taken for one.
const MAX_KEY_TEXT_BYTES: usize = 128;
const ID_BYTES: usize = 16;
const USER_BYTES: usize = 8;
const COOKIE_BYTES: usize = USER_BYTES + ID_BYTES + 32;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_cookie_is_good_for_the_user_and_the_gateway_that_it_was_made_for() {
        let (secret, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let device = DeviceId::generate().unwrap();
        let cookie = secret.cookie(UserId(1), device);
        assert_eq!(secret.device(UserId(1), cookie.as_bytes()), Some(device));
        assert_eq!(secret.device(UserId(2), cookie.as_bytes()), None);
        assert_eq!(other.device(UserId(1), cookie.as_bytes()), None);
        assert_eq!(secret.owner(cookie.as_bytes()), Some(UserId(1)));
        assert_eq!(other.owner(cookie.as_bytes()), None);
        for at in 0..cookie.len() {
            let mut forged = cookie.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(secret.device(UserId(1), &forged), None, "{at}");
            assert_eq!(secret.owner(&forged), None, "{at}");
        }
        for text in [
            "",
            "A",
            &cookie.chars().skip(1).collect::<String>(),
            &format!("{cookie}A"),
            &format!("{cookie}="),
            &"A".repeat(100_000),
        ] {
            assert_eq!(secret.device(UserId(1), text.as_bytes()), None, "{text:.80}");
            assert_eq!(secret.owner(text.as_bytes()), None, "{text:.80}");
        }
    }

    #[test]
    fn a_mark_is_of_one_key_one_purpose_and_one_text() {
        let (secret, other) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let mark = secret.mark("purpose", b"text");
        assert_eq!(secret.mark("purpose", b"text"), mark);
        for another in [
            other.mark("purpose", b"text"),
            secret.mark("purpos", b"etext"),
            secret.mark("purpose", b"text2"),
            secret.mark("", b"purposetext"),
        ] {
            assert_ne!(another, mark);
        }
    }

    #[test]
    fn the_throttle_key_is_created_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.key");
        assert!(Secret::read(&path).unwrap().is_none());
        let made = Secret::ensure(&path).unwrap();
        let permissions = fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        assert_eq!(*Secret::ensure(&path).unwrap().to_hex(), *made.to_hex());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
        assert_eq!(format!("{made:?}"), "Secret(…)");
        fs::write(&path, "short").unwrap();
        assert!(matches!(Secret::ensure(&path), Err(SecretError::Malformed(_))));
    }
}
