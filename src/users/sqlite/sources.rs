//! Users of backends in the database: the account of an identity pair, provisioning, linking.
//!
//! Each call is one transaction. A pair belongs to one account at most (the primary key of `identity`), and moves to
//! another one only after it was taken off the first.

use super::{
    rows::{load, load_by_pair, pair_values},
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    clock::Timestamp,
    identity::{BackendName, CredentialVersion, EmailKey, IdentityPair, UserId, UserName},
    users::{
        Account, Action, Adoption, NewUser, NotProvisioned, Provisioning, Refreshed, RefreshedPair,
        SourceProfile, UserStoreError,
    },
};

impl UserStore {
    /// The account that a pair belongs to.
    pub fn account_of(&self, pair: &IdentityPair) -> Result<Option<Account>, UserStoreError> {
        self.read("finding the user of an identity", |connection| load_by_pair(connection, pair))
    }

    /// Signs in a user whom a backend has proved: finds the account of the pair, or makes or links one as `provisioning`
    /// and `adoption` let it, and takes over what the backend says. The change log gets the change, if there is one.
    pub fn sign_in_from(
        &mut self,
        profile: SourceProfile,
        provisioning: Provisioning,
        adoption: Adoption,
        at: Timestamp,
    ) -> Result<Result<Account, NotProvisioned>, UserStoreError> {
        let profile = profile.cleaned();
        if !profile.pair.is_storable() {
            return Ok(Err(NotProvisioned::UnusableIdentity));
        }
        self.write("signing in a user of a backend", |write| {
            let account = match write.provision(&profile, provisioning, adoption)? {
                Ok(account) => account,
                Err(refused) => return Ok(Err(refused)),
            };
            let account = write.take_over(&account, &profile)?;
            let sql = "UPDATE identity SET last_seen = max(coalesce(last_seen, ?4), ?4)
                       WHERE backend = ?1 AND authority = ?2 AND subject = ?3";
            let (backend, authority, subject) = pair_values(&profile.pair);
            write.transaction.prepare_cached(sql)?.execute((backend, authority, subject, at.as_millis()))?;
            let sql = "UPDATE user SET last_sign_in = max(coalesce(last_sign_in, ?2), ?2) WHERE id = ?1";
            write.transaction.prepare_cached(sql)?.execute((account.user.id.0, at.as_millis()))?;
            Ok(Ok(write.reloaded(account.user.id)?))
        })
    }

    /// Takes over what a backend says of a user now; `None` if the pair belongs to no account. No sign-in.
    pub fn refresh_from(&mut self, profile: SourceProfile) -> Result<Option<Account>, UserStoreError> {
        let profile = profile.cleaned();
        self.write("refreshing a user of a backend", |write| {
            let Some(account) = load_by_pair(write.transaction, &profile.pair)? else { return Ok(None) };
            write.take_over(&account, &profile).map(Some)
        })
    }

    /// A backend no longer lets the user in: all sessions of the user end, and the backend's groups and attributes are
    /// removed. Whether the account is active stays as it is. `None` if the pair belongs to no account; a repetition
    /// changes nothing.
    pub fn source_ended(
        &mut self,
        pair: &IdentityPair,
        reason: &str,
    ) -> Result<Option<Account>, UserStoreError> {
        self.write("ending the sign-ins of a user of a backend", |write| write.end_source(pair, reason))
    }

    /// Ends, as [`UserStore::source_ended`] does, every pair whose backend and authority are not among these. Returns how
    /// many accounts that concerned.
    pub fn end_sources_except(
        &mut self,
        kept: &[(BackendName, String)],
        reason: &str,
    ) -> Result<usize, UserStoreError> {
        self.write("ending the sign-ins of a removed backend", |write| {
            let sql = "SELECT backend, authority, subject FROM identity WHERE ended IS NULL";
            let mut statement = write.transaction.prepare_cached(sql)?;
            let pairs: Vec<IdentityPair> = statement.query_map([], pair)?.collect::<rusqlite::Result<_>>()?;
            let is_kept = |pair: &IdentityPair| {
                kept.iter().any(|(name, authority)| pair.backend == *name && *pair.authority == **authority)
            };
            let removed: Vec<_> = pairs.into_iter().filter(|pair| !is_kept(pair)).collect();
            for pair in &removed {
                write.end_source(pair, reason)?;
            }
            Ok(removed.len())
        })
    }

    /// Links a pair to the user, who was checked under the credential version `expected`, and takes over what the backend
    /// says. [`UserStoreError::PairTaken`] if it belongs to somebody else.
    pub fn link(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        profile: SourceProfile,
    ) -> Result<Account, UserStoreError> {
        let profile = profile.cleaned();
        self.write("linking an identity", |write| {
            let before = write.checked(id, expected)?;
            let write = Write { actor: before.user.name.as_str(), ..*write };
            write.link(&before, &profile.pair, profile.address())?;
            write.take_over(&write.reloaded(id)?, &profile)
        })
    }

    /// Links a pair to the user with this name, for an operator. What the backend says of the user comes with the first
    /// sign-in.
    pub fn link_pair(&mut self, name: &UserName, pair: &IdentityPair) -> Result<Account, UserStoreError> {
        self.write("linking an identity", |write| {
            let before = write.named(name)?;
            write.link(&before, pair, "")?;
            write.reloaded(before.user.id)
        })
    }

    /// Takes a pair off the user, who was checked under the credential version `expected`. Ends earlier sessions.
    /// [`UserStoreError::LastWayIn`] if the user could not sign in any more.
    pub fn unlink(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        pair: &IdentityPair,
    ) -> Result<Account, UserStoreError> {
        self.write("unlinking an identity", |write| {
            let before = write.checked(id, expected)?;
            Write { actor: before.user.name.as_str(), ..*write }.unlink(&before, pair)
        })
    }

    /// As [`UserStore::unlink`], for an operator.
    pub fn unlink_pair(&mut self, name: &UserName, pair: &IdentityPair) -> Result<Account, UserStoreError> {
        self.write("unlinking an identity", |write| {
            let before = write.named(name)?;
            write.unlink(&before, pair)
        })
    }

    /// The pairs of a backend that are to be looked up there, of users who are active. Those of owners of API tokens are
    /// among them even after the backend has ended them: if it lets the user in again, the tokens open something again.
    pub fn pairs_of_backend(
        &self,
        backend: &BackendName,
        authority: &str,
        refreshed: Refreshed,
    ) -> Result<Vec<RefreshedPair>, UserStoreError> {
        let (since, is_everybody) = match refreshed {
            Refreshed::SignedInSince(since) => (since, false),
            Refreshed::Everybody => (Timestamp::from_millis(0), true),
        };
        let now = self.now();
        self.read("listing the users of a backend", |connection| {
            let sql = "SELECT i.backend, i.authority, i.subject, i.ended IS NOT NULL
                       FROM identity i JOIN user u ON u.id = i.user_id
                       WHERE i.backend = ?1 AND i.authority = ?2 AND u.active
                           AND (?3 OR (i.ended IS NULL AND max(coalesce(i.last_seen, 0), coalesce(u.last_sign_in, 0)) >= ?4)
                               OR EXISTS (SELECT 1 FROM api_token t WHERE t.user_id = u.id AND t.expires > ?5))
                       ORDER BY i.subject";
            let mut statement = connection.prepare_cached(sql)?;
            let values = (backend.as_str(), authority, is_everybody, since.as_millis(), now.as_millis());
            let rows = statement
                .query_map(values, |row| Ok(RefreshedPair { pair: pair(row)?, has_ended: row.get(3)? }))?;
            rows.collect()
        })
    }
}

impl Write<'_> {
    /// The account of a proved pair, found, linked or made.
    fn provision(
        &self,
        profile: &SourceProfile,
        provisioning: Provisioning,
        adoption: Adoption,
    ) -> Result<Result<Account, NotProvisioned>, Trouble> {
        let pair = &profile.pair;
        if let Some(account) = load_by_pair(self.transaction, pair)? {
            return Ok(may_sign_in(account));
        }
        if let Some(key) = profile.verified_key() {
            if let Some(invited) = self.invited(&pair.backend, &key)? {
                let sql = "DELETE FROM invitation WHERE user_id = ?1 AND backend = ?2";
                let sql_values = (invited.user.id.0, pair.backend.as_str());
                let invited = match may_sign_in(invited) {
                    Ok(invited) => invited,
                    Err(refused) => return Ok(Err(refused)),
                };
                self.transaction.prepare_cached(sql)?.execute(sql_values)?;
                self.link(&invited, pair, profile.address())?;
                return Ok(Ok(self.reloaded(invited.user.id)?));
            }
            if adoption == Adoption::VerifiedEmail
                && let Some(account) = self.adoptable(pair, &key)?
            {
                return self.adopt(&account, profile).map(Ok);
            }
        }
        let is_waiting = match provisioning {
            Provisioning::Invited | Provisioning::Existing => return Ok(Err(NotProvisioned::NoAccount)),
            Provisioning::Automatic => false,
            Provisioning::Approval => true,
        };
        if self.is_known_name(&profile.name)? {
            return Ok(Err(NotProvisioned::NameTaken));
        }
        if is_waiting && self.waiting()? >= MAX_WAITING {
            return Ok(Err(NotProvisioned::TooManyWaiting));
        }
        let added = self.add(NewUser::named(profile.name.clone()))?;
        self.link(&added, pair, profile.address())?;
        if !is_waiting {
            return Ok(Ok(self.reloaded(added.user.id)?));
        }
        let sql = "UPDATE user SET active = 0, waiting_since = ?2 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute((added.user.id.0, self.now.as_millis()))?;
        self.record(&added, Action::Waiting, Some(pair))?;
        // The operator decides by what the backend says.
        self.take_over(&self.reloaded(added.user.id)?, profile)?;
        Ok(Err(NotProvisioned::WaitingForApproval))
    }

    /// The one user who was invited to this backend under this address.
    fn invited(&self, backend: &BackendName, key: &EmailKey) -> Result<Option<Account>, Trouble> {
        let sql = "SELECT u.id FROM user u JOIN invitation v ON v.user_id = u.id
                   WHERE v.backend = ?1 AND u.email_key = ?2 LIMIT 2";
        self.only(sql, (backend.as_str(), key.as_str()))
    }

    /// The one active account with this address, if it may be adopted.
    fn adoptable(&self, pair: &IdentityPair, key: &EmailKey) -> Result<Option<Account>, Trouble> {
        let found = self.only("SELECT id FROM user WHERE email_key = ?1 LIMIT 2", [key.as_str()])?;
        // A second user of one backend with the same address is another person: the address was given to somebody else.
        let is_known = |account: &Account| {
            account.identities.iter().any(|identity| {
                (&identity.pair.backend, &identity.pair.authority) == (&pair.backend, &pair.authority)
            })
        };
        let may_be = |account: &Account| account.active && !account.user.superuser && !account.machine;
        Ok(found.filter(|account| may_be(account) && !is_known(account)))
    }

    /// Links a pair to the account with the verified address. If the account's address was not verified, Mallory may have
    /// made the account for Alice's address: nothing by which somebody gets in stays.
    fn adopt(&self, account: &Account, profile: &SourceProfile) -> Result<Account, Trouble> {
        let id = account.user.id;
        if !account.email_verified {
            for sql in [
                "UPDATE user SET password = NULL, credential = credential + 1, email_verified = 1 WHERE id = ?1",
                "DELETE FROM identity WHERE user_id = ?1",
                "DELETE FROM invitation WHERE user_id = ?1",
                "DELETE FROM api_token WHERE user_id = ?1",
                // Her passkey would sign in again once there is a password, and her app would keep Alice out.
                "DELETE FROM factor WHERE user_id = ?1",
                "DELETE FROM link WHERE user_id = ?1",
            ] {
                self.transaction.prepare_cached(sql)?.execute([id.0])?;
            }
            self.forget_recovery_codes(id)?;
            self.record(account, Action::PasswordChanged, Some(&profile.pair))?;
        }
        self.link(&self.reloaded(id)?, &profile.pair, profile.address())?;
        self.reloaded(id)
    }

    /// The account with the one number that `sql` finds; `None` if it finds two.
    fn only(&self, sql: &str, values: impl rusqlite::Params) -> Result<Option<Account>, Trouble> {
        let mut statement = self.transaction.prepare_cached(sql)?;
        let found: Vec<i64> =
            statement.query_map(values, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        match *found {
            [id] => Ok(load(self.transaction, UserId(id))?),
            _ => Ok(None),
        }
    }

    pub(super) fn waiting(&self) -> rusqlite::Result<i64> {
        let sql = "SELECT count(*) FROM user WHERE waiting_since IS NOT NULL";
        self.transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))
    }

    /// Links a pair to the account. The account's profile is the backend's from now on if no password and no other
    /// identity has made it the user's own.
    pub(super) fn link(&self, account: &Account, pair: &IdentityPair, email: &str) -> Result<(), Trouble> {
        if !pair.is_storable() {
            return Err(UserStoreError::UnusablePair.into());
        }
        if let Some(owner) = load_by_pair(self.transaction, pair)? {
            if owner.user.id == account.user.id {
                return Ok(());
            }
            let owner = owner.user.name.clone();
            return Err(UserStoreError::PairTaken { pair: pair.clone(), owner }.into());
        }
        let home = account.password.is_none() && account.identities.iter().all(|identity| !identity.home);
        let sql = "INSERT INTO identity
                       (backend, authority, subject, user_id, name, email, linked, home, groups, attributes)
                   VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, '[]', '{}')";
        let (backend, authority, subject) = pair_values(pair);
        let (id, now) = (account.user.id.0, self.now.as_millis());
        self.transaction.prepare_cached(sql)?.execute((backend, authority, subject, id, email, now, home))?;
        Ok(self.record(account, Action::Linked, Some(pair))?)
    }

    fn unlink(&self, before: &Account, pair: &IdentityPair) -> Result<Account, Trouble> {
        let name = || before.user.name.clone();
        if before.linked(pair).is_none() {
            return Err(UserStoreError::NotLinked { pair: pair.clone(), name: name() }.into());
        }
        if !before.can_do_without(pair) {
            return Err(UserStoreError::LastWayIn(name()).into());
        }
        let sql = "DELETE FROM identity WHERE backend = ?1 AND authority = ?2 AND subject = ?3";
        self.transaction.prepare_cached(sql)?.execute(pair_values(pair))?;
        let sql = "UPDATE user SET credential = credential + 1 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute([before.user.id.0])?;
        self.record(before, Action::Unlinked, Some(pair))?;
        self.reloaded(before.user.id)
    }

    /// Stores what the backend says of its user; the account afterwards. Without a difference nothing is written.
    fn take_over(&self, account: &Account, profile: &SourceProfile) -> Result<Account, Trouble> {
        let pair = &profile.pair;
        let id = account.user.id;
        let before = account.linked(pair).ok_or(UserStoreError::Gone(id))?;
        let is_same = before.name == profile.name.as_str()
            && before.groups == profile.groups
            && before.attributes == profile.attributes
            && before.ended.is_none();
        if !is_same {
            let sql = "UPDATE identity SET name = ?4, groups = ?5, attributes = ?6, ended = NULL
                       WHERE backend = ?1 AND authority = ?2 AND subject = ?3";
            let (backend, authority, subject) = pair_values(pair);
            let (groups, attributes) = (json(&profile.groups)?, json(&profile.attributes)?);
            let name = profile.name.as_str();
            self.transaction
                .prepare_cached(sql)?
                .execute((backend, authority, subject, name, groups, attributes))?;
        }
        let (address, verified) = (profile.address(), profile.is_verified());
        let is_same_profile = !before.home
            || (account.user.email == address
                && account.email_verified == verified
                && account.user.full_name == profile.full_name);
        if !is_same_profile {
            let sql = "UPDATE user SET email = ?2, email_verified = ?3, email_key = ?4, full_name = ?5 WHERE id = ?1";
            let key = EmailKey::of(address);
            let key = key.as_ref().map(EmailKey::as_str);
            self.transaction.prepare_cached(sql)?.execute((
                id.0,
                address,
                verified,
                key,
                &profile.full_name,
            ))?;
        }
        if !is_same || !is_same_profile {
            self.record(account, Action::Changed, Some(pair))?;
        }
        self.reloaded(id)
    }

    fn end_source(&self, pair: &IdentityPair, reason: &str) -> Result<Option<Account>, Trouble> {
        let Some(account) = load_by_pair(self.transaction, pair)? else { return Ok(None) };
        if account.linked(pair).is_some_and(|identity| identity.ended.is_some()) {
            return Ok(Some(account));
        }
        let sql = "UPDATE identity SET groups = '[]', attributes = '{}', ended = ?4
                   WHERE backend = ?1 AND authority = ?2 AND subject = ?3";
        let (backend, authority, subject) = pair_values(pair);
        self.transaction.prepare_cached(sql)?.execute((backend, authority, subject, reason))?;
        let sql = "UPDATE user SET credential = credential + 1 WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute([account.user.id.0])?;
        self.record(&account, Action::SourceEnded, Some(pair))?;
        self.reloaded(account.user.id).map(Some)
    }
}

fn may_sign_in(account: Account) -> Result<Account, NotProvisioned> {
    match (account.active, account.waiting_since) {
        // Its programs have credentials of their own.
        (true, _) if account.machine => Err(NotProvisioned::Disabled),
        (true, _) => Ok(account),
        (false, Some(_)) => Err(NotProvisioned::WaitingForApproval),
        (false, None) => Err(NotProvisioned::Disabled),
    }
}

/// The pair in the first three columns.
fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<IdentityPair> {
    let backend: String = row.get(0)?;
    let backend = BackendName::parse(&backend).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })?;
    Ok(IdentityPair {
        backend,
        authority: row.get::<_, String>(1)?.into(),
        subject: row.get::<_, String>(2)?.into(),
    })
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Accounts that wait for approval at a time: a provider that anybody can register at must not fill the disk.
pub(super) const MAX_WAITING: i64 = 1000;

#[cfg(test)]
mod tests;
