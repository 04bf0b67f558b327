//! The files of the signing keys.
//!
//! The folder may be shared by several gateways. Each key is a file that carries the next number; a file appears complete or
//! not at all, and of several gateways that make the same number, one wins and all use its key. So gateways that start
//! together on an empty folder sign with one key, and a rotation makes one key, whoever asks for it.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    key::AssertionKey,
    key_set::{KEPT, KeySet, LEAD},
};
use crate::{
    clock::Timestamp,
    store::private_file::{self, Existing},
};

/// The settings of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFolderSettings {
    /// The folder. Default `assertion-keys` in the state folder.
    pub folder: PathBuf,
    /// The age at which a key gets a successor by itself; `None`: never. Default 30 days.
    pub rotate_every: Option<Duration>,
}

/// The folder with its keys, as of the last time it was read.
#[derive(Debug)]
pub struct KeyFolder {
    settings: KeyFolderSettings,
    keys: KeySet,
}

/// The keys of assertions cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum AssertionKeyError {
    /// A file cannot be read or made.
    #[error("{doing} {}: {source}", .path.display())]
    File {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file in the folder holds no key.
    #[error("{} is no key of assertions; remove it, or restore it from a backup", .0.display())]
    Malformed(PathBuf),
    /// The operating system had no randomness to give.
    #[error("asking the operating system for random bytes")]
    NoRandomness,
}

/// A key as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its number.
    pub number: u64,
    /// Its name in assertions.
    pub kid: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it signs now.
    pub signs: bool,
    /// Whether it is published.
    pub is_published: bool,
}

impl KeyFolder {
    /// Reads the folder; makes it, and the first key, if there is none.
    pub fn open(settings: KeyFolderSettings, now: Timestamp) -> Result<Self, AssertionKeyError> {
        let folder = &settings.folder;
        private_file::create_folder(folder).map_err(|source| file_error("making", folder, source))?;
        let mut this = Self { settings, keys: KeySet::default() };
        this.read()?;
        if this.keys.newest().is_none() {
            this.make(1, now)?;
        }
        Ok(this)
    }

    /// The folder as it is now, with the keys that other gateways have made, and a successor if the newest key has reached its
    /// age.
    pub(super) fn renewed(&self, now: Timestamp) -> Result<Self, AssertionKeyError> {
        let mut this = Self { settings: self.settings.clone(), keys: self.keys.clone() };
        this.read()?;
        let due = |newest: &Arc<AssertionKey>| {
            this.settings.rotate_every.is_some_and(|every| now >= newest.created + every)
        };
        match this.keys.newest() {
            None => this.make(1, now)?,
            Some(newest) if due(newest) => this.rotate(now)?,
            Some(_) => {}
        }
        this.remove_old(now);
        Ok(this)
    }

    /// Makes the next key. It is published at once, and signs after `LEAD`.
    pub fn rotate(&mut self, now: Timestamp) -> Result<(), AssertionKeyError> {
        let next = self.keys.newest().map_or(1, |newest| newest.number.saturating_add(1));
        self.make(next, now)
    }

    /// All keys, the newest one first.
    pub fn list(&self, now: Timestamp) -> Vec<ListedKey> {
        let signing = self.keys.signing(now).map(|key| key.number);
        let listed = |key: &Arc<AssertionKey>| ListedKey {
            number: key.number,
            kid: key.kid.clone(),
            created: key.created,
            signs: signing == Some(key.number),
            is_published: self.keys.is_published(key, now),
        };
        self.keys.iter().rev().map(listed).collect()
    }

    /// For how long a new key is published before it signs.
    pub fn lead() -> Duration {
        LEAD
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub(super) fn settings(&self) -> &KeyFolderSettings {
        &self.settings
    }

    fn make(&mut self, number: u64, now: Timestamp) -> Result<(), AssertionKeyError> {
        let text = AssertionKey::generate(now).ok_or(AssertionKeyError::NoRandomness)?;
        let path = self.path_of(number);
        let made = private_file::create(&path, text.as_bytes(), Existing::Stays);
        made.map_err(|source| file_error("making", &path, source))?;
        self.read()
    }

    /// Reads what is new; a key that has been read is not read again.
    fn read(&mut self) -> Result<(), AssertionKeyError> {
        let folder = &self.settings.folder;
        let wrong = |source| file_error("reading", folder, source);
        let mut keys = Vec::new();
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name();
            let Some(number) = name.to_str().and_then(number_of) else { continue };
            if let Some(known) = self.keys.numbered(number) {
                keys.push(Arc::clone(known));
                continue;
            }
            let path = self.path_of(number);
            match private_file::read_text(&path, MAX_KEY_BYTES) {
                Ok(text) => {
                    let key = AssertionKey::parse(number, &text);
                    keys.push(Arc::new(key.ok_or(AssertionKeyError::Malformed(path))?));
                }
                // Another gateway has removed it in between.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(file_error("reading", &path, source)),
            }
        }
        self.keys = KeySet::new(keys);
        Ok(())
    }

    /// Removes the files of keys that nobody needs. The newest key always stays, so that numbers only grow.
    fn remove_old(&self, now: Timestamp) {
        let long_ago = now - KEPT - KEPT;
        for key in self.keys.iter().filter(|key| !self.keys.is_published(key, long_ago)) {
            let path = self.path_of(key.number);
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "old key of assertions not removed");
            }
        }
    }

    fn path_of(&self, number: u64) -> PathBuf {
        self.settings.folder.join(format!("{PREFIX}{number:08}{SUFFIX}"))
    }
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    (digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> AssertionKeyError {
    AssertionKeyError::File { doing, path: path.to_owned(), source }
}

const PREFIX: &str = "key-";
const SUFFIX: &str = ".pem";
const MAX_KEY_BYTES: usize = 4096;
