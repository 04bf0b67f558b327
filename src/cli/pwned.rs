//! `portcullis pwned import`: the list of passwords that have become known, from a download of Have I Been Pwned.
//!
//! The source is what its downloader writes: one text file, or a folder with a file for each range of hashes. It is read as
//! a stream and written as it comes, so a billion passwords need no memory. Both are sorted already; a source that is not
//! is refused.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use data_encoding::HEXUPPER_PERMISSIVE;

use super::{failure::Failure, output::out};
use crate::users::{BreachedListWriter, HashRecord};

/// Prepare the list of breached passwords that `[password] breached` names
#[derive(Clone, Debug, Args)]
pub(super) struct PwnedArgs {
    #[command(subcommand)]
    command: PwnedCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum PwnedCommand {
    /// Turn a download of Pwned Passwords (SHA-1) into a list that is read without a network
    Import {
        /// The downloader's text file, ordered by hash, or its folder of ranges (00000.txt to FFFFF.txt)
        source: PathBuf,
        /// The list to write; one that is there is replaced when the new one is whole
        list: PathBuf,
        /// Leave out passwords that were seen less often
        #[arg(long, value_name = "COUNT", default_value_t = 1)]
        at_least: u64,
    },
}

/// Why no list was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum PwnedError {
    /// The source cannot be read.
    #[error("reading {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The list cannot be written.
    #[error("writing {}: {source}", .path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A line of the source is none of the format.
    #[error("{}:{line}: expected the SHA-1 hash of a password and a count, as in {example}", .path.display())]
    Line { path: PathBuf, line: u64, example: &'static str },
    /// A hash is smaller than the one before.
    #[error("{}:{line}: the hashes are not in order; download the list that is ordered by hash", .path.display())]
    Order { path: PathBuf, line: u64 },
    /// The source has no password at all.
    #[error("{} has no hash in it", .0.display())]
    Empty(PathBuf),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &PwnedArgs) -> Result<(), Failure> {
    Ok(run(args, &mut out())?)
}

fn run(args: &PwnedArgs, out: &mut dyn Write) -> Result<(), PwnedError> {
    let PwnedCommand::Import { source, list, at_least } = &args.command;
    let cannot_write = |error| PwnedError::Write { path: list.clone(), source: error };
    let mut import = Import {
        writer: BreachedListWriter::create(list).map_err(cannot_write)?,
        list,
        at_least: *at_least,
        written: 0,
    };
    if source.is_dir() {
        for range in 0..RANGES {
            import.read_range(source, &format!("{range:05X}"))?;
        }
    } else {
        import.read(source, "")?;
    }
    if import.written == 0 {
        return Err(PwnedError::Empty(source.clone()));
    }
    let records = import.writer.finish().map_err(cannot_write)?;
    writeln!(out, "wrote {records} hashes to {}", list.display())?;
    writeln!(out, "name it in the configuration: `breached = \"{}\"` below `[password]`", list.display())?;
    Ok(out.flush()?)
}

/// A running import.
struct Import<'a> {
    writer: BreachedListWriter,
    list: &'a Path,
    at_least: u64,
    written: u64,
}

impl Import<'_> {
    /// The file of one range of hashes, whose names start with the range.
    fn read_range(&mut self, folder: &Path, range: &str) -> Result<(), PwnedError> {
        let with_ending = folder.join(format!("{range}.txt"));
        let path = if with_ending.exists() { with_ending } else { folder.join(range) };
        self.read(&path, range)
    }

    /// The lines of a file, each of whose hashes starts with `range`.
    fn read(&mut self, path: &Path, range: &str) -> Result<(), PwnedError> {
        let cannot_read = |error| PwnedError::Read { path: path.to_owned(), source: error };
        let file = File::open(path).map_err(cannot_read)?;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::with_capacity(MAX_LINE);
        for number in 1.. {
            line.clear();
            lines.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line).map_err(cannot_read)?;
            if line.is_empty() {
                break;
            }
            let text = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&line);
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let Some((hash, count)) = entry(range, text) else {
                let example = if range.is_empty() { WHOLE } else { REST };
                return Err(PwnedError::Line { path: path.to_owned(), line: number, example });
            };
            // Padding of the downloader's server.
            if count == 0 || count < self.at_least {
                continue;
            }
            let in_order = self.writer.push(hash);
            if !in_order.map_err(|source| PwnedError::Write { path: self.list.to_owned(), source })? {
                return Err(PwnedError::Order { path: path.to_owned(), line: number });
            }
            self.written += 1;
        }
        Ok(())
    }
}

/// The hash and the count of a line: `HASH:COUNT`, or the rest of the hash after the name of its range.
fn entry(range: &str, line: &[u8]) -> Option<(HashRecord, u64)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (rest, count) = line.split_at_checked(colon)?;
    let mut hexadecimal = range.as_bytes().to_vec();
    hexadecimal.extend(rest);
    let hash = HEXUPPER_PERMISSIVE.decode(&hexadecimal).ok()?;
    let count = std::str::from_utf8(count.get(1..)?).ok()?.parse().ok()?;
    Some((hash.try_into().ok()?, count))
}

const WHOLE: &str = "0018A45C4D1DEF81644B54AB7F969B88D65AABCD:12";
const REST: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:12";
/// Bytes; twice a line of the longest count.
const MAX_LINE: usize = 128;
const RANGES: u32 = 0x10_0000;

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;
    use crate::users::{BreachedList, Password};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: PwnedArgs,
    }

    fn import(source: &Path, list: &Path, more: &[&str]) -> Result<String, String> {
        let mut words = vec!["pwned", "import", source.to_str().unwrap(), list.to_str().unwrap()];
        words.extend(more);
        let line = Line::try_parse_from(words).unwrap();
        let mut out = Vec::new();
        run(&line.args, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn has(list: &Path, password: &str) -> bool {
        BreachedList::open(list).unwrap().contains(&Password::new(password.to_owned())).unwrap()
    }

    /// SHA-1 of `password` and of `password1`, in order.
    const TWO: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:37359195\r\n\
                       E38AD214943DAAD1D64C102FAEC29DE4AFE9DA3D:2401761\r\n";

    #[test]
    fn a_text_file_becomes_a_list() {
        let temp = tempfile::tempdir().unwrap();
        let (source, list) = (temp.path().join("pwned.txt"), temp.path().join("pwned.bin"));
        fs::write(&source, TWO).unwrap();
        let said = import(&source, &list, &[]).unwrap();
        assert!(said.starts_with("wrote 2 hashes to "), "{said}");
        assert!(has(&list, "password") && has(&list, "password1") && !has(&list, "password2"));
        import(&source, &list, &["--at-least", "3000000"]).unwrap();
        assert!(has(&list, "password") && !has(&list, "password1"));
    }

    #[test]
    fn a_broken_source_is_named_with_its_line_and_the_list_of_before_stays() {
        let temp = tempfile::tempdir().unwrap();
        let (source, list) = (temp.path().join("pwned.txt"), temp.path().join("pwned.bin"));
        fs::write(&source, TWO).unwrap();
        import(&source, &list, &[]).unwrap();
        let (first, second) = TWO.split_once("\r\n").unwrap();
        for (text, said) in [
            (String::new(), "has no hash in it"),
            (format!("{second}{first}\r\n"), ":2: the hashes are not in order"),
            (format!("{first}\r\npassword1\r\n"), ":2: expected the SHA-1 hash"),
            (format!("{first}\r\n5BAA61:3\r\n"), ":2: expected the SHA-1 hash"),
            (format!("{first}\r\n{}", "A".repeat(10_000)), ":2: expected the SHA-1 hash"),
            ("\u{fffd}:1".to_owned(), ":1: expected the SHA-1 hash"),
        ] {
            fs::write(&source, &text).unwrap();
            let refused = import(&source, &list, &[]).unwrap_err();
            assert!(refused.contains(said), "{refused}");
            assert!(has(&list, "password1"), "{said}");
        }
        let missing = import(&temp.path().join("missing"), &list, &[]).unwrap_err();
        assert!(missing.contains("No such file"), "{missing}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "nothing unfinished is left");
    }

    #[test]
    fn the_entries_of_a_range_are_completed_by_its_name() {
        let rest = "1E4C9B93F3F0682250B6CF8331B7EE68FD8:3";
        let (hash, count) = entry("5BAA6", rest.as_bytes()).unwrap();
        assert_eq!((HEXUPPER_PERMISSIVE.encode(&hash).as_str(), count), (TWO.get(..40).unwrap(), 3));
        assert_eq!(entry("5BAA6", TWO.lines().next().unwrap().as_bytes()), None);
    }

    #[test]
    fn a_folder_without_a_range_is_refused_by_the_name_of_the_file() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("ranges");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("00000.txt"), "0005AD76BD555C1D6D771DE417A4B87E4B4:10\r\n").unwrap();
        let refused = import(&folder, &temp.path().join("list"), &[]).unwrap_err();
        assert!(refused.contains("00001: No such file"), "{refused}");
    }
}
