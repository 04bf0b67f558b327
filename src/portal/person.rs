//! How pages speak of a user: by which name, and with which permissions.

use std::collections::BTreeMap;

use crate::identity::{GroupName, Permission, User};

/// What the user may do, directly and through groups; sorted, without duplicates.
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

/// How a person is addressed.
pub(super) fn readable_name(user: &User) -> &str {
    if user.full_name.is_empty() { user.name.as_str() } else { &user.full_name }
}
