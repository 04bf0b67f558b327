//! The operating system's name of the person at the command line.

use std::{env, fs, os::unix::fs::MetadataExt};

use crate::escape::misleads;

/// The person behind `sudo`, the user, or `uid N`.
///
/// For the log alone, never for a decision: a process that can write the database can write any name there.
pub(super) fn operator() -> String {
    named_by(|variable| env::var(variable).ok())
}

fn named_by(variable: impl Fn(&str) -> Option<String>) -> String {
    ["SUDO_USER", "USER"]
        .into_iter()
        .filter_map(variable)
        .find_map(|name| fit_for_a_log(&name))
        .unwrap_or_else(
            // The owner of /proc/self is the user that this process runs as.
            || {
                fs::metadata("/proc/self")
                    .map_or_else(|_| "unknown".to_owned(), |it| format!("uid {}", it.uid()))
            },
        )
}

fn fit_for_a_log(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !misleads(*c)).take(64).collect();
    (!name.trim().is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_behind_sudo_comes_first_then_the_user_then_the_number() {
        let with = |set: &[(&str, &str)]| {
            named_by(|asked| {
                set.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[("USER", "root"), ("SUDO_USER", "ann")]), "ann");
        assert_eq!(with(&[("USER", "root"), ("SUDO_USER", "")]), "root");
        assert_eq!(with(&[("USER", "a\r\nb\u{1b}[0m")]), "ab[0m");
        assert!(with(&[]).starts_with("uid "), "{}", with(&[]));
    }
}
