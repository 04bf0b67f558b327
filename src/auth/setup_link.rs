//! The one-time link through which the first user is made; there is no default password.
//!
//! The link holds a random secret. It is good for an hour and for one user, and only while there is no user at all.
//! Only the hash of the secret is stored, in memory: a restart gives a new link.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{NotProved, Origin, Proved};
use crate::{
    clock::{Clock, Timestamp},
    identity::UserName,
    session::{NoRandomness, SessionKey, SessionToken},
    telemetry::Audit,
    users::{Directory, DirectoryError, PasswordHash, UserStoreError},
};

/// The set-up link, and whether it is still needed; one for the process.
#[derive(Debug)]
pub struct SetupLink {
    open: Mutex<Option<OpenLink>>,
    /// Whether the last query found a user. Once it has, the directory is not asked again.
    has_users: AtomicBool,
    directory: Arc<Directory>,
    audit: Audit,
    clock: Clock,
}

#[derive(Debug)]
struct OpenLink {
    key: SessionKey,
    until: Timestamp,
}

/// Proof that the secret of the open link was shown while there was no user.
#[derive(Debug)]
pub struct LinkProved(());

impl SetupLink {
    /// Makes the first user of `directory`. No link is open yet.
    pub fn new(directory: Arc<Directory>, audit: Audit, clock: Clock) -> Self {
        Self { open: Mutex::default(), has_users: AtomicBool::default(), directory, audit, clock }
    }

    /// Whether there are users.
    pub async fn has_users(&self) -> Result<bool, DirectoryError> {
        if self.has_users.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let has_users = self.directory.has_users().await?;
        self.has_users.store(has_users, Ordering::Relaxed);
        Ok(has_users)
    }

    /// Opens a new link and gives its secret; the link before it is closed.
    pub fn open(&self) -> Result<Zeroizing<String>, NoRandomness> {
        let secret = SessionToken::generate()?;
        *self.lock() = Some(OpenLink { key: secret.key(), until: self.clock.now() + VALID });
        Ok(secret.to_cookie())
    }

    /// Whether a link is open that has not expired.
    pub fn is_open(&self) -> bool {
        let now = self.clock.now();
        self.lock().as_ref().is_some_and(|open| now < open.until)
    }

    /// Whether this is the secret of the open link, and there is no user yet. A wrong secret has been recorded when
    /// this returns.
    pub async fn check(&self, secret: &str, origin: &Origin<'_>) -> Result<LinkProved, NotProved> {
        if !self.accepts(secret) {
            if self.is_open() {
                self.audit.record(&origin.failure("wrong-link", None));
            }
            return Err(NotProved::Wrong);
        }
        match self.directory.has_users().await {
            Ok(false) => Ok(LinkProved(())),
            Ok(true) => {
                self.close();
                Err(NotProved::Wrong)
            }
            Err(error) => Err(origin.directory_failed("looking for users", &error)),
        }
    }

    /// Makes the first superuser and closes the link. Of two simultaneous calls, the directory lets one
    /// succeed; the other one gets [`NotProved::Wrong`].
    pub async fn make_superuser(
        &self,
        LinkProved(()): LinkProved,
        name: UserName,
        hash: PasswordHash,
        origin: &Origin<'_>,
    ) -> Result<Proved, NotProved> {
        let added = self.directory.add_first_superuser(name, String::new(), String::new(), hash).await;
        let account = match added {
            Ok(account) => account,
            Err(DirectoryError::Store(UserStoreError::UsersExist)) => {
                self.close();
                self.audit.record(&origin.failure("users-exist", None));
                return Err(NotProved::Wrong);
            }
            Err(error) => return Err(origin.directory_failed("adding the first user", &error)),
        };
        self.close();
        let now = self.clock.now();
        if let Err(error) = self.directory.record_sign_in(account.user.id, now).await {
            let request_id = origin.request_id;
            tracing::warn!(request_id, user = %account.user.name, %error, "sign-in time not recorded");
        }
        Ok(Proved::local(account, now))
    }

    /// Compares hashes, in constant time.
    fn accepts(&self, secret: &str) -> bool {
        let (presented, now) = (SessionToken::from_cookie(secret.as_bytes()), self.clock.now());
        match (presented.map(|secret| secret.key()), self.lock().as_ref()) {
            (Some(key), Some(open)) => now < open.until && key.as_bytes().ct_eq(open.key.as_bytes()).into(),
            _ => false,
        }
    }

    fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<OpenLink>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operator has time to find the terminal again, and others who read the log later find an expired link.
const VALID: Duration = Duration::from_hours(1);
