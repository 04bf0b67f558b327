//! The formats of files of users, and how one is told from the others.

use std::{fmt, str::FromStr};

/// A format of a file of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `manage.py dumpdata auth` of Django, in JSON.
    Django,
    /// `htpasswd` of Apache: `name:hash` lines.
    Htpasswd,
    /// `users_database.yml` of Authelia.
    Authelia,
    /// A table with a row of titles.
    Csv,
    /// `/etc/shadow`.
    Shadow,
    /// Entries of an LDAP directory (RFC 2849).
    Ldif,
    /// `portcullis user export`.
    Portcullis,
}

/// The content is of no known format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its format cannot be told from its content; name it with --format")]
pub struct UnknownFormat;

/// The name is of no known format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the formats are django, htpasswd, authelia, csv, shadow, ldif and portcullis")]
pub struct UnknownFormatName;

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Django, Self::Htpasswd, Self::Authelia, Self::Csv, Self::Shadow, Self::Ldif, Self::Portcullis];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::Htpasswd => "htpasswd",
            Self::Authelia => "authelia",
            Self::Csv => "csv",
            Self::Shadow => "shadow",
            Self::Ldif => "ldif",
            Self::Portcullis => "portcullis",
        }
    }

    /// Finds out the format of the first bytes of a file.
    pub(super) fn of(start: &[u8]) -> Result<Self, UnknownFormat> {
        let start = start.get(..start.len().min(LOOKED_AT)).unwrap_or_default();
        let text = String::from_utf8_lossy(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start));
        match text.trim_start().chars().next() {
            Some('[') => return Ok(Self::Django),
            Some('{') => return Ok(Self::Portcullis),
            _ => {}
        }
        let is_content = |line: &&str| !line.trim().is_empty() && !line.starts_with('#') && *line != "---";
        let first = text.lines().find(is_content).ok_or(UnknownFormat)?;
        let key = first.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let colons = first.matches(':').count();
        if first.trim_end() == "users:" {
            Ok(Self::Authelia)
        } else if (key == "dn" || key == "version") && first.contains(':') {
            Ok(Self::Ldif)
        } else if colons == 8 {
            Ok(Self::Shadow)
        } else if super::csv_table::is_head(first) {
            Ok(Self::Csv)
        } else if colons == 1 && !first.starts_with(':') {
            Ok(Self::Htpasswd)
        } else {
            Err(UnknownFormat)
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Self, UnknownFormatName> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or(UnknownFormatName)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

const LOOKED_AT: usize = 4096;
