//! `/etc/shadow`: nine fields with colons between them (shadow(5)).
//!
//! Accounts of the system, which are locked, are left out: none of them belongs to a person.

use std::io::BufRead;

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    line_reader::LineReader,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(file: impl BufRead) -> Result<ForeignUsers, UnreadableImport> {
    let mut lines = LineReader::new(file);
    let (mut found, mut locked) = (ForeignUsers::default(), 0_usize);
    while let Some((number, line)) = lines.next_line()? {
        if line.trim().is_empty() {
            continue;
        }
        let fields: Vec<&str> = line.split(':').collect();
        let [name, hash, ..] = fields.as_slice() else {
            return Err(UnreadableImport::line(number, "expected nine fields with colons between them"));
        };
        if fields.len() != 9 {
            let problem = format!("expected nine fields with colons between them, found {}", fields.len());
            return Err(UnreadableImport::line(number, problem));
        }
        let password = ForeignPassword::read(hash);
        if password == ForeignPassword::None {
            locked += 1;
            continue;
        }
        if found.users.len() == MAX_USERS {
            return Err(UnreadableImport::TooManyUsers);
        }
        // A last change on day 0 means that the password has to be changed.
        let must_change_password = fields.get(2) == Some(&"0");
        found.users.push(ForeignUser {
            password,
            must_change_password,
            ..ForeignUser::named(FilePosition::Line(number), *name)
        });
    }
    if locked > 0 {
        found.remarks.push(format!("{locked} accounts without a password, or locked, are left out"));
    }
    Ok(found)
}
