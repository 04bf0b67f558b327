//! Authenticator apps in the database: sealed secrets, and the last step whose code was accepted.
//!
//! One UPDATE decides whether a code is new, by its row count: of two gateways that are shown the same code at once, one
//! accepts it (RFC 6238 §5.2).

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::{
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::{
    clock::Timestamp,
    identity::{CredentialVersion, UserId},
    store::SealingKey,
    users::{
        Account, Action, Enrolled, FactorId, FactorKind, FactorName, FactorsBefore, NotEnrolled, TotpCode,
        TotpEnrolment, TotpSecret, TotpStep, UserStoreError,
    },
};

/// The account, the credential version and the session or pending sign-in that a secret is shown to.
#[derive(Clone, Copy, Debug)]
pub struct ShownTo<'a> {
    /// The account.
    pub id: UserId,
    /// Its credential version.
    pub credential: CredentialVersion,
    /// The session or the pending sign-in, by its hash.
    pub session: &'a str,
}

impl UserStore {
    /// A new secret to be shown. The database does not change.
    pub fn start_totp(&mut self, shown_to: ShownTo<'_>) -> Result<TotpEnrolment, UserStoreError> {
        let key = self.sealing_key()?;
        let secret = TotpSecret::generate().map_err(|_| UserStoreError::NoRandomness)?;
        let expires = self.now().as_millis() + SHOWN_MILLIS;
        let value = Zeroizing::new([&expires.to_be_bytes()[..], secret.as_bytes()].concat());
        let sealed = key.seal(shown_to.aad().as_bytes(), &value)?;
        Ok(TotpEnrolment { secret, sealed: BASE64URL_NOPAD.encode(&sealed) })
    }

    /// The secret of the hidden field `sealed`, to be shown again after a wrong code.
    pub fn shown_totp(
        &mut self,
        shown_to: ShownTo<'_>,
        sealed: &str,
    ) -> Result<Option<TotpSecret>, UserStoreError> {
        let key = self.sealing_key()?;
        Ok(shown_to.open(sealed, &key, self.now()))
    }

    /// Makes the secret of the hidden field `sealed` a factor, if `code` is one of it.
    pub fn enrol_totp(
        &mut self,
        shown_to: ShownTo<'_>,
        sealed: &str,
        name: &FactorName,
        code: Option<&TotpCode>,
    ) -> Result<Result<Enrolled, NotEnrolled>, UserStoreError> {
        self.enrol_totp_after(FactorsBefore::Any, shown_to, sealed, (name, code))
    }

    /// The same for an account with these factors before.
    pub fn enrol_totp_after(
        &mut self,
        factors_before: FactorsBefore,
        shown_to: ShownTo<'_>,
        sealed: &str,
        (name, code): (&FactorName, Option<&TotpCode>),
    ) -> Result<Result<Enrolled, NotEnrolled>, UserStoreError> {
        self.write_sealing("adding an authenticator app", |write, key| {
            let before = write.checked(shown_to.id, shown_to.credential)?;
            if factors_before == FactorsBefore::None && !before.factors.is_empty() {
                return Ok(Err(NotEnrolled::NotFirst));
            }
            let Some(secret) = shown_to.open(sealed, key, write.now) else {
                return Ok(Err(NotEnrolled::Expired));
            };
            let steps = code.map(|code| secret.steps_of(code, write.now)).unwrap_or_default();
            let Some(step) = steps.into_iter().max() else { return Ok(Err(NotEnrolled::WrongCode)) };
            // Twice the same secret would accept each code twice.
            let others = write.totp_secrets(before.user.id, key)?;
            if others.iter().any(|(_, other)| other.as_bytes() == secret.as_bytes()) {
                return Ok(Err(NotEnrolled::AlreadyAdded));
            }
            let Some(factor) = write.add_factor(&before, FactorKind::Totp, name)? else {
                return Ok(Err(NotEnrolled::TooMany));
            };
            let sealed = key.seal(row_aad(before.user.id, factor).as_bytes(), secret.as_bytes());
            let sealed = sealed.map_err(UserStoreError::from)?;
            let sql = "INSERT INTO totp (factor_id, secret, last_step) VALUES (?1, ?2, ?3)";
            write.transaction.prepare_cached(sql)?.execute((factor.0, sealed, step.0))?;
            write.note_use_of_factor(factor)?;
            let codes = write.codes_with_first_factor(&before, key)?;
            let account = write.changed_by_user(&before, Action::FactorAdded)?;
            Ok(Ok(Enrolled { account, factor, codes }))
        })
    }

    /// Accepts a code of one of the authenticator apps of a user, once; `None`: it is no new code of any of them.
    pub fn use_totp(
        &mut self,
        id: UserId,
        expected: CredentialVersion,
        code: &TotpCode,
    ) -> Result<Option<Account>, UserStoreError> {
        self.write_opening("checking a code of an authenticator app", |write, key| {
            write.checked(id, expected)?;
            for (factor, secret) in write.totp_secrets(id, key)? {
                for step in secret.steps_of(code, write.now) {
                    if write.accept_step(factor, step)? {
                        write.note_use_of_factor(factor)?;
                        return write.reloaded(id).map(Some);
                    }
                }
            }
            Ok(None)
        })
    }
}

impl ShownTo<'_> {
    fn aad(self) -> String {
        let Self { id, credential, session } = self;
        format!("totp-enrolment\0{id}\0{}\0{session}", credential.0)
    }

    fn open(self, sealed: &str, key: &SealingKey, now: Timestamp) -> Option<TotpSecret> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let value = key.open_sealed(self.aad().as_bytes(), &sealed).ok()?;
        let (expires, secret) = value.split_first_chunk()?;
        (now.as_millis() < i64::from_be_bytes(*expires)).then(|| TotpSecret::from_bytes(secret)).flatten()
    }
}

impl Write<'_> {
    /// The secrets of the user that can be opened. One that was moved here from another user, or was sealed with a key
    /// that is lost, proves nobody.
    fn totp_secrets(&self, user: UserId, key: &SealingKey) -> Result<Vec<(FactorId, TotpSecret)>, Trouble> {
        let sql = "SELECT f.id, t.secret FROM factor f JOIN totp t ON t.factor_id = f.id
                   WHERE f.user_id = ?1 AND f.kind = 'totp' ORDER BY f.id";
        let rows: rusqlite::Result<Vec<(i64, Vec<u8>)>> = self
            .transaction
            .prepare_cached(sql)?
            .query_map([user.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect();
        let opened = rows?.into_iter().filter_map(|(factor, sealed)| {
            let factor = FactorId(factor);
            match key.open_sealed(row_aad(user, factor).as_bytes(), &sealed) {
                Ok(bytes) => Some((factor, TotpSecret::from_bytes(&bytes)?)),
                Err(error) => {
                    tracing::error!(user_id = user.0, factor = factor.0, %error, "secret of an authenticator app cannot be opened");
                    None
                }
            }
        });
        Ok(opened.collect())
    }

    /// Whether the step is later than every one that was accepted before; it is accepted then.
    fn accept_step(&self, factor: FactorId, step: TotpStep) -> rusqlite::Result<bool> {
        let sql = "UPDATE totp SET last_step = ?2 WHERE factor_id = ?1 AND last_step < ?2";
        Ok(self.transaction.prepare_cached(sql)?.execute((factor.0, step.0))? == 1)
    }
}

/// The owner that a secret is sealed for.
pub(super) fn row_aad(user: UserId, factor: FactorId) -> String {
    format!("totp\0{user}\0{factor}")
}

/// Ten minutes to scan a code and to type six digits.
const SHOWN_MILLIS: i64 = 10 * 60 * 1000;
