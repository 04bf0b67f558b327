//! The effect of a link, which is used once.

use super::{Found, find};
use crate::{
    identity::{BackendName, CredentialVersion, EmailKey, UserId},
    users::{
        Account, Action, AtNextSignIn, ChangedEmail, Link, LinkDelivery, LinkKey, LinkPurpose, LinkRefused,
        LinkToken, NewUser, OwnProfileChange, PasswordHash, UserStoreError,
        sqlite::{sources::MAX_WAITING, store::UserStore, transaction::Write},
    },
};

impl UserStore {
    /// The link, if it is not void. It stays as it is.
    pub fn link_at(&self, key: LinkKey, purpose: LinkPurpose) -> Result<Option<Link>, UserStoreError> {
        let now = self.now();
        self.read("finding a link", |connection| {
            Ok(find(connection, key, purpose, now)?.map(|found| found.link))
        })
    }

    /// Sets a new password by a link of [`LinkPurpose::Reset`] or [`LinkPurpose::Invitation`]. All sessions of the user end.
    /// An invited user changes the own profile at the same time.
    pub fn set_password_by_link(
        &mut self,
        key: LinkKey,
        purpose: LinkPurpose,
        hash: &PasswordHash,
        change: OwnProfileChange,
    ) -> Result<Result<Account, LinkRefused>, UserStoreError> {
        if !matches!(purpose, LinkPurpose::Reset | LinkPurpose::Invitation) {
            return Ok(Err(LinkRefused::Void));
        }
        self.write("setting a password by a link", |write| {
            let Some(found) = write.use_link(key, purpose)? else { return Ok(Err(LinkRefused::Void)) };
            let Some(account) = found.link.account else { return Ok(Err(LinkRefused::Void)) };
            let write = Write { actor: account.user.name.as_str(), ..*write };
            let id = account.user.id;
            if found.by_mail {
                let sql = "UPDATE user SET email_verified = 1 WHERE id = ?1";
                write.transaction.prepare_cached(sql)?.execute([id.0])?;
            }
            if purpose == LinkPurpose::Invitation {
                let sql = "DELETE FROM invitation WHERE user_id = ?1 AND backend = ?2";
                write.transaction.prepare_cached(sql)?.execute((id.0, BackendName::LOCAL))?;
                let account = write.reloaded(id)?;
                write.update(&account, &change.into())?;
            }
            write.void_links(id, &[LinkPurpose::Reset, LinkPurpose::Invitation, LinkPurpose::EmailChange])?;
            write.set_password(&account, hash, AtNextSignIn::Nothing).map(Ok)
        })
    }

    /// Makes an account by a link of [`LinkPurpose::Registration`]: with the address that the link was sent to, and active,
    /// or waiting for approval. A refusal leaves the link as it is, so that another name can be typed.
    pub fn register(
        &mut self,
        key: LinkKey,
        new: NewUser,
        is_waiting: bool,
    ) -> Result<Result<Account, LinkRefused>, UserStoreError> {
        self.write("registering a user", |write| {
            let purpose = LinkPurpose::Registration;
            let Some(found) = find(write.transaction, key, purpose, write.now)? else {
                return Ok(Err(LinkRefused::Void));
            };
            let email = found.link.email;
            let Some(address) = EmailKey::of(&email) else { return Ok(Err(LinkRefused::Void)) };
            if !write.with_address(&address)?.is_empty() {
                return Ok(Err(LinkRefused::AddressTaken));
            }
            if write.is_known_name(&new.name)? {
                return Ok(Err(LinkRefused::NameTaken));
            }
            if is_waiting && write.waiting()? >= MAX_WAITING {
                return Ok(Err(LinkRefused::TooManyWaiting));
            }
            if write.use_link(key, purpose)?.is_none() {
                return Ok(Err(LinkRefused::Void));
            }
            let name = new.name.clone();
            let new = NewUser { email, email_verified: true, superuser: false, ..new };
            new.check().map_err(UserStoreError::from)?;
            let write = Write { actor: name.as_str(), ..*write };
            let added = write.add(new)?;
            if !is_waiting {
                return Ok(Ok(added));
            }
            let sql = "UPDATE user SET active = 0, waiting_since = ?2 WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute((added.user.id.0, write.now.as_millis()))?;
            write.changed(&added, Action::Waiting).map(Ok)
        })
    }

    /// Gives the account the address that the link was sent to. The user was checked under the credential version
    /// `expected`, so that Mallory cannot send Alice a link that gives Mallory's account Alice's address.
    pub fn change_email_by_link(
        &mut self,
        key: LinkKey,
        (id, expected): (UserId, CredentialVersion),
    ) -> Result<Result<ChangedEmail, LinkRefused>, UserStoreError> {
        self.write("changing an address", |write| {
            let account = write.checked(id, expected)?;
            let purpose = LinkPurpose::EmailChange;
            let Some(Found { link, .. }) = find(write.transaction, key, purpose, write.now)? else {
                return Ok(Err(LinkRefused::Void));
            };
            if link.account.is_none_or(|of| of.user.id != id) {
                return Ok(Err(LinkRefused::Void));
            }
            let Some(address) = EmailKey::of(&link.other) else { return Ok(Err(LinkRefused::Void)) };
            if write.with_address(&address)?.iter().any(|other| other.user.id != id) {
                return Ok(Err(LinkRefused::AddressTaken));
            }
            if write.use_link(key, purpose)?.is_none() {
                return Ok(Err(LinkRefused::Void));
            }
            let write = Write { actor: account.user.name.as_str(), ..*write };
            write.store_email(id, &link.other, &address)?;
            let changed = write.changed(&account, Action::Changed)?;
            let former = account.user.email.clone();
            let undo = if former.is_empty() {
                None
            } else {
                let addresses = (link.other.as_str(), former.as_str());
                Some(write.new_link(LinkPurpose::EmailUndo, Some(&changed), addresses, LinkDelivery::Mail)?)
            };
            Ok(Ok(ChangedEmail { account: changed, former, undo }))
        })
    }

    /// Undoes a change of address, whatever has happened to password and address since: Mallory, who got into the account,
    /// has changed both. All sessions of the account end, and all its links but those that undo an earlier change: Mallory,
    /// who changes the address twice and undoes her second change, leaves Alice the link that undoes the first. Another
    /// account that has the address by now does not stand in the way: a provider may say of Mallory that it is hers. With it
    /// comes a link for a new password, if the account has one.
    pub fn undo_email_by_link(
        &mut self,
        key: LinkKey,
    ) -> Result<Result<(Account, Option<LinkToken>), LinkRefused>, UserStoreError> {
        self.write("undoing the change of an address", |write| {
            let Some(found) = write.use_link(key, LinkPurpose::EmailUndo)? else {
                return Ok(Err(LinkRefused::Void));
            };
            let (Some(account), Some(address)) = (found.link.account, EmailKey::of(&found.link.other)) else {
                return Ok(Err(LinkRefused::Void));
            };
            let id = account.user.id;
            let write = Write { actor: account.user.name.as_str(), ..*write };
            let sql = "DELETE FROM link WHERE user_id = ?1 AND (purpose <> ?2 OR created > ?3)";
            let earlier = (id.0, LinkPurpose::EmailUndo.as_str(), found.created);
            write.transaction.prepare_cached(sql)?.execute(earlier)?;
            write.store_email(id, &found.link.other, &address)?;
            let sql = "UPDATE user SET credential = credential + 1 WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute([id.0])?;
            let account = write.changed(&account, Action::EmailRestored)?;
            if account.password.is_none() {
                return Ok(Ok((account, None)));
            }
            let email = account.user.email.clone();
            let token =
                write.new_link(LinkPurpose::Reset, Some(&account), (&email, ""), LinkDelivery::Mail)?;
            Ok(Ok((account, Some(token))))
        })
    }
}
