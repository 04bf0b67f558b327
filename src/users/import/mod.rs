//! Users of other programs: readers of their files, and the plan of what an import does.
//!
//! [`read`] reads a file of any of the formats and changes nothing. Every byte of it is hostile: a file, a line and a list
//! are bounded, and a mistake is named with its line. [`UserStore::import`](super::UserStore::import) compares the users
//! with those that are there and takes them over, in one transaction.
//!
//! Hashes of passwords are taken over in the format of the program that made them, if
//! [`PasswordHash::of_another_program`](super::PasswordHash::of_another_program) can check them at a bounded cost.

mod authelia;
mod csv_table;
mod django;
mod format;
mod htpasswd;
mod ldif;
mod line_reader;
mod own;
mod plan;
mod record;
mod shadow;

use std::io::{BufReader, Read};

pub use format::{Format, UnknownFormat};
pub use own::Export;
pub use plan::{ImportOptions, Imported, Outcome, PlannedUser, Problem};
pub(in crate::users) use plan::{ImportStep, Planner};
pub use record::{FilePosition, ForeignPassword, ForeignUser};

/// The users of a file, and what is left out of it.
#[derive(Clone, Debug, Default)]
pub struct ForeignUsers {
    /// The users, in the order of the file.
    pub users: Vec<ForeignUser>,
    /// Remarks for the report: what the format has and the gateway has not.
    pub remarks: Vec<String>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableImport {
    /// The file cannot be read at all.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// More than [`MAX_FILE`].
    #[error("it has more than {} MiB; split it", MAX_FILE >> 20)]
    TooLarge,
    /// More than [`MAX_USERS`].
    #[error("it has more than {MAX_USERS} users; split it")]
    TooManyUsers,
    /// Not a file of the format; the text says what is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// The problem.
        problem: String,
    },
    /// An object of a list is wrong; the text says what.
    #[error("entry {entry}: {problem}")]
    Entry {
        /// The object, from 1.
        entry: usize,
        /// The problem.
        problem: String,
    },
    /// No format fits.
    #[error(transparent)]
    Unknown(#[from] UnknownFormat),
}

impl UnreadableImport {
    fn line(line: u64, problem: impl Into<String>) -> Self {
        Self::Line { line, problem: problem.into() }
    }
}

/// Reads the users of a file; `None`: the format is found out from the content.
pub fn read(file: impl Read, format: Option<Format>) -> Result<(Format, ForeignUsers), UnreadableImport> {
    let mut file = BufReader::new(file);
    let format = match format {
        Some(format) => format,
        None => Format::of(std::io::BufRead::fill_buf(&mut file)?)?,
    };
    let users = match format {
        Format::Django => django::read(&whole(file)?),
        Format::Portcullis => own::read(&whole(file)?),
        Format::Authelia => authelia::read(&whole(file)?),
        Format::Csv => csv_table::read(&whole(file)?),
        Format::Htpasswd => htpasswd::read(file),
        Format::Shadow => shadow::read(file),
        Format::Ldif => ldif::read(file),
    }?;
    if users.users.len() > MAX_USERS {
        return Err(UnreadableImport::TooManyUsers);
    }
    Ok((format, users))
}

/// The whole file as text, without a byte order mark.
fn whole(file: impl Read) -> Result<String, UnreadableImport> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(UnreadableImport::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = 1 + memchr::memchr_iter(b'\n', before).count() as u64;
        UnreadableImport::line(line, "it is not UTF-8 text")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Bytes; 30,000 users of Django.
pub const MAX_FILE: u64 = 16 << 20;
/// Users of one file.
pub const MAX_USERS: usize = 100_000;

#[cfg(test)]
mod tests;
