//! `portcullis user …`: listing and changing users.
//!
//! Works on the users database itself, with or without a running gateway, which
//! notices a change within a second. Every question comes before the first
//! write, and every change is one transaction.

mod args;
mod import;
mod links;
mod listing;
mod names;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
};

use super::{
    failure::Failure,
    mail::letters,
    operator::operator,
    password_prompt::{Input, PromptError},
    state::{configuration_of_state, on_state},
};
use args::{AddArgs, FactorsArgs, LinkArgs, PasswdArgs, RemoveArgs, SetArgs};
pub(super) use args::{UserArgs, UserCommand};
use links::MailContext;

use crate::{
    auth::BackendSettings,
    clock::Clock,
    escape::EscapingWriter,
    identity::{BackendName, GroupName, IdentityPair, User, UserName},
    mail::QueueError,
    users::{
        Account, AtNextSignIn, HashSettings, ListChange, NewUser, PasswordHash, PasswordOwner, PasswordRules,
        Passwords, UnfitValue, UserChange, UserField, UserFields, UserStore, UserStoreError, WeakPassword,
    },
};

/// The inputs and outputs of a command.
pub(super) struct UserContext<'a> {
    /// The users database; made if it is missing.
    pub(super) database: &'a Path,
    /// The cost of hashing new passwords.
    pub(super) settings: HashSettings,
    /// The rules for new passwords.
    pub(super) rules: &'a PasswordRules,
    /// For the dates of accounts and changes.
    pub(super) clock: Clock,
    /// The groups that the configuration defines, to warn of others.
    pub(super) groups: &'a [GroupName],
    /// The fields that the configuration defines.
    pub(super) fields: &'a UserFields,
    /// The backends that know users by ids of their own, each with its issuer or the root of its directory.
    pub(super) backends: &'a [(BackendName, String)],
    /// The operator, for the log of changes.
    pub(super) actor: String,
    /// The way of links and notices to users.
    pub(super) mail: MailContext,
    /// The source of passwords and confirmations.
    pub(super) input: Input<'a>,
    /// Standard output.
    pub(super) out: &'a mut dyn Write,
    /// Standard error: warnings and questions.
    pub(super) err: &'a mut dyn Write,
}

/// Why a command failed, without any change.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserError {
    /// The users database refused or failed.
    #[error(transparent)]
    Store(#[from] UserStoreError),
    /// No password, or no confirmation.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The policy refuses the password.
    #[error("{0} (--allow-weak takes it all the same)")]
    Weak(WeakPassword),
    /// The password cannot be used.
    #[error(transparent)]
    Unusable(#[from] crate::users::UnusablePassword),
    /// No person can confirm the command.
    #[error("removing user {0} cannot be undone; --yes confirms it where there is no terminal to ask")]
    Unconfirmed(UserName),
    /// The person declined.
    #[error("user {0} was not removed")]
    Declined(UserName),
    /// No backend of the configuration has this name.
    #[error("{}", unknown_backend(.name, .known))]
    UnknownBackend {
        /// The argument.
        name: BackendName,
        /// The backends with ids of their own.
        known: Vec<BackendName>,
    },
    /// The name of an invited user cannot be made of the address.
    #[error("no user name can be made of {0}; name the user with `--name`")]
    NoNameIn(String),
    /// The address to invite has an account.
    #[error("user {0} has this address already; `portcullis user reset {0}` makes a link for a new password")]
    AddressKnown(UserName),
    /// The user cannot get mail.
    #[error("user {0} has no address; leave `--mail` out to print the link")]
    NoAddress(UserName),
    /// No mail can be sent.
    #[error("the configuration has no `[mail]`; leave `--mail` out to print the link")]
    NoMail,
    /// The message was not queued.
    #[error("queueing the mail: {0}")]
    Queue(#[from] QueueError),
    /// `approve` for somebody who does not wait.
    #[error("user {0} does not wait for approval")]
    NotWaiting(UserName),
    /// `set` without anything to set.
    #[error("nothing to change was given; `portcullis user set --help` lists what can be")]
    NothingAsked,
    /// The configuration defines no such field.
    #[error("the configuration defines no field {name:?}{}", named(.known))]
    UnknownField {
        /// The argument.
        name: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field cannot have the value.
    #[error("field {name}: {unfit}")]
    Field {
        /// The field.
        name: String,
        /// Why.
        unfit: UnfitValue,
    },
    /// A file of users cannot be read.
    #[error("{file}: {error}; nothing was changed")]
    Unreadable {
        /// The argument.
        file: String,
        /// Why.
        error: crate::users::import::UnreadableImport,
    },
    /// Some users of a file cannot be taken over.
    #[error("{problems} users cannot be taken over, so nothing was changed; --skip leaves them out")]
    NotImported {
        /// How many.
        problems: usize,
    },
    /// The file of an export cannot be written.
    #[error("writing {file}: {source}")]
    NotExported {
        /// The argument.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Standard output or standard error is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &UserArgs, file: &Path) -> Result<(), Failure> {
    let configuration = configuration_of_state(file)?;
    let database = args.command.changes_users().then(|| configuration.users_database());
    let groups: Vec<_> = configuration.groups.keys().cloned().collect();
    let authority = |backend: &BackendSettings| Some((backend.name(), backend.authority()?.to_owned()));
    let backends: Vec<_> = configuration.backends.iter().filter_map(authority).collect();
    on_state(&configuration, database, |out| {
        let context = UserContext {
            database: &configuration.users_database(),
            settings: configuration.password,
            rules: &configuration.password_rules,
            clock: Clock::system(),
            groups: &groups,
            fields: &configuration.user_fields,
            backends: &backends,
            actor: operator(),
            mail: MailContext {
                letters: letters(&configuration),
                queue: configuration.mail.settings.as_ref().map(|_| configuration.mail_queue()),
            },
            input: Input::from_stdin(),
            out,
            err: &mut EscapingWriter(io::stderr()),
        };
        Ok(run(&args.command, context)?)
    })
}

/// Runs a command; its output goes to [`UserContext::out`].
pub(super) fn run(command: &UserCommand, context: UserContext<'_>) -> Result<(), UserError> {
    let store = UserStore::open(context.database, context.clock.clone())?.acting_as(context.actor.as_str());
    let mut running = RunningCommand { store, context };
    match command {
        UserCommand::Add(args) => running.add(args),
        UserCommand::List { json } => running.list(*json),
        UserCommand::Show { name, json } => running.show(name, *json),
        UserCommand::Set(args) => running.set(args),
        UserCommand::Link(args) => running.link(args),
        UserCommand::Unlink(args) => running.unlink(args),
        UserCommand::Passwd(args) => running.passwd(args),
        UserCommand::Disable { name } => running.set_active(name, false),
        UserCommand::Enable { name } => running.set_active(name, true),
        UserCommand::Approve { name } => running.approve(name),
        UserCommand::Invite(args) => running.invite(args),
        UserCommand::Reset(args) => running.reset(args),
        UserCommand::Factors(args) => running.factors(args),
        UserCommand::Remove(args) => running.remove(args),
        UserCommand::Import(args) => running.import(args),
        UserCommand::Export(args) => running.export(args),
    }?;
    Ok(running.context.out.flush()?)
}

/// A command while it runs.
struct RunningCommand<'a> {
    store: UserStore,
    context: UserContext<'a>,
}

impl RunningCommand<'_> {
    fn add(&mut self, args: &AddArgs) -> Result<(), UserError> {
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
        let missing = |field: &&UserField| {
            field.required && new.attributes.get(&*field.name).is_none_or(String::is_empty)
        };
        if let Some(field) = self.context.fields.iter().find(missing) {
            return Err(UserError::Field { name: field.name.to_string(), unfit: UnfitValue::Missing });
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

    fn list(&mut self, json: bool) -> Result<(), UserError> {
        let accounts = self.store.list()?;
        Ok(if json {
            listing::list_as_json(&accounts, self.context.out)
        } else {
            listing::list_as_table(&accounts, self.context.out)
        }?)
    }

    fn show(&mut self, name: &UserName, json: bool) -> Result<(), UserError> {
        let account = self.existing(name)?;
        Ok(if json {
            listing::show_as_json(&account, self.context.out)
        } else {
            listing::show_as_text(&account, self.context.fields, self.context.out)
        }?)
    }

    fn set(&mut self, args: &SetArgs) -> Result<(), UserError> {
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

    fn link(&mut self, args: &LinkArgs) -> Result<(), UserError> {
        let before = self.existing(&args.name)?;
        let authority = self.authority_of(&args.backend)?.into();
        let pair =
            IdentityPair { backend: args.backend.clone(), authority, subject: args.subject.as_str().into() };
        if before.linked(&pair).is_some() {
            writeln!(self.context.out, "{pair} belongs to user {} already, nothing was changed", args.name)?;
            return Ok(());
        }
        self.store.link_pair(&args.name, &pair)?;
        writeln!(self.context.out, "linked {pair} to user {}", args.name)?;
        Ok(())
    }

    fn unlink(&mut self, args: &LinkArgs) -> Result<(), UserError> {
        let before = self.existing(&args.name)?;
        // Also one of a backend that is not configured any more, or leads elsewhere now.
        let is_meant = |pair: &IdentityPair| pair.backend == args.backend && *pair.subject == *args.subject;
        let linked = before.identities.iter().map(|identity| &identity.pair).find(|pair| is_meant(pair));
        let unknown = || IdentityPair {
            backend: args.backend.clone(),
            authority: "".into(),
            subject: args.subject.as_str().into(),
        };
        let pair = linked.cloned().unwrap_or_else(unknown);
        self.store.unlink_pair(&args.name, &pair)?;
        writeln!(self.context.out, "unlinked {pair} from user {}; sessions from before are over", args.name)?;
        Ok(())
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

    /// The issuer of a backend in the configuration, or the root of its directory.
    fn authority_of(&self, backend: &BackendName) -> Result<&str, UserError> {
        let known = self.context.backends;
        let found = known.iter().find(|(name, _)| name == backend).map(|(_, authority)| authority.as_str());
        found.ok_or_else(|| UserError::UnknownBackend {
            name: backend.clone(),
            known: known.iter().map(|(name, _)| name.clone()).collect(),
        })
    }

    fn passwd(&mut self, args: &PasswdArgs) -> Result<(), UserError> {
        let user = self.existing(&args.name)?.user;
        let hash = self.new_password(&user.name, &user.full_name, &user.email, args.allow_weak)?;
        let after = if args.must_change {
            self.store.set_temporary_password(&args.name, &hash)?
        } else {
            self.store.set_password(&args.name, &hash)?
        };
        writeln!(self.context.out, "set the password of user {}; sessions from before are over", args.name)?;
        if after.must_change_password {
            writeln!(self.context.out, "the user chooses another one at the next sign-in")?;
        }
        if !after.active {
            writeln!(self.context.out, "the user is still disabled; `portcullis user enable {}`", args.name)?;
        }
        Ok(())
    }

    fn set_active(&mut self, name: &UserName, active: bool) -> Result<(), UserError> {
        let before = self.existing(name)?;
        self.store.set_active(name, active)?;
        let done = match (before.active, active) {
            (false, true) if before.waiting_since.is_some() => {
                format!("approved user {name}, who can sign in now")
            }
            (false, false) if before.waiting_since.is_some() => {
                format!("disabled user {name}, who waited for approval")
            }
            (false, true) => format!("enabled user {name}"),
            (true, false) => format!("disabled user {name}; all sessions of the user are over"),
            (true, true) => format!("user {name} is enabled already, nothing was changed"),
            (false, false) => format!("user {name} is disabled already, nothing was changed"),
        };
        writeln!(self.context.out, "{done}")?;
        if active && before.waiting_since.is_some() {
            let after = self.existing(name)?;
            self.tell_approved(&after)?;
        }
        self.warn_of_last_superuser(&before)
    }

    fn remove(&mut self, args: &RemoveArgs) -> Result<(), UserError> {
        let before = self.existing(&args.name)?;
        if !args.yes {
            let question = format!("remove user {}{} for good?", args.name, traits(&before.user));
            match self.context.input.confirm(self.context.err, &question)? {
                Some(true) => {}
                Some(false) => return Err(UserError::Declined(args.name.clone())),
                None => return Err(UserError::Unconfirmed(args.name.clone())),
            }
        }
        self.store.remove(&args.name)?;
        writeln!(self.context.out, "removed user {}", args.name)?;
        self.warn_of_last_superuser(&before)
    }

    fn factors(&mut self, args: &FactorsArgs) -> Result<(), UserError> {
        let Some(which) = args.remove else {
            let account = self.existing(&args.name)?;
            return Ok(listing::factors(&account, args.json, self.context.out)?);
        };
        let before = self.existing(&args.name)?;
        let after = self.store.remove_factors(&args.name, which)?;
        let removed = before.factors.len() - after.factors.len();
        writeln!(self.context.out, "removed {removed} second factors of user {}", args.name)?;
        if after.factors.is_empty() && removed > 0 {
            writeln!(
                self.context.err,
                "note: user {} signs in without a second factor from now on",
                args.name
            )?;
        }
        Ok(())
    }

    fn existing(&self, name: &UserName) -> Result<Account, UserError> {
        Ok(self.store.find_by_name(name)?.ok_or_else(|| UserStoreError::NoSuchUser(name.clone()))?)
    }

    /// Asks for a password, checks it against the policy, and hashes it.
    fn new_password(
        &mut self,
        name: &UserName,
        full_name: &str,
        email: &str,
        allow_weak: bool,
    ) -> Result<PasswordHash, UserError> {
        let password = self.context.input.new_password(&format!("New password of {name}"))?;
        password.usable()?;
        let owner = PasswordOwner::new(name.clone(), full_name, email);
        match self.context.rules.check(&password, &owner) {
            Err(weak) if !allow_weak => Err(UserError::Weak(weak)),
            _ => Ok(Passwords::hash_now(self.context.settings, &password)),
        }
    }

    fn warn_of_undefined(&mut self, groups: &[GroupName]) -> io::Result<()> {
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

    fn warn_of_last_superuser(&mut self, before: &Account) -> Result<(), UserError> {
        if before.active && before.user.superuser && self.store.active_superusers()? == 0 {
            writeln!(
                self.context.err,
                "warning: that was the last active superuser; \
                 `portcullis user set NAME --superuser yes` makes another one"
            )?;
        }
        Ok(())
    }
}

/// Traits beside the name, such as ` (superuser, in ops, staff)`; empty without any.
fn traits(user: &User) -> String {
    let mut words = Vec::new();
    if user.superuser {
        words.push("superuser".to_owned());
    }
    if !user.groups.is_empty() {
        words.push(format!("in {}", listing::joined(&user.groups)));
    }
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

fn named(fields: &[String]) -> String {
    if fields.is_empty() { String::new() } else { format!(", only {}", fields.join(", ")) }
}

fn unknown_backend(name: &BackendName, known: &[BackendName]) -> String {
    if name.is_local() {
        return "users of the gateway's own directory have no ids elsewhere; name another backend".to_owned();
    }
    match known {
        [] => {
            format!("there is no backend {name}, and no other in the configuration that has ids of its own")
        }
        known => format!("there is no backend {name} in the configuration, only {}", listing::joined(known)),
    }
}

fn nearest<'a>(typed: &GroupName, defined: &'a [GroupName]) -> Option<&'a GroupName> {
    let distance = |group: &GroupName| strsim::damerau_levenshtein(typed.as_str(), group.as_str());
    defined.iter().filter(|group| distance(group) <= 2).min_by_key(|group| distance(group))
}

#[cfg(test)]
mod tests;
