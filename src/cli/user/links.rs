//! `portcullis user invite`, `reset` and `approve`: links for users, by mail or to be passed on.

use std::path::PathBuf;

use clap::Args;

use super::{
    RunningCommand, UserError,
    names::{Names, flat, group_names},
};
use crate::{
    identity::{BackendName, EmailKey, GroupName, UserName},
    mail::{MailQueue, Message},
    portal::Letters,
    users::{Account, LinkDelivery, LinkPurpose, LinkToken, NewUser, UserStoreError},
};

/// Arguments of `portcullis user invite`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct InviteArgs {
    /// E-mail address
    address: String,
    /// Name to sign in with; by default the part of the address before the @
    #[arg(long, value_parser = UserName::parse)]
    name: Option<UserName>,
    /// Name for people to read
    #[arg(long)]
    full_name: Option<String>,
    /// Group to be in; several with commas, or again
    #[arg(long = "group", visible_alias = "groups", value_name = "GROUP", value_parser = group_names)]
    groups: Vec<Names<GroupName>>,
    /// Print the link, to be passed on, although the configuration has `[mail]`
    #[arg(long)]
    print: bool,
}

/// Arguments of `portcullis user reset`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ResetArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    name: UserName,
    /// Send the link to the user's address; by default it is printed, to be passed on
    #[arg(long)]
    mail: bool,
}

/// The way of a mail from a command.
#[derive(Clone, Debug)]
pub(in crate::cli) struct MailContext {
    /// The writer of mails.
    pub(in crate::cli) letters: Letters,
    /// The queue; `None`: the configuration has no `[mail]`.
    pub(in crate::cli) queue: Option<PathBuf>,
}

impl RunningCommand<'_> {
    /// Makes an account whose user sets the first password by a link; a second invitation of the same user makes a new
    /// link.
    pub(super) fn invite(&mut self, args: &InviteArgs) -> Result<(), UserError> {
        let address = args.address.trim();
        let key = EmailKey::of(address).ok_or(UserStoreError::NoAddress)?;
        let delivery = self.delivery(!args.print);
        let found = self.store.list()?.into_iter().find(|account| {
            EmailKey::of(&account.user.email).as_ref() == Some(&key)
                && args.name.as_ref().is_none_or(|name| *name == account.user.name)
        });
        let (account, token) = match found {
            Some(known) if known.password.is_none() && known.invited.iter().any(BackendName::is_local) => {
                let (account, _, token) = self.store.link_for(&known.user.name, delivery)?;
                (account, token)
            }
            Some(known) => return Err(UserError::AddressKnown(known.user.name.clone())),
            None => {
                let name = if let Some(name) = &args.name {
                    name.clone()
                } else {
                    let mailbox = address.rsplit_once('@').map_or(address, |(mailbox, _)| mailbox);
                    UserName::parse(mailbox).map_err(|_| UserError::NoNameIn(address.to_owned()))?
                };
                let new = NewUser {
                    email: address.to_owned(),
                    full_name: args.full_name.clone().unwrap_or_default(),
                    groups: flat(&args.groups),
                    ..NewUser::named(name)
                };
                self.warn_of_undefined(&new.groups)?;
                self.store.invite(new, delivery)?
            }
        };
        writeln!(self.context.out, "invited user {}{}", account.user.name, super::traits(&account.user))?;
        self.hand_out((&account, LinkPurpose::Invitation, &token), delivery)
    }

    /// Makes a link for a new password.
    pub(super) fn reset(&mut self, args: &ResetArgs) -> Result<(), UserError> {
        if args.mail && self.context.mail.queue.is_none() {
            return Err(UserError::NoMail);
        }
        let delivery = self.delivery(args.mail);
        let account = self.existing(&args.name)?;
        if delivery == LinkDelivery::Mail && account.user.email.is_empty() {
            return Err(UserError::NoAddress(args.name.clone()));
        }
        let (account, purpose, token) = self.store.link_for(&args.name, delivery)?;
        self.hand_out((&account, purpose, &token), delivery)
    }

    /// Lets a user in who waits for approval, and tells them.
    pub(super) fn approve(&mut self, name: &UserName) -> Result<(), UserError> {
        if self.existing(name)?.waiting_since.is_none() {
            return Err(UserError::NotWaiting(name.clone()));
        }
        self.set_active(name, true)
    }

    /// Tells a user who has waited that they may sign in.
    pub(super) fn tell_approved(&mut self, account: &Account) -> Result<(), UserError> {
        if account.user.email.is_empty() || self.context.mail.queue.is_none() {
            return Ok(());
        }
        let message = self.context.mail.letters.approved(account);
        self.queue(message)?;
        Ok(writeln!(self.context.out, "a mail tells the user at {}", account.user.email)?)
    }

    /// Tells a user that factors were taken off the account.
    pub(super) fn tell_factors_removed(
        &mut self,
        account: &Account,
        removed: &[&str],
    ) -> Result<(), UserError> {
        if account.user.email.is_empty() || self.context.mail.queue.is_none() {
            return Ok(());
        }
        let message = self.context.mail.letters.factors_removed(account, removed);
        self.queue(message)?;
        Ok(writeln!(self.context.out, "a mail tells the user at {}", account.user.email)?)
    }

    fn delivery(&self, by_mail: bool) -> LinkDelivery {
        if by_mail && self.context.mail.queue.is_some() { LinkDelivery::Mail } else { LinkDelivery::Operator }
    }

    fn hand_out(
        &mut self,
        (account, purpose, token): (&Account, LinkPurpose, &LinkToken),
        delivery: LinkDelivery,
    ) -> Result<(), UserError> {
        let (letters, now) = (self.context.mail.letters.clone(), self.context.clock.now());
        let good_for = match purpose {
            LinkPurpose::Reset => "30 minutes",
            _ => "7 days",
        };
        if delivery == LinkDelivery::Mail {
            let message = match purpose {
                LinkPurpose::Reset => letters.reset(account, token, now),
                _ => letters.invitation(account, token, now),
            };
            self.queue(message)?;
            let address = &account.user.email;
            return Ok(writeln!(
                self.context.out,
                "a mail with a link is queued for {address}; the link is good for {good_for} and for one use"
            )?);
        }
        let name = &account.user.name;
        writeln!(
            self.context.out,
            "link for user {name}, good for {good_for} and for one use; pass it on to nobody else:"
        )?;
        Ok(writeln!(self.context.out, "{}", letters.link(purpose, token))?)
    }

    fn queue(&mut self, message: Option<Message>) -> Result<(), UserError> {
        let (Some(path), Some(message)) = (&self.context.mail.queue, message) else {
            return Err(UserError::NoMail);
        };
        let mut queue = MailQueue::open(path, self.context.clock.clone()).map_err(UserStoreError::from)?;
        Ok(queue.add(&message)?)
    }
}
