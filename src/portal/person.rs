//! A user as pages show them: the name, and the permissions.

use std::collections::BTreeMap;

use crate::identity::{GroupName, Permission, User};

/// The user's permissions, direct ones and those of groups; sorted, without duplicates.
pub(super) fn permissions<'a>(
    user: &'a User,
    groups: &'a BTreeMap<GroupName, Vec<Permission>>,
) -> Vec<&'a str> {
    let through_groups = user.groups.iter().filter_map(|group| groups.get(group)).flatten();
    let mut all: Vec<&str> = user.permissions.iter().chain(through_groups).map(Permission::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The full name; the user name if there is none.
pub(super) fn readable_name(user: &User) -> &str {
    if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name }
}
