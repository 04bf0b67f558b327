//! The plan of an import: which users are added, which are changed, and what is wrong with others.

use std::collections::BTreeSet;

use serde::Serialize;

use super::record::{ForeignPassword, ForeignUser};
use crate::{
    identity::{GroupName, IdentityPair, Permission, UserName},
    users::{Account, ListChange, NewUser, PasswordHash, UserChange},
};

/// Options of an import.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ImportOptions {
    /// Users who are there already get the values and the password of the file.
    pub overwrite: bool,
    /// Superusers of the other program become superusers here.
    pub superusers: bool,
    /// Weak hashes are taken over; their users have to change the password at once.
    pub weak: bool,
    /// Users who cannot be taken over are left out; otherwise one of them stops the import.
    pub skip: bool,
}

/// The result of the import for a user of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Is added.
    Added,
    /// Is there already, and is changed.
    Changed,
    /// Is there already, and stays as it is, because nothing differs or nothing may be overwritten.
    Kept,
    /// Cannot be taken over.
    Refused,
}

/// A user of the file in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedUser {
    /// Where the user stands in the file.
    pub position: String,
    /// The name; the one in the file if it can be no name here.
    pub name: String,
    /// The result for the user.
    pub outcome: Outcome,
    /// Remarks on what is taken over or changed, and on what is not.
    pub notes: Vec<String>,
}

/// Why a user cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the user stands in the file.
    pub position: String,
    /// The name in the file.
    pub name: String,
    /// The problem.
    pub problem: String,
}

/// The report of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Whether the users have been changed: not by a dry run, and not if there are problems that are not to be skipped.
    pub done: bool,
    /// The users, in the order of the file.
    pub users: Vec<PlannedUser>,
    /// Users who cannot be taken over.
    pub problems: Vec<Problem>,
    /// The groups that users come into, for a look at what they allow.
    pub groups: Vec<GroupName>,
}

/// A step of an import.
pub(in crate::users) enum ImportStep {
    Add { new: Box<NewUser>, identities: Vec<IdentityPair> },
    Change { name: UserName, change: Box<UserChange>, disable: bool, password: Option<(PasswordHash, bool)> },
}

impl Imported {
    /// How many users have this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.users.iter().filter(|user| user.outcome == outcome).count()
    }
}

/// A plan in the making.
pub(in crate::users) struct Planner {
    options: ImportOptions,
    names: BTreeSet<UserName>,
    groups: BTreeSet<GroupName>,
    pub(in crate::users) report: Imported,
    pub(in crate::users) steps: Vec<ImportStep>,
}

impl Planner {
    pub(in crate::users) fn new(options: ImportOptions) -> Self {
        Self {
            options,
            names: BTreeSet::new(),
            groups: BTreeSet::new(),
            report: Imported::default(),
            steps: Vec::new(),
        }
    }

    /// Plans one user; `found` looks up the account of that name.
    pub(in crate::users) fn plan<E>(
        &mut self,
        user: ForeignUser,
        found: impl FnOnce(&UserName) -> Result<Option<Account>, E>,
    ) -> Result<(), E> {
        let (position, shown) = (user.position.to_string(), user.name.clone());
        let checked = self.checked(user);
        let (new, identities, mut notes) = match checked {
            Ok(checked) => checked,
            Err(problem) => {
                self.refuse(position, shown, problem);
                return Ok(());
            }
        };
        let before = found(&new.name)?;
        self.names.insert(new.name.clone());
        let name = new.name.to_string();
        let outcome = match before {
            None => {
                self.groups.extend(new.groups.iter().cloned());
                self.steps.push(ImportStep::Add { new: Box::new(new), identities });
                Outcome::Added
            }
            Some(_) if !self.options.overwrite => {
                notes = vec!["is there already; --overwrite would change it".to_owned()];
                Outcome::Kept
            }
            Some(before) => match self.changed(&before, new) {
                (_, None) => {
                    notes = vec!["is so already".to_owned()];
                    Outcome::Kept
                }
                (changed, Some(step)) => {
                    notes.extend(changed.into_iter().map(|what| format!("{what} changes")));
                    self.steps.push(step);
                    Outcome::Changed
                }
            },
        };
        self.report.users.push(PlannedUser { position, name, outcome, notes });
        Ok(())
    }

    /// The report, when all users have been planned.
    pub(in crate::users) fn finish(mut self) -> (Imported, Vec<ImportStep>) {
        self.report.groups = self.groups.into_iter().collect();
        (self.report, self.steps)
    }

    fn refuse(&mut self, position: String, name: String, problem: String) {
        self.report.users.push(PlannedUser {
            position: position.clone(),
            name: name.clone(),
            outcome: Outcome::Refused,
            notes: vec![problem.clone()],
        });
        self.report.problems.push(Problem { position, name, problem });
    }

    /// The user with values that can be stored.
    fn checked(&self, user: ForeignUser) -> Result<(NewUser, Vec<IdentityPair>, Vec<String>), String> {
        let name = UserName::parse(&user.name).map_err(|error| error.to_string())?;
        if self.names.contains(&name) {
            return Err("the file has this user twice".to_owned());
        }
        let mut notes = Vec::new();
        let mut new = NewUser::named(name);
        if new.name.as_str() != user.name {
            notes.push(format!("is called {} here", new.name));
        }
        let (password, must_change) = self.password(user.password, &mut notes)?;
        new.password = password;
        new.must_change_password = must_change || user.must_change_password;
        user.email.trim().clone_into(&mut new.email);
        new.email_verified = user.email_verified;
        new.full_name = user.full_name;
        new.active = user.active;
        if !user.active {
            notes.push("disabled".to_owned());
        }
        new.superuser = user.superuser && self.options.superusers;
        if new.superuser {
            notes.push("superuser".to_owned());
        } else if user.superuser {
            notes.push("a superuser there, and no superuser here without --superusers".to_owned());
        }
        for group in user.groups {
            // Names of other programs have blanks, which groups here have not.
            let dashed = group.split_whitespace().collect::<Vec<_>>().join("-");
            let parsed = GroupName::parse(&dashed).map_err(|error| format!("group {group:?}: {error}"))?;
            if dashed != group {
                notes.push(format!("group {group:?} is called {dashed} here"));
            }
            new.groups.push(parsed);
        }
        for permission in user.permissions {
            let parsed = Permission::parse(&permission);
            new.permissions.push(parsed.map_err(|error| format!("permission {permission:?}: {error}"))?);
        }
        new.attributes = user.attributes;
        new.check().map_err(|error| error.to_string())?;
        if let Some(unstorable) = user.identities.iter().find(|pair| !pair.is_storable()) {
            return Err(format!("the identity {unstorable} cannot be stored"));
        }
        Ok((new, user.identities, notes))
    }

    /// The hash, and whether the user has to change the password.
    fn password(
        &self,
        password: ForeignPassword,
        notes: &mut Vec<String>,
    ) -> Result<(Option<PasswordHash>, bool), String> {
        match password {
            ForeignPassword::None => {
                notes.push("without a password".to_owned());
                Ok((None, false))
            }
            ForeignPassword::Unusable(unusable) => Err(unusable.to_string()),
            ForeignPassword::Hash { is_weak: true, .. } if !self.options.weak => Err(
                "the hash has no salt or is a single round: its password is found quickly by whoever has the file; \
                 --weak takes it, and has the user change the password"
                    .to_owned(),
            ),
            ForeignPassword::Hash { hash, scheme, is_weak } => {
                notes.push(format!("password by {scheme}"));
                if is_weak {
                    notes.push("has to change the password".to_owned());
                }
                Ok((Some(hash), is_weak))
            }
        }
    }

    /// The change of a user who is there. What the file does not have stays; nobody is enabled, and nobody loses the rights
    /// of a superuser.
    fn changed(&mut self, before: &Account, new: NewUser) -> (Vec<&'static str>, Option<ImportStep>) {
        let (user, mut what) = (&before.user, Vec::new());
        let mut change = UserChange::default();
        if !new.email.is_empty() && new.email != user.email {
            change.email = Some(new.email);
            change.email_verified = Some(new.email_verified);
            what.push("address");
        }
        if !new.full_name.trim().is_empty() && new.full_name.trim() != user.full_name {
            change.full_name = Some(new.full_name);
            what.push("full name");
        }
        if new.superuser && !user.superuser {
            change.superuser = Some(true);
            what.push("superuser");
        }
        let groups: BTreeSet<&GroupName> = new.groups.iter().collect();
        if !groups.is_empty() && groups != before.local_groups.iter().collect() {
            self.groups.extend(new.groups.iter().cloned());
            change.groups = ListChange { replace: Some(new.groups), ..ListChange::default() };
            what.push("groups");
        }
        let permissions: BTreeSet<&Permission> = new.permissions.iter().collect();
        if !permissions.is_empty() && permissions != user.permissions.iter().collect() {
            change.permissions = ListChange { replace: Some(new.permissions), ..ListChange::default() };
            what.push("permissions");
        }
        let differs = |(key, value): (&String, &String)| before.local_attributes.get(key) != Some(value);
        if new.attributes.iter().any(differs) {
            change.attributes = new.attributes;
            what.push("attributes");
        }
        let disable = before.active && !new.active;
        if disable {
            what.push("state");
        }
        let password = new.password.filter(|hash| before.password.as_ref() != Some(hash));
        let password = password.map(|hash| (hash, new.must_change_password));
        if password.is_some() {
            what.push("password");
        }
        let step = ImportStep::Change { name: new.name, change: Box::new(change), disable, password };
        let is_same = what.is_empty();
        (what, (!is_same).then_some(step))
    }
}
