//! One-time links in the database: making a row, finding it, removing it.
//!
//! Requests for links are in `requests`, and what a link does in `uses`. Each use is a transaction that removes the link: of
//! two at once, one succeeds.

mod requests;
mod uses;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    rows::load,
    transaction::{Trouble, Write},
};
use crate::{
    clock::Timestamp,
    identity::{EmailKey, UserId, UserName},
    users::{Account, Link, LinkDelivery, LinkKey, LinkPurpose, LinkToken},
};

impl Write<'_> {
    /// Whether a user has this name, or had it: applications know people by their names, and whoever takes one over gets what
    /// belonged to the former user there.
    pub(super) fn is_known_name(&self, name: &UserName) -> Result<bool, Trouble> {
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

#[cfg(test)]
mod tests;
