//! Requests for links: by a person who has typed a name or an address, or by an operator.
//!
//! A request for an unknown person writes as much as one for a known person, and there is a limit for each account and
//! address.

use std::time::Duration;

use crate::{
    identity::{BackendName, CredentialVersion, EmailKey, UserId, UserName},
    users::{
        Account, LinkDelivery, LinkMail, LinkPurpose, LinkToken, NewUser, UserStoreError, profile,
        sqlite::{
            rows::load_by_name,
            store::UserStore,
            transaction::{Trouble, Write},
        },
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
}

/// Whether the user may set a first password here.
fn is_invited(account: &Account) -> bool {
    account.active && account.password.is_none() && account.invited.iter().any(BackendName::is_local)
}

/// Maximum number of links for one account or address in [`COUNTED_FOR`]: Mallory fills nobody's mailbox.
const MAX_PER_SUBJECT: i64 = 3;
/// Rows that are kept of requests for nobody.
const MAX_VAIN_REQUESTS: i64 = 10_000;
pub(super) const COUNTED_FOR: Duration = Duration::from_hours(1);
