//! `portcullis pwned import`: the list of passwords that have become known, from a download of Have I Been Pwned.
//!
//! The source is what its downloader writes: one text file, or a folder with a file for each range of hashes. It is read as
//! a stream, in whatever order it is, and needs a bounded amount of memory. One that is in order is written as it comes.
//!
//! A line that is none of the format is named by its number and never quoted: a file that was taken by mistake may hold
//! passwords.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use data_encoding::HEXUPPER_PERMISSIVE;

use super::{failure::Failure, output::out};
use crate::users::{BreachedListSorter, HashRecord};

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
        /// The downloader's text file, in any order, or its folder of ranges (00000.txt to FFFFF.txt)
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
    /// The source is the other list that there is.
    #[error("{}:{line}: this is an NTLM hash; download the list of SHA-1 hashes", .path.display())]
    Ntlm { path: PathBuf, line: u64 },
    /// The source has no password at all.
    #[error("{} has no hash in it", .0.display())]
    Empty(PathBuf),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &PwnedArgs) -> Result<(), Failure> {
    Ok(run(args, &mut out(), &mut io::stderr())?)
}

fn run(args: &PwnedArgs, out: &mut dyn Write, progress: &mut dyn Write) -> Result<(), PwnedError> {
    let PwnedCommand::Import { source, list, at_least } = &args.command;
    let cannot_write = |error| PwnedError::Write { path: list.clone(), source: error };
    let mut import = Import {
        sorter: BreachedListSorter::create(list).map_err(cannot_write)?,
        list,
        at_least: *at_least,
        taken: 0,
        progress: Progress { out: progress, steps: 0 },
    };
    if source.is_dir() {
        for range in 0..RANGES {
            import.read_range(source, &format!("{range:05X}"))?;
            import.progress.note(u64::from(range) + 1, u64::from(RANGES), import.taken);
        }
    } else {
        import.read(source, "")?;
    }
    if import.taken == 0 {
        return Err(PwnedError::Empty(source.clone()));
    }
    import.progress.say("putting the list in order");
    let records = import.sorter.finish().map_err(cannot_write)?;
    writeln!(out, "wrote {records} hashes to {}", list.display())?;
    writeln!(out, "name it in the configuration: `breached = \"{}\"` below `[password]`", list.display())?;
    Ok(out.flush()?)
}

/// A running import.
struct Import<'a> {
    sorter: BreachedListSorter,
    list: &'a Path,
    at_least: u64,
    /// How many hashes were taken from the source.
    taken: u64,
    progress: Progress<'a>,
}

/// The progress so far, for the person who waits.
struct Progress<'a> {
    out: &'a mut dyn Write,
    /// How many twentieths of the source were reported.
    steps: u64,
}

impl Progress<'_> {
    /// Reports each twentieth of the source, `done` of `whole`.
    fn note(&mut self, done: u64, whole: u64, taken: u64) {
        let steps = done.saturating_mul(STEPS).checked_div(whole).unwrap_or_default().min(STEPS);
        if steps > self.steps {
            self.steps = steps;
            self.say(&format!("read {} %: {taken} hashes", steps * (100 / STEPS)));
        }
    }

    fn say(&mut self, text: &str) {
        // An import does not depend on somebody who watches.
        writeln!(self.out, "{text}").ok();
    }
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
        let whole = file.metadata().map_err(cannot_read)?.len();
        let mut done = 0;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::with_capacity(MAX_LINE);
        for number in 1.. {
            line.clear();
            lines.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line).map_err(cannot_read)?;
            if line.is_empty() {
                break;
            }
            done += line.len() as u64;
            // The files of a folder are counted.
            if range.is_empty() && number % LINES_BETWEEN_REPORTS == 0 {
                self.progress.note(done, whole, self.taken);
            }
            let text = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&line);
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let Some((hash, count)) = entry(range, text) else {
                if is_ntlm(range, text) {
                    return Err(PwnedError::Ntlm { path: path.to_owned(), line: number });
                }
                let example = if range.is_empty() { WHOLE } else { REST };
                return Err(PwnedError::Line { path: path.to_owned(), line: number, example });
            };
            // Padding of the downloader's server.
            if count == 0 || count < self.at_least {
                continue;
            }
            let pushed = self.sorter.push(hash);
            pushed.map_err(|source| PwnedError::Write { path: self.list.to_owned(), source })?;
            self.taken += 1;
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

/// Whether the line begins with a hash of 16 bytes.
fn is_ntlm(range: &str, line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    digits + range.len() == 32 && line.get(digits) == Some(&b':')
}

const WHOLE: &str = "0018A45C4D1DEF81644B54AB7F969B88D65AABCD:12";
const REST: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:12";
/// Bytes; twice a line of the longest count.
const MAX_LINE: usize = 128;
const RANGES: u32 = 0x10_0000;
/// Reports of an import.
const STEPS: u64 = 20;
const LINES_BETWEEN_REPORTS: u64 = 1 << 16;

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
        run(&line.args, &mut out, &mut io::sink()).map_err(|error| error.to_string())?;
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
            (format!("{first}\r\n8846F7EAEE8FB117AD06BDD830B7586C:3\r\n"), ":2: this is an NTLM hash"),
            (format!("{second}{}\r\n", "velvet turbine oyster:1"), ":2: expected the SHA-1 hash"),
            (format!("{first}\r\n{second}\0"), ":3: expected the SHA-1 hash"),
            (format!("{first}99999999999999999999\r\n"), ":1: expected the SHA-1 hash"),
            (format!("{}:-1\r\n", first.split_once(':').unwrap().0), ":1: expected the SHA-1 hash"),
            (format!("{first}\r\npassword1\r\n"), ":2: expected the SHA-1 hash"),
            (format!("{first}\r\n5BAA61:3\r\n"), ":2: expected the SHA-1 hash"),
            (format!("{first}\r\n{}", "A".repeat(10_000)), ":2: expected the SHA-1 hash"),
            ("\u{fffd}:1".to_owned(), ":1: expected the SHA-1 hash"),
        ] {
            fs::write(&source, &text).unwrap();
            let refused = import(&source, &list, &[]).unwrap_err();
            assert!(refused.contains(said), "{refused}");
            assert!(!refused.contains("velvet"), "{refused}");
            assert!(has(&list, "password1"), "{said}");
        }
        let missing = import(&temp.path().join("missing"), &list, &[]).unwrap_err();
        assert!(missing.contains("No such file"), "{missing}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "nothing unfinished is left");
    }

    #[test]
    fn a_source_in_any_order_becomes_the_same_list() {
        let temp = tempfile::tempdir().unwrap();
        let (source, list) = (temp.path().join("pwned.txt"), temp.path().join("pwned.bin"));
        fs::write(&source, TWO).unwrap();
        import(&source, &list, &[]).unwrap();
        let in_order = fs::read(&list).unwrap();
        let (first, second) = TWO.split_once("\r\n").unwrap();
        fs::write(&source, format!("{second}\n\n{first}\n{second}{}", first.to_lowercase())).unwrap();
        let said = import(&source, &list, &[]).unwrap();
        assert!(said.starts_with("wrote 2 hashes to "), "{said}");
        assert_eq!(fs::read(&list).unwrap(), in_order);
    }

    #[test]
    fn progress_is_reported_in_twenty_steps_at_most() {
        let mut out = Vec::new();
        let mut progress = Progress { out: &mut out, steps: 0 };
        for done in 0..=1000 {
            progress.note(done, 1000, done * 2);
        }
        progress.note(5, 0, 5);
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said.lines().count(), 20);
        assert!(
            said.starts_with("read 5 %: 100 hashes\n") && said.ends_with("read 100 %: 2000 hashes\n"),
            "{said}"
        );
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
