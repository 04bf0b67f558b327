//! Certificate revocation lists (RFC 5280 §5), from files that somebody fetches.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateRevocationListDer, pem::PemObject};
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

use crate::clock::Timestamp;

/// The files of an authority's revocation lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationLists {
    /// The files, PEM or DER. None: no certificate is ever revoked.
    pub files: Vec<PathBuf>,
    /// The meaning of a list that is overdue.
    pub stale: StaleList,
}

/// The meaning of a revocation list past its `nextUpdate`. Mallory, who holds a stolen certificate and can keep the gateway from
/// fetching the list, would be let in for ever otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaleList {
    /// All certificates of the authority are refused. The default.
    #[default]
    Refuses,
    /// The list is used as if it were current.
    IsUsed,
}

/// A revocation list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RevocationListError {
    /// The file cannot be read.
    #[error("reading {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file is larger than any list should be.
    #[error("{} is larger than {} MiB", .0.display(), MAX_FILE_BYTES >> 20)]
    TooLarge(PathBuf),
    /// The file holds something else.
    #[error("{} holds no certificate revocation list", .0.display())]
    Malformed(PathBuf),
}

/// The state of a file, to see that it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl RevocationLists {
    /// Reads all lists.
    pub fn read(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, RevocationListError> {
        let mut lists = Vec::new();
        for path in &self.files {
            lists.extend(read_file(path)?);
        }
        Ok(lists)
    }

    /// The time at which the first of these lists is overdue.
    pub fn next_update(lists: &[CertificateRevocationListDer<'_>]) -> Option<Timestamp> {
        let next = |list: &CertificateRevocationListDer<'_>| {
            let (_, parsed) = CertificateRevocationList::from_der(list).ok()?;
            let seconds = parsed.next_update()?.timestamp();
            Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
        };
        lists.iter().filter_map(next).min()
    }

    /// The states of the files; a file that is missing has none.
    pub(super) fn stamps(&self) -> Vec<Option<FileStamp>> {
        let stamp = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            let changed = (metadata.mtime(), metadata.mtime_nsec());
            Some(FileStamp { inode: metadata.ino(), length: metadata.len(), changed })
        };
        self.files.iter().map(stamp).collect()
    }
}

fn read_file(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, RevocationListError> {
    let unreadable = |error| RevocationListError::Unreadable(path.to_owned(), error);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(unreadable)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(RevocationListError::TooLarge(path.to_owned()));
    }
    let malformed = || RevocationListError::Malformed(path.to_owned());
    // A SEQUENCE begins DER (X.690 §8.9); authorities publish lists in this form.
    let lists = if bytes.first() == Some(&0x30) {
        vec![CertificateRevocationListDer::from(bytes)]
    } else {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        lists.map_err(|_| malformed())?
    };
    let is_whole = |list: &CertificateRevocationListDer<'_>| {
        CertificateRevocationList::from_der(list).is_ok_and(|(rest, _)| rest.is_empty())
    };
    if lists.is_empty() || !lists.iter().all(is_whole) {
        return Err(malformed());
    }
    Ok(lists)
}

/// A list of a million certificates has about 40 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;
