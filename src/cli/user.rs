//! `portcullis user …`: listing and changing users.
//!
//! Works on the users database itself, with or without a running gateway, which
//! notices a change within a second. Every question comes before the first
//! write, and every change is one transaction.

mod args;
mod details;
mod error;
mod identities;
mod import;
mod links;
mod listing;
mod names;

use std::{
    io::{self, Write},
    path::Path,
};

use super::{
    counted::counted,
    failure::Failure,
    mail::letters,
    operator::operator,
    password_prompt::Input,
    state::{configuration_of_state, on_state},
};
use args::{FactorsArgs, PasswdArgs, RemoveArgs};
pub(super) use args::{UserArgs, UserCommand};
pub(super) use error::UserError;
use links::MailContext;

use crate::{
    auth::BackendSettings,
    clock::Clock,
    escape::EscapingWriter,
    identity::{BackendName, GroupName, User, UserName},
    users::{
        Account, Factor, HashSettings, PasswordHash, PasswordOwner, PasswordRules, Passwords, UserFields,
        UserStore, UserStoreError,
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
        let is_left = |factor: &&Factor| after.factors.iter().any(|left| left.id == factor.id);
        let removed: Vec<&str> =
            before.factors.iter().filter(|factor| !is_left(factor)).map(|factor| &*factor.name).collect();
        if removed.is_empty() {
            return Ok(writeln!(self.context.out, "user {} has no second factor", args.name)?);
        }
        writeln!(
            self.context.out,
            "removed {} of user {}, whose sessions have ended: {}",
            counted(removed.len(), "second factor"),
            args.name,
            removed.join(", ")
        )?;
        if after.factors.is_empty() {
            writeln!(
                self.context.err,
                "note: user {} signs in without a second factor from now on, or is asked to add one where the \
                 configuration requires it",
                args.name
            )?;
        }
        self.tell_factors_removed(&after, &removed)
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

#[cfg(test)]
mod tests;
