//! Passwords that have become known, in a file: it works offline, and no password leaves the gateway.
//!
//! The file is a head of 20 bytes (a mark and the number of records) and the SHA-1 hashes of the passwords, 20 bytes each,
//! sorted. A password is looked for by a binary search with `pread`, on the hashing threads: thirty reads in a file of a
//! billion passwords. `portcullis pwned import` writes it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::super::Password;

/// The SHA-1 hash of a password.
pub type HashRecord = [u8; RECORD];

/// An open list of passwords that have become known.
#[derive(Debug)]
pub struct BreachedList {
    path: PathBuf,
    file: File,
    records: u64,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BreachedListError {
    /// The file is missing, or cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// The file does not start as one of `portcullis pwned import` does.
    #[error("it is not a list that `portcullis pwned import` has written")]
    Foreign,
    /// The file is shorter or longer than its head says: it was not copied whole.
    #[error("it is damaged: it should have {expected} bytes, and has {found}")]
    Damaged {
        /// The length that the head promises.
        expected: u64,
        /// The length of the file.
        found: u64,
    },
    /// The file lists no password at all.
    #[error("it is empty")]
    Empty,
}

impl BreachedList {
    /// Opens a list, and checks that it is whole.
    pub fn open(path: &Path) -> Result<Self, BreachedListError> {
        let file = File::open(path)?;
        let found = file.metadata()?.len();
        let mut head = [0; RECORD];
        file.read_exact_at(&mut head, 0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => BreachedListError::Foreign,
            _ => BreachedListError::Unreadable(error),
        })?;
        let (mark, count) = head.split_at(MARK.len());
        if mark != MARK {
            return Err(BreachedListError::Foreign);
        }
        let records = count.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let expected = records.saturating_add(1).saturating_mul(RECORD as u64);
        if expected != found {
            return Err(BreachedListError::Damaged { expected, found });
        }
        if records == 0 {
            return Err(BreachedListError::Empty);
        }
        Ok(Self { path: path.to_owned(), file, records })
    }

    /// The path that the list was opened at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many passwords the list has.
    pub fn len(&self) -> u64 {
        self.records
    }

    /// Whether the list has no password; an open one never is.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Whether the password is on the list.
    pub fn contains(&self, password: &Password) -> io::Result<bool> {
        let looked_for = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.exposed().as_bytes());
        let (mut first, mut end) = (0, self.records);
        while first < end {
            let middle = first + (end - first) / 2;
            let mut record = [0; RECORD];
            self.file.read_exact_at(&mut record, (middle + 1) * RECORD as u64)?;
            match record.as_slice().cmp(looked_for.as_ref()) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => first = middle + 1,
                std::cmp::Ordering::Greater => end = middle,
            }
        }
        Ok(false)
    }
}

/// Writes a list: to a file beside `path`, which takes its place when it is whole.
#[derive(Debug)]
pub struct BreachedListWriter {
    path: PathBuf,
    unfinished: PathBuf,
    out: BufWriter<File>,
    records: u64,
    last: Option<HashRecord>,
}

impl BreachedListWriter {
    /// Starts a list that will be at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(".unfinished");
        let unfinished = path.with_file_name(name);
        // One that was left behind by a broken import.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o644).open(&unfinished)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&[0; RECORD])?;
        Ok(Self { path: path.to_owned(), unfinished, out, records: 0, last: None })
    }

    /// Adds the next hash. The same one again is left out; `false` if it is smaller than the one before.
    pub fn push(&mut self, hash: HashRecord) -> io::Result<bool> {
        match self.last {
            Some(last) if hash < last => return Ok(false),
            Some(last) if hash == last => return Ok(true),
            _ => {}
        }
        self.out.write_all(&hash)?;
        self.records += 1;
        self.last = Some(hash);
        Ok(true)
    }

    /// The file without a name, and the place of the first hash: for a list that turns out to be a part of another one.
    pub(super) fn into_unnamed(mut self) -> io::Result<(File, u64)> {
        self.out.flush()?;
        fs::remove_file(&self.unfinished)?;
        Ok((self.out.get_ref().try_clone()?, RECORD as u64))
    }

    /// Writes the head, and puts the list in its place. Returns how many passwords it has.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        let mut head = [0; RECORD];
        let (mark, count) = head.split_at_mut(MARK.len());
        mark.copy_from_slice(MARK);
        count.copy_from_slice(&self.records.to_be_bytes());
        let file = self.out.get_ref();
        file.write_all_at(&head, 0)?;
        file.sync_all()?;
        fs::rename(&self.unfinished, &self.path)?;
        Ok(self.records)
    }
}

/// Removes an unfinished list; a finished one has another name already.
impl Drop for BreachedListWriter {
    fn drop(&mut self) {
        fs::remove_file(&self.unfinished).ok();
    }
}

const RECORD: usize = 20;
const MARK: &[u8; 12] = b"portcullis:1";

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> HashRecord {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref().try_into().unwrap()
    }

    fn write(path: &Path, passwords: &[String]) -> u64 {
        let mut hashes: Vec<HashRecord> = passwords.iter().map(|text| hash(text)).collect();
        hashes.sort_unstable();
        let mut writer = BreachedListWriter::create(path).unwrap();
        for hash in hashes {
            assert!(writer.push(hash).unwrap());
        }
        writer.finish().unwrap()
    }

    #[test]
    fn every_listed_password_is_found_and_no_other() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("list");
        for count in [1, 2, 3, 1000] {
            let passwords: Vec<String> = (0..count).map(|number| format!("password {number}")).collect();
            assert_eq!(write(&path, &passwords), count);
            let list = BreachedList::open(&path).unwrap();
            assert_eq!(list.len(), count);
            for password in passwords {
                assert!(list.contains(&Password::new(password.clone())).unwrap(), "{password} of {count}");
            }
            for other in ["", "password", "password -1", "velvet turbine oyster"] {
                assert!(!list.contains(&Password::new(other.to_owned())).unwrap(), "{other} of {count}");
            }
        }
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_list_that_is_not_whole_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("list");
        let open = || BreachedList::open(&path).map(drop).unwrap_err().to_string();
        assert!(open().contains("No such file"), "{}", open());
        fs::write(&path, "").unwrap();
        assert!(open().contains("not a list"), "{}", open());
        fs::write(&path, "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n").unwrap();
        assert!(open().contains("not a list"), "{}", open());
        write(&path, &["one".to_owned(), "two".to_owned()]);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..40]).unwrap();
        assert!(open().contains("should have 60 bytes, and has 40"), "{}", open());
        write(&path, &[]);
        assert!(open().contains("empty"), "{}", open());
    }

    #[test]
    fn a_list_that_is_cut_off_while_it_is_open_is_an_error_and_no_verdict() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("list");
        write(&path, &["one".to_owned(), "two".to_owned()]);
        let list = BreachedList::open(&path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(20).unwrap();
        assert!(list.contains(&Password::new("one".to_owned())).is_err());
    }

    #[test]
    fn hashes_out_of_order_are_refused_and_leave_nothing_behind() {
        let temp = tempfile::tempdir().unwrap();
        let mut writer = BreachedListWriter::create(&temp.path().join("list")).unwrap();
        assert!(writer.push([2; 20]).unwrap());
        assert!(writer.push([2; 20]).unwrap());
        assert!(!writer.push([1; 20]).unwrap());
        drop(writer);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}
