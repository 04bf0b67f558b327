//! `htpasswd` of Apache: a name, a colon and a hash in each line.

use std::io::BufRead;

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    line_reader::LineReader,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(file: impl BufRead) -> Result<ForeignUsers, UnreadableImport> {
    let mut lines = LineReader::new(file);
    let mut found = ForeignUsers::default();
    while let Some((number, line)) = lines.next_line()? {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, hash)) = line.split_once(':') else {
            return Err(UnreadableImport::line(number, "expected a name, a colon and a hash"));
        };
        if found.users.len() == MAX_USERS {
            return Err(UnreadableImport::TooManyUsers);
        }
        // Apache takes what follows a second colon for a remark.
        let hash = hash.split(':').next().unwrap_or_default().trim_end();
        let password = ForeignPassword::read(hash);
        found.users.push(ForeignUser { password, ..ForeignUser::named(FilePosition::Line(number), name) });
    }
    Ok(found)
}
