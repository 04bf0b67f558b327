//! A table with a row of titles, with commas, semicolons or tabs between the cells (RFC 4180).
//!
//! | title | content |
//! | --- | --- |
//! | `name` or `username` | the name to sign in with |
//! | `email`, `full_name` | as they are |
//! | `groups`, `permissions` | names with spaces, semicolons or commas between them |
//! | `active`, `superuser`, `must_change_password` | `yes`, `no`, `true`, `false`, `1`, `0`; empty for the default |
//! | `password_hash` | a hash; never a password |
//! | `attribute.KEY` | an attribute |

use super::{
    ForeignUsers, MAX_USERS, UnreadableImport,
    record::{FilePosition, ForeignPassword, ForeignUser},
};

pub(super) fn read(text: &str) -> Result<ForeignUsers, UnreadableImport> {
    // The reader counts a line only once it has read the line feed, after it has come to the next row.
    let text = &text.replace("\r\n", "\n");
    let head = text.lines().next().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(head))
        .trim(csv::Trim::All)
        .flexible(false)
        .from_reader(text.as_bytes());
    let titles = reader.headers().map_err(|error| malformed(&error))?.clone();
    if titles.len() > MAX_COLUMNS {
        let problem = format!("a table of more than {MAX_COLUMNS} columns is not read");
        return Err(UnreadableImport::line(1, problem));
    }
    let columns = titles.iter().map(Column::of).collect::<Result<Vec<_>, _>>();
    let columns = columns.map_err(|title| {
        let problem = if title.eq_ignore_ascii_case("password") {
            "a column `password` would hold plain passwords, which are not taken; `password_hash` holds hashes".to_owned()
        } else {
            format!(
                "there is no column {title:?}; the columns are name, email, full_name, groups, permissions, active, \
                 superuser, must_change_password, password_hash and attribute.KEY"
            )
        };
        UnreadableImport::line(1, problem)
    })?;
    if !columns.iter().any(|column| matches!(column, Column::Name)) {
        return Err(UnreadableImport::line(1, "there is no column `name`"));
    }
    for (index, title) in titles.iter().enumerate() {
        if titles.iter().take(index).any(|before| before == title) {
            return Err(UnreadableImport::line(1, format!("the column {title:?} is there twice")));
        }
    }
    let mut found = ForeignUsers::default();
    for row in reader.records() {
        let row = row.map_err(|error| malformed(&error))?;
        let line = row.position().map_or(0, csv::Position::line);
        if found.users.len() == MAX_USERS {
            return Err(UnreadableImport::TooManyUsers);
        }
        let mut user = ForeignUser::named(FilePosition::Line(line), "");
        for (column, cell) in columns.iter().zip(row.iter()) {
            column.put(cell, &mut user).map_err(|problem| UnreadableImport::line(line, problem))?;
        }
        found.users.push(user);
    }
    Ok(found)
}

/// Whether the line is the head of such a table.
pub(super) fn is_head(line: &str) -> bool {
    let separator = char::from(delimiter(line));
    let mut titles = line.split(separator).map(|title| title.trim().trim_matches('"'));
    titles.any(|title| matches!(Column::of(title), Ok(Column::Name)))
}

/// The separator that the head has.
fn delimiter(head: &str) -> u8 {
    let count = |separator: char| head.matches(separator).count();
    let most = [(';', b';'), ('\t', b'\t')].into_iter().max_by_key(|(separator, _)| count(*separator));
    match most {
        Some((separator, byte)) if count(separator) > count(',') => byte,
        _ => b',',
    }
}

enum Column {
    Name,
    Email,
    FullName,
    Groups,
    Permissions,
    Active,
    Superuser,
    MustChangePassword,
    PasswordHash,
    Attribute(String),
}

impl Column {
    fn of(title: &str) -> Result<Self, String> {
        Ok(match title.to_ascii_lowercase().as_str() {
            "name" | "username" => Self::Name,
            "email" => Self::Email,
            "full_name" => Self::FullName,
            "groups" => Self::Groups,
            "permissions" => Self::Permissions,
            "active" => Self::Active,
            "superuser" => Self::Superuser,
            "must_change_password" => Self::MustChangePassword,
            "password_hash" => Self::PasswordHash,
            _ => match title.split_once('.') {
                Some((kind, key)) if kind.eq_ignore_ascii_case("attribute") => {
                    Self::Attribute(key.to_owned())
                }
                _ => return Err(title.to_owned()),
            },
        })
    }

    fn put(&self, cell: &str, user: &mut ForeignUser) -> Result<(), String> {
        let flag = |default: bool| match cell.to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "yes" | "true" | "1" => Ok(true),
            "no" | "false" | "0" => Ok(false),
            _ => Err(format!("{cell:?} is neither yes nor no")),
        };
        let names = || {
            let parts = cell.split([' ', ';', ',']).filter(|name| !name.is_empty());
            parts.map(str::to_owned).collect()
        };
        match self {
            Self::Name => cell.clone_into(&mut user.name),
            Self::Email => cell.clone_into(&mut user.email),
            Self::FullName => cell.clone_into(&mut user.full_name),
            Self::Groups => user.groups = names(),
            Self::Permissions => user.permissions = names(),
            Self::Active => user.active = flag(true)?,
            Self::Superuser => user.superuser = flag(false)?,
            Self::MustChangePassword => user.must_change_password = flag(false)?,
            Self::PasswordHash => user.password = ForeignPassword::read(cell),
            Self::Attribute(_) if cell.is_empty() => {}
            Self::Attribute(key) => {
                user.attributes.insert(key.clone(), cell.to_owned());
            }
        }
        Ok(())
    }
}

fn malformed(error: &csv::Error) -> UnreadableImport {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells, and the row of titles has {expected_len}")
        }
        _ => "it is no row of a table".to_owned(),
    };
    UnreadableImport::line(line, problem)
}

/// Each title is compared with the others.
const MAX_COLUMNS: usize = 1000;
