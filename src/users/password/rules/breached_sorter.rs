//! Puts the hashes of a list of breached passwords in order, however many there are and in whatever order they come.
//!
//! Hashes are gathered in chunks of bounded size, and each chunk is sorted. A chunk that follows what is written already
//! is appended to it, so that a source that is in order is written once, as it comes. Another one begins a run of its own, a
//! file without a name, and all runs are merged in the end. A crash leaves at most the unfinished list behind.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::breached::{BreachedListWriter, HashRecord};

/// Writes a list from hashes in any order.
#[derive(Debug)]
pub struct BreachedListSorter {
    path: PathBuf,
    /// Hashes that are not written yet.
    chunk: Vec<HashRecord>,
    chunk_size: usize,
    /// The run that chunks are appended to.
    current: Run,
    /// The last hash of that run.
    last: Option<HashRecord>,
    /// The runs before it.
    former: Vec<FinishedRun>,
}

/// A run that is whole.
#[derive(Debug)]
struct FinishedRun {
    file: File,
    /// The place of its first hash.
    start: u64,
}

/// A sorted sequence of hashes on the disk.
#[derive(Debug)]
enum Run {
    /// The first one, which is the list itself if there is no other.
    List(BreachedListWriter),
    Unnamed(BufWriter<File>),
}

impl BreachedListSorter {
    /// Starts a list that will be at `path`. Needs about 80 MB of memory, and for a source that is not in order, twice the
    /// size of the list on the disk of `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::with_chunks_of(CHUNK, path)
    }

    fn with_chunks_of(chunk_size: usize, path: &Path) -> io::Result<Self> {
        let current = Run::List(BreachedListWriter::create(path)?);
        Ok(Self {
            path: path.to_owned(),
            chunk: Vec::new(),
            chunk_size,
            current,
            last: None,
            former: Vec::new(),
        })
    }

    /// Adds a hash.
    pub fn push(&mut self, hash: HashRecord) -> io::Result<()> {
        self.chunk.push(hash);
        if self.chunk.len() < self.chunk_size { Ok(()) } else { self.write_chunk() }
    }

    /// Merges the runs, and puts the list in its place. Returns how many passwords it has: each one counts once.
    pub fn finish(mut self) -> io::Result<u64> {
        self.write_chunk()?;
        self.chunk = Vec::new();
        if self.former.is_empty()
            && let Run::List(writer) = self.current
        {
            return writer.finish();
        }
        self.former.push(self.current.finish()?);
        let mut writer = BreachedListWriter::create(&self.path)?;
        merge(self.former, |hash| writer.push(hash).map(drop))?;
        writer.finish()
    }

    fn write_chunk(&mut self) -> io::Result<()> {
        self.chunk.sort_unstable();
        let (Some(first), Some(last)) = (self.chunk.first().copied(), self.chunk.last().copied()) else {
            return Ok(());
        };
        if self.last.is_some_and(|last| first < last) {
            let next = Run::Unnamed(BufWriter::with_capacity(BUFFER, unnamed(&self.path)?));
            let former = std::mem::replace(&mut self.current, next);
            self.former.push(former.finish()?);
            self.merge_former_if_many()?;
        }
        for hash in self.chunk.drain(..) {
            self.current.push(hash)?;
        }
        self.last = Some(last);
        Ok(())
    }

    /// Keeps the number of open files bounded.
    fn merge_former_if_many(&mut self) -> io::Result<()> {
        if self.former.len() < MAX_RUNS {
            return Ok(());
        }
        let mut merged = BufWriter::with_capacity(BUFFER, unnamed(&self.path)?);
        merge(std::mem::take(&mut self.former), |hash| merged.write_all(&hash))?;
        self.former.push(FinishedRun::of(merged)?);
        Ok(())
    }
}

impl Run {
    fn push(&mut self, hash: HashRecord) -> io::Result<()> {
        match self {
            Self::List(writer) => writer.push(hash).map(drop),
            Self::Unnamed(out) => out.write_all(&hash),
        }
    }

    fn finish(self) -> io::Result<FinishedRun> {
        match self {
            Self::List(writer) => {
                let (file, start) = writer.into_unnamed()?;
                Ok(FinishedRun { file, start })
            }
            Self::Unnamed(out) => FinishedRun::of(out),
        }
    }
}

impl FinishedRun {
    fn of(out: BufWriter<File>) -> io::Result<Self> {
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Self { file, start: 0 })
    }
}

/// Gives the hashes of all runs to `take`, in order, each one once.
fn merge(runs: Vec<FinishedRun>, mut take: impl FnMut(HashRecord) -> io::Result<()>) -> io::Result<()> {
    let mut readers = Vec::new();
    let mut next = BinaryHeap::new();
    for (number, FinishedRun { mut file, start }) in runs.into_iter().enumerate() {
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        next.extend(record(&mut reader)?.map(|hash| Reverse((hash, number))));
        readers.push(reader);
    }
    let mut last = None;
    while let Some(Reverse((hash, number))) = next.pop() {
        if last != Some(hash) {
            take(hash)?;
            last = Some(hash);
        }
        if let Some(reader) = readers.get_mut(number) {
            next.extend(record(reader)?.map(|hash| Reverse((hash, number))));
        }
    }
    Ok(())
}

/// The next record of a run; `None` at its end.
fn record(reader: &mut impl Read) -> io::Result<Option<HashRecord>> {
    let mut record = HashRecord::default();
    match reader.read_exact(&mut record) {
        Ok(()) => Ok(Some(record)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// A new file beside the list that has no name any more: its space is free when the process ends, however it ends.
fn unnamed(list: &Path) -> io::Result<File> {
    let mut name = list.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.run", std::process::id()));
    let path = list.with_file_name(name);
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// 80 MB.
const CHUNK: usize = 4 << 20;
/// Each run that is merged has an open file and a buffer.
const MAX_RUNS: usize = 200;
const BUFFER: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::users::BreachedList;

    /// The records of the list at `path`.
    fn records(path: &Path) -> Vec<HashRecord> {
        BreachedList::open(path).unwrap();
        let bytes = fs::read(path).unwrap();
        bytes.chunks_exact(20).skip(1).map(|record| record.try_into().unwrap()).collect()
    }

    fn hash(number: u32) -> HashRecord {
        let mut hash = HashRecord::default();
        hash[..4].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn sorted(numbers: &[u32], chunk: usize) -> Vec<HashRecord> {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("list");
        let mut sorter = BreachedListSorter::with_chunks_of(chunk, &path).unwrap();
        for number in numbers {
            sorter.push(hash(*number)).unwrap();
        }
        let written = sorter.finish().unwrap();
        let records = records(&path);
        assert_eq!(written, records.len() as u64);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "nothing else is left");
        records
    }

    proptest! {
        #[test]
        fn hashes_in_any_order_become_a_list_in_order(
            numbers in proptest::collection::vec(0..500_u32, 1..400),
            chunk in 1..50_usize,
        ) {
            let mut expected: Vec<_> = numbers.iter().map(|number| hash(*number)).collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(sorted(&numbers, chunk), expected);
        }
    }

    #[test]
    fn more_runs_than_may_be_open_are_merged_before() {
        let numbers: Vec<u32> = (0..3 * u32::try_from(MAX_RUNS).unwrap()).rev().collect();
        let expected: Vec<_> = numbers.iter().rev().map(|number| hash(*number)).collect();
        assert_eq!(sorted(&numbers, 1), expected);
    }

    #[test]
    fn a_sorter_that_is_dropped_leaves_nothing_behind() {
        let temp = tempfile::tempdir().unwrap();
        let mut sorter = BreachedListSorter::with_chunks_of(2, &temp.path().join("list")).unwrap();
        for number in [5, 4, 3, 2, 1] {
            sorter.push(hash(number)).unwrap();
        }
        drop(sorter);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }
}
