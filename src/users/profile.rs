//! The profile of a user: the values of a new user, changes of them, and their bounds.
//!
//! Values that could not stand in a header are refused, because applications get them in headers.

use std::collections::BTreeMap;

use super::PasswordHash;
use crate::identity::{BackendName, GroupName, Permission, User, UserName};

/// A user to be created.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each of which has a use of its own")]
pub struct NewUser {
    /// The canonical name.
    pub name: UserName,
    /// Address; empty if there is none.
    pub email: String,
    /// Whether the user is known to receive mail there.
    pub email_verified: bool,
    /// Name for people to read; empty if there is none.
    pub full_name: String,
    /// Passes every rule but `"nobody"`.
    pub superuser: bool,
    /// In any order.
    pub groups: Vec<GroupName>,
    /// Direct permissions, in any order.
    pub permissions: Vec<Permission>,
    /// Free attributes.
    pub attributes: BTreeMap<String, String>,
    /// `None`: cannot sign in with a password yet.
    pub password: Option<PasswordHash>,
    /// The backends at which the user signs in for the first time with a verified address that is this one.
    pub invited: Vec<BackendName>,
    /// Whether the user may sign in from the start.
    pub active: bool,
    /// Whether the password has to be changed at the first sign-in with it.
    pub must_change_password: bool,
    /// An account of a machine, to which nobody can sign in. It has neither password nor invitation.
    pub machine: bool,
}

impl NewUser {
    /// An active user with this name and nothing else, to be filled in.
    pub fn named(name: UserName) -> Self {
        Self {
            name,
            email: String::new(),
            email_verified: false,
            full_name: String::new(),
            superuser: false,
            groups: Vec::new(),
            permissions: Vec::new(),
            attributes: BTreeMap::new(),
            password: None,
            invited: Vec::new(),
            active: true,
            must_change_password: false,
            machine: false,
        }
    }

    /// Whether all of this can be stored; [`UserStore::add`](super::UserStore::add) asks as well.
    pub fn check(&self) -> Result<(), InvalidProfile> {
        check(self.email.trim(), self.full_name.trim(), &self.attributes)
    }
}

/// The step that a new password leads to at the next sign-in with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtNextSignIn {
    /// None: the user has chosen the password.
    Nothing,
    /// The user has to choose another one: somebody else knows it, or its hash is weak.
    ChangePassword,
}

/// A change of a user. The default changes nothing.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new address; empty removes it.
    pub email: Option<String>,
    /// Whether the user is known to receive mail at the address. A new address is not, unless this says so.
    pub email_verified: Option<bool>,
    /// The new full name; empty removes it.
    pub full_name: Option<String>,
    /// Whether the user is a superuser from now on.
    pub superuser: Option<bool>,
    /// Groups that operators give the user; those of backends stay.
    pub groups: ListChange<GroupName>,
    /// Direct permissions.
    pub permissions: ListChange<Permission>,
    /// Attributes to add or to overwrite.
    pub attributes: BTreeMap<String, String>,
    /// Attributes to remove, before the others are set.
    pub removed_attributes: Vec<String>,
}

/// The part of a change that users make of their own profile; it has no room for what only operators change. The default
/// changes nothing.
#[derive(Clone, Debug, Default)]
pub struct OwnProfileChange {
    /// The new full name; empty removes it.
    pub full_name: Option<String>,
    /// Attributes to add or to overwrite.
    pub attributes: BTreeMap<String, String>,
    /// Attributes to remove.
    pub removed_attributes: Vec<String>,
}

/// A change of a list: replaced first, then added to, then removed from.
#[derive(Clone, Debug)]
pub struct ListChange<T> {
    /// The new list.
    pub replace: Option<Vec<T>>,
    /// Items to add.
    pub add: Vec<T>,
    /// Items to remove, last of all.
    pub remove: Vec<T>,
}

/// A value that a profile cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// Not of the form `somebody@somewhere`, or far too long.
    #[error("{0:?} is no e-mail address")]
    Email(String),
    /// Control characters, or more than 200 characters.
    #[error(
        "a full name has at most {MAX_FULL_NAME} characters, and no line breaks or other control characters"
    )]
    FullName,
    /// Not letters, digits and `.` `_` `-`, 1 to 64 of them.
    #[error("{0:?} cannot be the name of an attribute; 1 to {MAX_KEY} letters, digits and . _ - can")]
    AttributeName(String),
    /// Control characters, or more than 1024 characters.
    #[error(
        "the value of attribute {0:?} has more than {MAX_VALUE} characters, or line breaks or other control \
         characters, which could not stand in a header"
    )]
    AttributeValue(String),
}

impl<T> Default for ListChange<T> {
    fn default() -> Self {
        Self { replace: None, add: Vec::new(), remove: Vec::new() }
    }
}

impl<T: Clone + Ord> ListChange<T> {
    fn apply(&self, current: &[T]) -> Vec<T> {
        let base = self.replace.as_deref().unwrap_or(current);
        let mut list: Vec<T> = base.iter().chain(&self.add).cloned().collect();
        list.retain(|item| !self.remove.contains(item));
        sorted(list)
    }
}

impl UserChange {
    /// The user as it is after the change.
    pub(super) fn apply(&self, user: &User) -> User {
        let mut attributes = user.attributes.clone();
        attributes.retain(|key, _| !self.removed_attributes.contains(key));
        attributes.extend(self.attributes.clone());
        let text = |new: &Option<String>, old: &str| new.as_deref().unwrap_or(old).trim().to_owned();
        User {
            id: user.id,
            name: user.name.clone(),
            email: text(&self.email, &user.email),
            full_name: text(&self.full_name, &user.full_name),
            superuser: self.superuser.unwrap_or(user.superuser),
            groups: self.groups.apply(&user.groups),
            permissions: self.permissions.apply(&user.permissions),
            attributes,
        }
    }
}

impl From<OwnProfileChange> for UserChange {
    fn from(own: OwnProfileChange) -> Self {
        let OwnProfileChange { full_name, attributes, removed_attributes } = own;
        Self { full_name, attributes, removed_attributes, ..Self::default() }
    }
}

/// Whether all of this can be stored, and sent to applications in headers.
pub(super) fn check(
    email: &str,
    full_name: &str,
    attributes: &BTreeMap<String, String>,
) -> Result<(), InvalidProfile> {
    if !email.is_empty() {
        check_email(email)?;
    }
    check_full_name(full_name)?;
    for (key, value) in attributes {
        if !is_key(key) {
            return Err(InvalidProfile::AttributeName(key.clone()));
        }
        if !is_line(value, MAX_VALUE) {
            return Err(InvalidProfile::AttributeValue(key.clone()));
        }
    }
    Ok(())
}

/// Whether this can be the address of a user.
pub(super) fn check_email(email: &str) -> Result<(), InvalidProfile> {
    if is_address(email) { Ok(()) } else { Err(InvalidProfile::Email(email.to_owned())) }
}

/// Whether this can be a user's name for people.
fn check_full_name(full_name: &str) -> Result<(), InvalidProfile> {
    if is_line(full_name, MAX_FULL_NAME) { Ok(()) } else { Err(InvalidProfile::FullName) }
}

pub(super) fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty());
    parts && is_line(text, MAX_EMAIL) && !text.contains(char::is_whitespace)
}

/// Whether this can be the value of an attribute.
pub(super) fn is_value(text: &str) -> bool {
    is_line(text, MAX_VALUE)
}

/// A name for people to read, of a text that may be hostile: without control characters, and not too long.
pub(super) fn readable_name(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control()).collect::<String>();
    printable.trim().chars().take(MAX_FULL_NAME).collect::<String>().trim_end().to_owned()
}

fn is_line(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_none() && !text.contains(char::is_control)
}

/// Whether this can be the name of an attribute.
pub(crate) fn is_key(text: &str) -> bool {
    let is_mark = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && text.len() <= MAX_KEY && text.chars().all(is_mark)
}

/// RFC 5321 §4.5.3.1 leaves room for no more.
const MAX_EMAIL: usize = 254;
const MAX_FULL_NAME: usize = 200;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_replaced_then_added_to_then_removed_from() {
        let change =
            ListChange { replace: Some(vec!["c", "a"]), add: vec!["b", "a"], remove: vec!["c", "z"] };
        assert_eq!(change.apply(&["old"]), ["a", "b"]);
        assert_eq!(ListChange::default().apply(&["old"]), ["old"]);
    }

    #[test]
    fn a_profile_value_that_could_not_stand_in_a_header_is_refused() {
        let none = BTreeMap::new();
        assert_eq!(check("", "", &none), Ok(()));
        assert_eq!(check("alice@example.com", "Alice Ärger-O'Neill", &none), Ok(()));
        for email in ["alice", "@example.com", "alice@", "a b@example.com", "a@b\r\nX: y"] {
            assert_eq!(check(email, "", &none), Err(InvalidProfile::Email(email.to_owned())));
        }
        assert!(check(&format!("a@{}", "b".repeat(253)), "", &none).is_err());
        for name in ["Alice\nX-Admin: yes", "A\0", &"a".repeat(201)] {
            assert_eq!(check("", name, &none), Err(InvalidProfile::FullName));
        }
        for (key, value, fits) in [
            ("team", "blue", true),
            ("cost.center_1-a", "", true),
            ("", "x", false),
            ("a b", "x", false),
            ("é", "x", false),
            ("team", "blue\r\n", false),
            ("team", &"x".repeat(1025), false),
        ] {
            let attributes = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(check("", "", &attributes).is_ok(), fits, "{key}={value}");
        }
    }
}
