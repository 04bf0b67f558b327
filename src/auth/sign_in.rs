//! One check of a credential: throttle, backend, audit stream, count, in this order.

mod backend_checks;

use std::sync::Arc;

use super::{
    Backends, Claim, Credential, Local, NotProved, Origin, Proved,
    attempt::CountedAttempt,
    claim::Subject,
    denied::{Denied, Reason},
    directory_check::{self, Sought},
};
use crate::{
    clock::Clock,
    identity::{UserId, UserName},
    telemetry::Audit,
    throttle::{MARK_BYTES, PasswordAttempt, SecretError, Throttle, Wait},
    users::{Account, Directory, DirectoryError, PasswordHash, UserStoreError},
};

/// Checks credentials; one for the process.
#[derive(Debug)]
pub struct SignIn {
    local: Local,
    pub(super) directory: Arc<Directory>,
    pub(super) throttle: Throttle,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
}

impl SignIn {
    /// Checks passwords of the gateway's own directory with `local`, and others with the backends of each request.
    pub fn new(
        local: Local,
        directory: Arc<Directory>,
        throttle: Throttle,
        audit: Audit,
        clock: Clock,
    ) -> Self {
        Self { local, directory, throttle, audit, clock }
    }

    /// Whether `credential` proves `claim`. A failure has been counted and recorded when this returns; the caller
    /// records a success, with the session that it opens.
    ///
    /// An attempt whose check has started counts, even if the caller drops this future.
    pub async fn check(
        &self,
        claim: Claim<'_>,
        credential: Credential,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let Credential::Password(password) = credential;
        let mut subject = self.look_up(claim, origin).await?;
        let sought = self.seek(claim, &mut subject, origin).await?;
        let attempt = self.reserve_attempt(&subject, origin).await?;
        let checked = match sought {
            Sought::Local { after_search } => {
                self.check_here(&subject, password, (attempt, after_search), origin).await
            }
            Sought::Directory(user) => self.check_there(claim, &user, password, attempt).await,
            Sought::Nowhere(reason) => self.check_nowhere(reason, password, attempt, origin).await,
        };
        let denied = match checked {
            Ok((proved, attempt)) => {
                // Failures at a second factor are not forgiven for its first one; see `second_factor`.
                let forgives = origin.entrance.forgives() && proved.account().factors.is_empty();
                attempt.right(forgives).await;
                return Ok(proved);
            }
            Err(denied) => denied,
        };
        match denied {
            Denied::Wrong { reason, charge: attempt } => {
                self.audit.record(&origin.failure_of(reason.as_str(), &subject));
                attempt.failed().await;
                Err(NotProved::Wrong)
            }
            Denied::Kept { reason, not_proved, charge: attempt } => {
                self.audit.record(&origin.failure_of(reason.as_str(), &subject));
                attempt.right(origin.entrance.forgives()).await;
                Err(not_proved)
            }
            Denied::Unavailable => {
                self.audit.record(&origin.failure_of("unavailable", &subject));
                Err(NotProved::Unavailable)
            }
            Denied::Busy(busy) => {
                // The password was not checked, so the record of a typed name names no user.
                let user = matches!(claim, Claim::User(_)).then(|| subject.known_name()).flatten();
                self.audit.record(&origin.failure("busy", user));
                Err(NotProved::Busy { retry_after: busy.retry_after })
            }
        }
    }

    /// Sets a new password for somebody who has just proved to know the present one. Ends every sign-in from
    /// before; the proof that this returns is as of afterwards. [`NotProved::Wrong`]: another change of the account
    /// came first.
    pub async fn set_password(
        &self,
        proved: &Proved,
        hash: PasswordHash,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let account = proved.account();
        match self.directory.set_password(account.user.id, account.credential, hash).await {
            Ok(account) => Ok(proved.with_account(account)),
            Err(DirectoryError::Store(UserStoreError::CredentialChanged(_) | UserStoreError::Gone(_))) => {
                Err(NotProved::Wrong)
            }
            Err(error) => Err(origin.directory_failed("setting a password", &error)),
        }
    }

    /// Whether a directory of the backends has a user of this name, whether or not there is an account here.
    pub async fn is_known_to_directories(
        &self,
        name: &UserName,
        backends: &Backends,
    ) -> Result<bool, NotProved> {
        directory_check::is_known(backends, name.as_str()).await.map_err(|_| NotProved::Unavailable)
    }

    /// The value of a device cookie that makes this browser a known device of the user: the presented one, or a
    /// new one.
    pub fn device_cookie(&self, proved: &Proved, presented: Option<&[u8]>) -> Result<String, SecretError> {
        self.throttle.device_cookie(proved.account().user.id, presented)
    }

    /// Whether the user has signed in in the browser with this device cookie before.
    pub fn knows_device(&self, proved: &Proved, presented: Option<&[u8]>) -> bool {
        presented.and_then(|device| self.throttle.owner_of(device)) == Some(proved.account().user.id)
    }

    /// The users.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The same for a user whose sign-in is handed over to another host.
    pub fn device_cookie_of(&self, user: UserId, presented: Option<&[u8]>) -> Result<String, SecretError> {
        self.throttle.device_cookie(user, presented)
    }

    /// The user for whom a device cookie was made here: who signed in last in that browser, on that host.
    pub fn owner_of_device_cookie(&self, cookie: &[u8]) -> Option<UserId> {
        self.throttle.owner_of(cookie)
    }

    /// A mark on a text that a browser brings back; see [`Throttle::mark`].
    pub fn mark(&self, purpose: &str, text: &[u8]) -> [u8; MARK_BYTES] {
        self.throttle.mark(purpose, text)
    }

    /// Waits until all counts are on the disk; for the end of the process.
    pub fn flush(&self) {
        self.throttle.flush();
    }

    /// Finds out where the password of a claim is checked. The subject is that of the entry in a directory then: its name
    /// in one spelling, and its account.
    async fn seek(
        &self,
        claim: Claim<'_>,
        subject: &mut Subject<'_>,
        origin: &Origin<'_>,
    ) -> Result<Sought, NotProved> {
        let claimed = (claim, subject.account.as_deref());
        let Ok(sought) = directory_check::seek(origin.backends, claimed, origin.entrance).await else {
            self.audit.record(&origin.failure("unavailable", None));
            return Err(NotProved::Unavailable);
        };
        if let Sought::Directory(found) = &sought {
            subject.pair = Some(found.user.pair.clone());
        }
        if let (Claim::Name(_), Sought::Directory(found)) = (claim, &sought) {
            subject.name = found.user.name().ok();
            subject.account = match self.directory.account_of(&found.user.pair).await {
                Ok(account) => account,
                Err(error) => {
                    self.audit.record(&origin.failure("unavailable", None));
                    return Err(origin.directory_failed("looking up who signs in", &error));
                }
            };
        }
        Ok(sought)
    }

    /// Finds the account that a claim means. While the address has to wait, only the user whose device cookie came with
    /// the request is looked up: the time of a look-up could reveal who exists.
    async fn look_up<'c>(&self, claim: Claim<'c>, origin: &Origin<'_>) -> Result<Subject<'c>, NotProved> {
        let typed_name = match claim {
            Claim::Name(typed_name) => typed_name,
            Claim::User(account) => {
                let name = &account.user.name;
                return Ok(Subject {
                    typed_name: name.as_str(),
                    name: Some(name.clone()),
                    account: Some(Arc::clone(account)),
                    pair: None,
                });
            }
        };
        let name = UserName::parse(typed_name).ok();
        let found = match self.throttle.admits(origin.client_addr.or_proxy(), origin.limits).await {
            Ok(()) => self.account_named(name.as_ref()).await,
            Err(Wait(retry_after)) => match self.owner_of_device(name.as_ref(), origin).await {
                Ok(None) => {
                    self.audit.record(&origin.failure("throttled", None));
                    return Err(NotProved::Throttled { retry_after });
                }
                found => found,
            },
        };
        match found {
            Ok(account) => Ok(Subject { typed_name, name, account, pair: None }),
            Err(error) => {
                self.audit.record(&origin.failure("unavailable", None));
                Err(origin.directory_failed("looking up who signs in", &error))
            }
        }
    }

    async fn account_named(&self, name: Option<&UserName>) -> Result<Option<Arc<Account>>, DirectoryError> {
        match name {
            Some(name) => self.directory.account_by_name(name).await,
            None => Ok(None),
        }
    }

    /// The user of the presented device cookie, if it is the user with this name.
    async fn owner_of_device(
        &self,
        name: Option<&UserName>,
        origin: &Origin<'_>,
    ) -> Result<Option<Arc<Account>>, DirectoryError> {
        let owner: Option<UserId> = origin.device.and_then(|device| self.throttle.owner_of(device));
        let Some(owner) = owner else { return Ok(None) };
        let account = self.directory.account(owner).await?;
        Ok(account.filter(|account| name == Some(&account.user.name)))
    }

    /// Asks the throttle whether the password may be checked now.
    pub(super) async fn reserve_attempt(
        &self,
        subject: &Subject<'_>,
        origin: &Origin<'_>,
    ) -> Result<CountedAttempt, NotProved> {
        let attempted = PasswordAttempt {
            account: subject.counted_as(),
            client_addr: origin.client_addr.or_proxy(),
            device: origin.device,
        };
        match self.throttle.attempt(attempted, origin.limits).await {
            Ok(attempt) => Ok(CountedAttempt::new(attempt, self.audit.clone(), origin, subject)),
            Err(Wait(retry_after)) => {
                self.audit.record(&origin.failure_of("throttled", subject));
                Err(NotProved::Throttled { retry_after })
            }
        }
    }

    /// Records when the user has signed in. The account as it is afterwards; a reason if it has changed while its
    /// password was checked, so that this password opens nothing any more.
    pub(super) async fn record_sign_in(
        &self,
        checked: Arc<Account>,
        origin: &Origin<'_>,
    ) -> Result<Arc<Account>, Reason> {
        if !origin.entrance.is_sign_in() {
            return Ok(checked);
        }
        match self.directory.record_sign_in(checked.user.id, self.clock.now()).await {
            Ok(None) => Err(Reason::UnknownUser),
            Ok(Some(account)) if !account.active => Err(Reason::Disabled),
            Ok(Some(account)) if account.credential != checked.credential => Err(Reason::WrongPassword),
            Ok(Some(account)) => Ok(account),
            // A full disk must not lock users out. The account is the one that the password was checked against: if it
            // has changed since, its credential version is out of date and opens nothing.
            Err(error) => {
                let request_id = origin.request_id;
                tracing::warn!(request_id, user = %checked.user.name, %error, "sign-in time not recorded");
                Ok(checked)
            }
        }
    }
}

#[cfg(test)]
mod tests;
