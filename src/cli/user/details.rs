//! `portcullis user add` and `set`: the details of an account, its groups and permissions.

use std::{collections::BTreeMap, io};

use super::{
    RunningCommand, UserError,
    args::{AddArgs, SetArgs},
    listing, names, traits,
};
use crate::{
    identity::GroupName,
    users::{AtNextSignIn, ListChange, NewUser, UserChange, UserField, UserStoreError},
};

impl RunningCommand<'_> {
    pub(super) fn add(&mut self, args: &AddArgs) -> Result<(), UserError> {
        // Checked before the person types a password.
        if self.store.find_by_name(&args.name)?.is_some() {
            return Err(UserStoreError::Exists(args.name.clone()).into());
        }
        for backend in &args.invite {
            self.authority_of(backend)?;
        }
        let mut new = NewUser {
            email: args.email.clone().unwrap_or_default(),
            email_verified: args.email_verified,
            invited: args.invite.clone(),
            full_name: args.full_name.clone().unwrap_or_default(),
            superuser: args.superuser,
            groups: names::flat(&args.groups),
            permissions: names::flat(&args.permissions),
            attributes: args.attributes.iter().cloned().collect::<BTreeMap<_, _>>(),
            machine: args.machine,
            ..NewUser::named(args.name.clone())
        };
        new.attributes.extend(self.fitting(&args.fields)?);
        // A machine has no profile page on which it would be asked.
        let missing = |field: &&UserField| {
            !args.machine && field.required && new.attributes.get(&*field.name).is_none_or(String::is_empty)
        };
        if let Some(field) = self.context.fields.iter().find(missing) {
            return Err(UserError::MissingField { name: field.name.to_string() });
        }
        new.check().map_err(UserStoreError::from)?;
        self.warn_of_undefined(&new.groups)?;
        if !args.no_password && !args.machine && args.invite.is_empty() {
            let hash = self.new_password(&new.name, &new.full_name, &new.email, args.allow_weak)?;
            new.password = Some(hash);
        }
        let added = self.store.add(new)?;
        let user = &added.user;
        writeln!(self.context.out, "added user {}{}", user.name, traits(user))?;
        if !added.invited.is_empty() {
            writeln!(
                self.context.out,
                "invited to sign in through {} with the verified address {}",
                listing::joined(&added.invited),
                user.email
            )?;
        } else if added.machine {
            writeln!(
                self.context.out,
                "nobody signs in to it; `portcullis token add {} --name NAME` makes a token for a program",
                user.name
            )?;
        } else if added.password.is_none() {
            writeln!(
                self.context.out,
                "without a password; `portcullis user passwd {}` sets one",
                user.name
            )?;
        }
        Ok(())
    }

    pub(super) fn set(&mut self, args: &SetArgs) -> Result<(), UserError> {
        if !args.asks_for_anything() {
            return Err(UserError::NothingAsked);
        }
        let before = self.existing(&args.name)?;
        let mut change = UserChange {
            email: args.email.clone(),
            email_verified: args.email_verified,
            full_name: args.full_name.clone(),
            superuser: args.superuser,
            groups: ListChange {
                replace: args.groups.as_ref().map(|names| names.0.clone()),
                add: names::flat(&args.add_groups),
                remove: names::flat(&args.remove_groups),
            },
            permissions: ListChange {
                replace: args.permissions.as_ref().map(|names| names.0.clone()),
                add: names::flat(&args.add_permissions),
                remove: names::flat(&args.remove_permissions),
            },
            attributes: args.attributes.iter().cloned().collect(),
            removed_attributes: args.removed_attributes.clone(),
        };
        for (name, value) in self.fitting(&args.fields)? {
            if value.is_empty() {
                change.removed_attributes.push(name);
            } else {
                change.attributes.insert(name, value);
            }
        }
        let mut after = self.store.update(&args.name, &change)?;
        if let Some(must_change) = args.must_change_password {
            let next = if must_change { AtNextSignIn::ChangePassword } else { AtNextSignIn::Nothing };
            after = self.store.set_must_change_password(&args.name, next)?;
            if must_change && !after.must_change_password {
                writeln!(
                    self.context.err,
                    "warning: user {} has no password here, so there is none to change",
                    args.name
                )?;
            }
        }
        if after == before {
            writeln!(self.context.out, "user {} is so already, nothing was changed", args.name)?;
        } else {
            writeln!(self.context.out, "changed user {}{}", args.name, traits(&after.user))?;
        }
        let home = after.identities.iter().find(|identity| identity.home);
        if let Some(home) = home.filter(|_| args.email.is_some() || args.full_name.is_some()) {
            writeln!(
                self.context.err,
                "warning: e-mail address and full name come from {}, which sets them again at the next sign-in",
                home.pair.backend
            )?;
        }
        let new_groups: Vec<_> =
            after.user.groups.iter().filter(|group| !before.user.groups.contains(group)).cloned().collect();
        self.warn_of_undefined(&new_groups)?;
        self.warn_of_last_superuser(&before)
    }

    /// Values of fields, if there are such fields and the values fit.
    fn fitting(&self, given: &[(String, String)]) -> Result<Vec<(String, String)>, UserError> {
        let fitting = |(name, value): &(String, String)| {
            let value = value.trim();
            let field = self.context.fields.named(name).ok_or_else(|| UserError::UnknownField {
                name: name.clone(),
                known: self.context.fields.iter().map(|field| field.name.to_string()).collect(),
            })?;
            let checked = field.check(value);
            checked.map_err(|unfit| UserError::Field { name: name.clone(), unfit })?;
            Ok((name.clone(), value.to_owned()))
        };
        given.iter().map(fitting).collect()
    }

    pub(super) fn warn_of_undefined(&mut self, groups: &[GroupName]) -> io::Result<()> {
        for group in groups.iter().filter(|group| !self.context.groups.contains(group)) {
            let err = &mut self.context.err;
            write!(
                err,
                "warning: no group {group} is defined in the configuration, so it gives no permissions"
            )?;
            match nearest(group, self.context.groups) {
                Some(near) => writeln!(err, "; did you mean {near}?")?,
                None => writeln!(err)?,
            }
        }
        Ok(())
    }
}

fn nearest<'a>(typed: &GroupName, defined: &'a [GroupName]) -> Option<&'a GroupName> {
    let distance = |group: &GroupName| strsim::damerau_levenshtein(typed.as_str(), group.as_str());
    defined.iter().filter(|group| distance(group) <= 2).min_by_key(|group| distance(group))
}
