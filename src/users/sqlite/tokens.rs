//! API tokens in the database.
//!
//! Making and ending one is a change of its owner's account. The time of the last use is none.

use super::{
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId, UserName},
    users::{Account, Action, ApiToken, NewToken, TokenHash, TokenId, UserStoreError},
};

impl UserStore {
    /// Makes a token for a user. The secret is in the returned value alone.
    pub fn add_token(
        &mut self,
        name: &UserName,
        new: &NewToken,
    ) -> Result<(Account, ApiToken), UserStoreError> {
        new.check().map_err(UserStoreError::InvalidToken)?;
        self.write("making a token", |write| {
            let owner = write.named(name)?;
            write.add_token(&owner, new)
        })
    }

    /// As [`UserStore::add_token`], by the user: [`UserStoreError::CredentialChanged`] if the credential has changed since
    /// the user was checked.
    pub fn add_own_token(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        new: &NewToken,
    ) -> Result<(Account, ApiToken), UserStoreError> {
        new.check().map_err(UserStoreError::InvalidToken)?;
        self.write("making a token", |write| {
            let owner = write.checked(id, expected)?;
            let write = Write { actor: owner.user.name.as_str(), ..*write };
            write.add_token(&owner, new)
        })
    }

    /// Ends a token of a user; [`UserStoreError::NoSuchToken`] if the user has none with this number.
    pub fn revoke_token(&mut self, name: &UserName, token: TokenId) -> Result<Account, UserStoreError> {
        self.write("ending a token", |write| {
            let owner = write.named(name)?;
            write.revoke_token(&owner, token)
        })
    }

    /// As [`UserStore::revoke_token`], by the user.
    pub fn revoke_own_token(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        token: TokenId,
    ) -> Result<Account, UserStoreError> {
        self.write("ending a token", |write| {
            let owner = write.checked(id, expected)?;
            let write = Write { actor: owner.user.name.as_str(), ..*write };
            write.revoke_token(&owner, token)
        })
    }

    /// Notes when a token was used. No change of the account.
    pub fn record_token_use(&mut self, token: TokenId, at: Timestamp) -> Result<(), UserStoreError> {
        self.write("recording the use of a token", |write| {
            let sql = "UPDATE api_token SET last_used = max(coalesce(last_used, ?2), ?2) WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute((token.0, at.as_millis()))?;
            Ok(())
        })
    }
}

impl Write<'_> {
    fn add_token(&self, owner: &Account, new: &NewToken) -> Result<(Account, ApiToken), Trouble> {
        let (id, name) = (owner.user.id, owner.user.name.clone());
        // Ended tokens make room for new ones.
        let sql = "DELETE FROM api_token WHERE user_id = ?1 AND expires <= ?2";
        self.transaction.prepare_cached(sql)?.execute((id.0, self.now.as_millis()))?;
        let has: i64 = self
            .transaction
            .prepare_cached("SELECT count(*) FROM api_token WHERE user_id = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        if has >= MAX_TOKENS {
            return Err(UserStoreError::TooManyTokens(name).into());
        }
        let random = ApiToken::random_part().ok_or(UserStoreError::NoRandomness)?;
        let limits = serde_json::to_string(&new.limits)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let sql = "INSERT INTO api_token (user_id, name, hash, created, expires, credential, limits)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.transaction.prepare_cached(sql)?.execute((
            id.0,
            new.name.trim(),
            TokenHash::of(&random).to_hex(),
            self.now.as_millis(),
            new.expires.as_millis(),
            owner.credential.0,
            limits,
        ))?;
        let token = TokenId(self.transaction.last_insert_rowid());
        let after = self.changed(owner, Action::TokenMade)?;
        Ok((after, ApiToken::new(id, token, &random)))
    }

    fn revoke_token(&self, owner: &Account, token: TokenId) -> Result<Account, Trouble> {
        let sql = "DELETE FROM api_token WHERE user_id = ?1 AND id = ?2";
        match self.transaction.prepare_cached(sql)?.execute((owner.user.id.0, token.0))? {
            1 => self.changed(owner, Action::TokenRevoked),
            _ => Err(UserStoreError::NoSuchToken { name: owner.user.name.clone(), token }.into()),
        }
    }
}

/// Tokens that a user may have: they are cached with the account.
const MAX_TOKENS: i64 = 50;

#[cfg(test)]
mod tests;
