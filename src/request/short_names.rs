//! The short names that Windows keeps beside long ones: `ADMINI~1` for `administration`.
//!
//! Which long name a short one stands for, only the file system knows. [`may_stand_for`] says of two names whether it
//! could be, so that the rules can be asked about every long name that they have. NTFS makes a short name of the first
//! six characters that may stand in one, `~` and a number, and of three characters of the extension; from the fifth
//! name of a kind on, of two characters and four digits of a hash.

/// True if a segment has the form of a short name.
pub fn is_short_name(segment: &str) -> bool {
    split(segment).is_some()
}

/// True if this short name could be that of a file or folder with this long name.
pub fn may_stand_for(short: &str, long: &str) -> bool {
    let Some((prefix, extension)) = split(short) else { return false };
    let undotted = long.trim_start_matches('.');
    let (base, long_extension) = undotted.rsplit_once('.').unwrap_or((undotted, ""));
    let base: Vec<char> = base.chars().filter(|c| !matches!(c, ' ' | '.')).collect();
    let long_extension: Vec<char> = long_extension.chars().filter(|c| *c != ' ').collect();
    let is_short_itself = base.len() <= 8
        && long_extension.len() <= 3
        && long.chars().filter(|c| *c == '.').count() <= 1
        && !long.starts_with('.')
        && long.chars().all(|c| c.is_ascii() && !" +,;=[]".contains(c));
    // Two characters, or one, and the hash.
    let before_hash = prefix.len().checked_sub(4).and_then(|at| prefix.split_at_checked(at));
    let before_hash = before_hash.filter(|(_, hash)| hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    !is_short_itself
        && (begins(&base, prefix)
            || before_hash.is_some_and(|(kept, _)| !kept.is_empty() && begins(&base, kept)))
        && begins(&long_extension, extension)
        && extension.chars().count() == long_extension.len().min(3)
}

/// The part before `~` and a number, and the extension. Characters that no short name may have, `_` stands for.
fn split(segment: &str) -> Option<(&str, &str)> {
    let (name, extension) = segment.split_once('.').unwrap_or((segment, ""));
    let (prefix, number) = name.split_once('~')?;
    let is_one = (1..=6).contains(&prefix.chars().count())
        && (1..=6).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && extension.chars().count() <= 3
        && !extension.contains(['.', '~']);
    is_one.then_some((prefix, extension))
}

fn begins(long: &[char], short: &str) -> bool {
    let same = |one: char, other: char| {
        one == '_'
            || one.to_uppercase().eq(other.to_uppercase())
            || one.to_lowercase().eq(other.to_lowercase())
    };
    short.chars().count() <= long.len() && short.chars().zip(long).all(|(one, other)| same(one, *other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_stands_for_long_names_that_begin_like_it() {
        for (short, long) in [
            ("ADMINI~1", "administration"),
            ("admini~2", "Administrators"),
            ("SECRET~1", "secret files"),
            ("SECRET~10", "secretfolder"),
            ("AB1F4C~5", "about this server"),
            ("WEB~1.CON", "web.config"),
            ("A_B~1", "a+b"),
            ("GITIGN~1", ".gitignore"),
            ("REPORT~1.HTM", "report.2026.html"),
        ] {
            assert!(is_short_name(short) && may_stand_for(short, long), "{short} {long}");
        }
    }

    #[test]
    fn a_name_that_is_short_itself_has_no_other() {
        for (short, long) in [
            ("HEAD~1", "head"),
            ("ADMIN~1", "admin"),
            ("ADMINI~1", "adm"),
            ("ADMINI~1", "secretfolder"),
            ("ADMINI~1.HTM", "administration"),
            ("ADMINI~1", "administration.html"),
            ("ADMINI", "administration"),
            ("~1", "administration"),
            ("ADMINI~x", "administration"),
        ] {
            assert!(!may_stand_for(short, long), "{short} {long}");
        }
        for none in ["~user", "v1.0~rc1.deb", "a~", "toolong~1", "a~1.html", "", "file.txt~"] {
            assert!(!is_short_name(none), "{none}");
        }
    }
}
