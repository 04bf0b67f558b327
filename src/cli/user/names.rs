//! Names of groups and permissions as they are typed: several with commas, and the option several times.

use crate::identity::{GroupName, InvalidName, Permission};

/// Names that were typed in one go, with commas between them; may be none.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Names<T>(pub(in crate::cli) Vec<T>);

/// All names of an option that was given several times.
pub(super) fn flat<T: Clone>(given: &[Names<T>]) -> Vec<T> {
    given.iter().flat_map(|names| names.0.iter().cloned()).collect()
}

pub(super) fn group_names(typed: &str) -> Result<Names<GroupName>, InvalidName> {
    names(typed, GroupName::parse)
}

pub(super) fn permission_names(typed: &str) -> Result<Names<Permission>, InvalidName> {
    names(typed, Permission::parse)
}

fn names<T>(typed: &str, parse: fn(&str) -> Result<T, InvalidName>) -> Result<Names<T>, InvalidName> {
    typed
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(parse)
        .collect::<Result<_, _>>()
        .map(Names)
}
