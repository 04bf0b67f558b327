//! One-time links in the database. Each use of one is a transaction that removes it: of two at once, one succeeds.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    rows::{load, load_by_name},
    sources::MAX_WAITING,
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    clock::Timestamp,
    identity::{BackendName, CredentialVersion, EmailKey, UserId, UserName},
    users::{
        Account, Action, AtNextSignIn, ChangedEmail, Link, LinkDelivery, LinkKey, LinkMail, LinkPurpose,
        LinkRefused, LinkToken, NewUser, OwnProfileChange, PasswordHash, UserStoreError, profile,
    },
};

impl UserStore {
    /// Makes links for a person who has forgotten the password, and typed a name or an address. There may be several
    /// accounts with one address; there is nothing for an unknown or inactive one, and for one that has asked too often.
    pub fn request_reset(&mut self, typed: &str) -> Result<Vec<LinkMail>, UserStoreError> {
        self.write("making a link", |write| {
            let mut mails = Vec::new();
            for account in write.meant(typed)? {
                if !account.active || account.user.email.is_empty() {
                    continue;
                }
                if write.asks_too_often(&format!("user:{}", account.user.id))? {
                    continue;
                }
                mails.extend(write.way_back_in(account)?);
            }
            if mails.is_empty() {
                write.note_vain_request()?;
            }
            Ok(mails)
        })
    }

    /// Makes a link for a person who wants to register an address; `may_register` is whether a new address gets one. An
    /// invited user gets a new link in place of a lost one. There is nothing for an address that has asked too often.
    pub fn request_registration(
        &mut self,
        address: &str,
        may_register: bool,
    ) -> Result<Option<LinkMail>, UserStoreError> {
        let Some(key) = EmailKey::of(address) else { return Ok(None) };
        self.write("making a link", |write| {
            if write.asks_too_often(&format!("email:{}", key.as_str()))? {
                write.note_vain_request()?;
                return Ok(None);
            }
            let known = write.with_address(&key)?;
            if let Some(account) = known.iter().find(|account| is_invited(account)) {
                return write.way_back_in(account.clone());
            }
            if let Some(account) = known.first() {
                let is_told = account.active;
                return Ok(is_told.then(|| LinkMail::Known { account: account.clone() }));
            }
            if !may_register {
                return Ok(None);
            }
            let token = write.new_link(LinkPurpose::Registration, None, (address, ""), LinkDelivery::Mail)?;
            Ok(Some(LinkMail::Registration { address: address.to_owned(), token }))
        })
    }

    /// Makes a link that gives the account another address, for a user who was checked under the credential version
    /// `expected`. The link before it is void. `None`: the user has asked too often.
    pub fn request_email_change(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        address: &str,
    ) -> Result<Option<LinkToken>, UserStoreError> {
        profile::check_email(address)?;
        self.write("making a link", |write| {
            let account = write.checked(id, expected)?;
            if write.asks_too_often(&format!("change:{id}"))? {
                return Ok(None);
            }
            write.void_links(id, &[LinkPurpose::EmailChange])?;
            let email = account.user.email.clone();
            let link = (email.as_str(), address);
            write.new_link(LinkPurpose::EmailChange, Some(&account), link, LinkDelivery::Mail).map(Some)
        })
    }

    /// Makes a link for an operator to pass on or to mail: for a new password, or for the first one of an invited user.
    /// [`UserStoreError::NoPasswordHere`] if the user has none and was not invited to set one.
    pub fn link_for(
        &mut self,
        name: &UserName,
        delivery: LinkDelivery,
    ) -> Result<(Account, LinkPurpose, LinkToken), UserStoreError> {
        self.write("making a link", |write| {
            let account = write.named(name)?;
            if !account.active {
                return Err(UserStoreError::Inactive(name.clone()).into());
            }
            let purpose = if account.password.is_some() {
                LinkPurpose::Reset
            } else if is_invited(&account) {
                LinkPurpose::Invitation
            } else {
                return Err(UserStoreError::NoPasswordHere(name.clone()).into());
            };
            let email = account.user.email.clone();
            let token = write.new_link(purpose, Some(&account), (&email, ""), delivery)?;
            Ok((account, purpose, token))
        })
    }

    /// Makes an account without a password, whose user is invited to set one by the link.
    pub fn invite(
        &mut self,
        new: NewUser,
        delivery: LinkDelivery,
    ) -> Result<(Account, LinkToken), UserStoreError> {
        new.check()?;
        self.write("inviting a user", |write| {
            let mut invited = new.invited;
            invited.push(BackendName::local());
            let account = write.add(NewUser { invited, password: None, ..new })?;
            let email = account.user.email.clone();
            let token = write.new_link(LinkPurpose::Invitation, Some(&account), (&email, ""), delivery)?;
            Ok((account, token))
        })
    }

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
    /// who changes the address twice and undoes her second change, leaves Alice the link that undoes the first. With it
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
            if write.with_address(&address)?.iter().any(|other| other.user.id != id) {
                return Err(UserStoreError::AddressTaken.into());
            }
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

impl Write<'_> {
    /// The accounts that a typed text may mean: by name, by address.
    fn meant(&self, typed: &str) -> Result<Vec<Account>, Trouble> {
        let mut found = Vec::new();
        if let Ok(name) = UserName::parse(typed) {
            found.extend(load_by_name(self.transaction, &name)?);
        }
        if let Some(key) = EmailKey::of(typed.trim()) {
            found.extend(self.with_address(&key)?);
        }
        found.sort_by_key(|account| account.user.id.0);
        found.dedup_by_key(|account| account.user.id);
        Ok(found)
    }

    /// Whether a user has this name, or had it: applications know people by their names, and whoever takes one over gets what
    /// belonged to the former user there.
    fn is_known_name(&self, name: &UserName) -> Result<bool, Trouble> {
        let sql = "SELECT EXISTS (SELECT 1 FROM user WHERE name = ?1)
                       OR EXISTS (SELECT 1 FROM former_name WHERE name = ?1)";
        Ok(self.transaction.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0))?)
    }

    /// The accounts with this address.
    fn with_address(&self, key: &EmailKey) -> Result<Vec<Account>, Trouble> {
        let sql = "SELECT id FROM user WHERE email_key = ?1 ORDER BY id LIMIT ?2";
        let mut statement = self.transaction.prepare_cached(sql)?;
        let ids: Vec<i64> = statement
            .query_map((key.as_str(), MAX_OF_ONE_ADDRESS), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut accounts = Vec::new();
        for id in ids {
            accounts.extend(load(self.transaction, UserId(id))?);
        }
        Ok(accounts)
    }

    /// The mail that brings a user back in who cannot sign in.
    fn way_back_in(&self, account: Account) -> Result<Option<LinkMail>, Trouble> {
        let email = account.user.email.clone();
        let new_link = |purpose| self.new_link(purpose, Some(&account), (&email, ""), LinkDelivery::Mail);
        if account.password.is_some() {
            let token = new_link(LinkPurpose::Reset)?;
            return Ok(Some(LinkMail::Reset { account, token }));
        }
        if is_invited(&account) {
            let token = new_link(LinkPurpose::Invitation)?;
            return Ok(Some(LinkMail::Invitation { account, token }));
        }
        Ok((!account.identities.is_empty()).then_some(LinkMail::Elsewhere { account }))
    }

    /// Counts a request of `subject`, and tells whether there were too many in the last hour.
    fn asks_too_often(&self, subject: &str) -> Result<bool, Trouble> {
        let since = (self.now - COUNTED_FOR).as_millis();
        self.transaction.prepare_cached("DELETE FROM link_request WHERE at <= ?1")?.execute([since])?;
        let sql = "SELECT count(*) FROM link_request WHERE subject = ?1";
        let count: i64 = self.transaction.prepare_cached(sql)?.query_row([subject], |row| row.get(0))?;
        if count >= MAX_PER_SUBJECT {
            return Ok(true);
        }
        let sql = "INSERT INTO link_request (subject, at) VALUES (?1, ?2)";
        self.transaction.prepare_cached(sql)?.execute((subject, self.now.as_millis()))?;
        Ok(false)
    }

    /// Writes for a request that makes no link as for one that does. A commit without a change is quicker than others, and
    /// delays whatever the database does next less.
    fn note_vain_request(&self) -> Result<(), Trouble> {
        let sql = "INSERT INTO link_request (subject, at) SELECT 'nobody', ?1
                   WHERE (SELECT count(*) FROM link_request WHERE subject = 'nobody') < ?2";
        self.transaction.prepare_cached(sql)?.execute((self.now.as_millis(), MAX_VAIN_REQUESTS))?;
        Ok(())
    }

    /// Makes a link. `addresses` are the address as of now, and the other one of a change. Of two links of an account for
    /// one purpose the later one has the later time, whatever the clock does.
    fn new_link(
        &self,
        purpose: LinkPurpose,
        account: Option<&Account>,
        (email, other): (&str, &str),
        delivery: LinkDelivery,
    ) -> Result<LinkToken, Trouble> {
        let token = LinkToken::generate()?;
        let now = self.now.as_millis();
        self.transaction.prepare_cached("DELETE FROM link WHERE expires <= ?1")?.execute([now])?;
        let sql =
            "INSERT INTO link (hash, purpose, user_id, credential, email, other, by_mail, created, expires)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, max(?8, coalesce(
                       (SELECT max(created) + 1 FROM link WHERE user_id = ?3 AND purpose = ?2), 0)), ?9)";
        self.transaction.prepare_cached(sql)?.execute(params![
            token.key().as_bytes(),
            purpose.as_str(),
            account.map(|account| account.user.id.0),
            account.map(|account| account.credential.0),
            email,
            other,
            delivery == LinkDelivery::Mail,
            now,
            (self.now + purpose.lifetime()).as_millis(),
        ])?;
        Ok(token)
    }

    /// Finds a link and removes it. `None`: it is void, or was removed by somebody else.
    fn use_link(&self, key: LinkKey, purpose: LinkPurpose) -> Result<Option<Found>, Trouble> {
        let Some(found) = find(self.transaction, key, purpose, self.now)? else { return Ok(None) };
        let sql = "DELETE FROM link WHERE hash = ?1 AND purpose = ?2";
        let removed = self.transaction.prepare_cached(sql)?.execute((key.as_bytes(), purpose.as_str()))?;
        Ok((removed == 1).then_some(found))
    }

    /// Removes the links of a user for these purposes.
    pub(super) fn void_links(&self, id: UserId, purposes: &[LinkPurpose]) -> rusqlite::Result<()> {
        let sql = "DELETE FROM link WHERE user_id = ?1 AND purpose = ?2";
        for purpose in purposes {
            self.transaction.prepare_cached(sql)?.execute((id.0, purpose.as_str()))?;
        }
        Ok(())
    }

    /// Stores an address at which the user is known to receive mail.
    fn store_email(&self, id: UserId, email: &str, key: &EmailKey) -> rusqlite::Result<()> {
        let sql = "UPDATE user SET email = ?2, email_key = ?3, email_verified = 1 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute((id.0, email, key.as_str())).map(drop)
    }
}

/// Whether the user may set a first password here.
fn is_invited(account: &Account) -> bool {
    account.active && account.password.is_none() && account.invited.iter().any(BackendName::is_local)
}

/// A link as it is stored, which is not void.
struct Found {
    link: Link,
    by_mail: bool,
    created: i64,
}

fn find(
    connection: &Connection,
    key: LinkKey,
    purpose: LinkPurpose,
    now: Timestamp,
) -> rusqlite::Result<Option<Found>> {
    type Stored = (Option<i64>, Option<i64>, String, String, bool, i64);
    let sql = "SELECT user_id, credential, email, other, by_mail, created FROM link
               WHERE hash = ?1 AND purpose = ?2 AND expires > ?3";
    let stored: Option<Stored> = connection
        .prepare_cached(sql)?
        .query_row((key.as_bytes(), purpose.as_str(), now.as_millis()), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        })
        .optional()?;
    let Some((user, credential, email, other, by_mail, created)) = stored else {
        // An account is read, as for a link that is there and void: the time does not tell which it is.
        let sql = "SELECT id FROM user ORDER BY id LIMIT 1";
        let any: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
        if let Some(id) = any {
            load(connection, UserId(id))?;
        }
        return Ok(None);
    };
    let account = match user {
        Some(id) => load(connection, UserId(id))?,
        None => None,
    };
    let is_void = match (purpose, &account) {
        (LinkPurpose::Registration, account) => account.is_some(),
        // Its user may have lost the account to somebody who has changed everything else.
        (LinkPurpose::EmailUndo, Some(account)) => !account.active,
        (_, Some(account)) => {
            !account.active || Some(account.credential.0) != credential || account.user.email != email
        }
        (_, None) => true,
    };
    Ok((!is_void).then_some(Found { link: Link { account, email, other }, by_mail, created }))
}

/// Maximum number of accounts with one address that are told of one request.
const MAX_OF_ONE_ADDRESS: i64 = 5;
/// Maximum number of links for one account or address in [`COUNTED_FOR`]: Mallory fills nobody's mailbox.
const MAX_PER_SUBJECT: i64 = 3;
/// Rows that are kept of requests for nobody.
const MAX_VAIN_REQUESTS: i64 = 10_000;
const COUNTED_FOR: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests;
