//! The check of a program's credential.

use std::{sync::Arc, time::Duration};

use super::{
    Offered,
    bearers::Bearers,
    verdicts::{Verdict, VerdictKey, Verdicts},
};
use crate::{
    auth::{Claim, Credential, NotProved, Origin, SignIn},
    clock::{Clock, Timestamp},
    error_chain::ErrorChain,
    identity::{BackendName, CertificateHash, Identity, UserId},
    telemetry::{Audit, AuditEvent, AuditKind},
    users::{Account, Directory, DirectoryError, Password, PresentedToken, ProgramCredential, TokenRules},
};

/// Checks the credentials of programs; one for the process.
#[derive(Debug)]
pub struct ProgramSignIn {
    pub(super) sign_in: Arc<SignIn>,
    pub(super) directory: Arc<Directory>,
    verdicts: Verdicts,
    pub(super) bearers: Bearers,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
}

/// A program whose credential was right just now.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The account that it acts for.
    pub account: Arc<Account>,
    /// Its identity.
    pub identity: Identity,
    /// The credential, to be held against the account again.
    pub credential: ProgramCredential,
    /// The carrier of the credential.
    pub carrier: ProgramCarrier,
}

/// The kind of a program's credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramCarrier {
    /// A name and a password.
    Basic,
    /// An API token.
    Token,
    /// An access token of a provider.
    Bearer,
}

/// No identity. Its sender may know all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The credential is wrong, has ended, or is not for this app or this address.
    Wrong,
    /// The same of an access token.
    WrongAccessToken,
    /// The access token is bound to a key that the request does not show, or in a way that is not checked here.
    BoundAccessToken,
    /// The password is right, and the account has a second factor, which a password alone would leave out.
    TokenNeeded,
    /// Too many wrong passwords came before; this one was not checked.
    Throttled {
        /// The time until the next one is checked.
        retry_after: Duration,
    },
    /// Too much is waiting to be checked.
    Busy {
        /// The time after which another try is worth it.
        retry_after: Duration,
    },
    /// The users cannot be read at the moment, or a directory does not respond.
    Unavailable,
}

impl ProgramSignIn {
    /// Checks API tokens against `directory`, and passwords with `sign_in`.
    pub fn new(sign_in: Arc<SignIn>, directory: Arc<Directory>, audit: Audit, clock: Clock) -> Self {
        Self { sign_in, directory, verdicts: Verdicts::new(), bearers: Bearers::new(), audit, clock }
    }

    /// Whether `offered` gives an identity now. `shown` is the client certificate of its sender, for an access token that is
    /// bound to one.
    pub async fn check(
        &self,
        offered: Offered,
        shown: Option<CertificateHash>,
        origin: &Origin<'_>,
        rules: TokenRules,
    ) -> Result<Admitted, NotAdmitted> {
        match offered {
            Offered::Token(presented) => self.check_token(&presented, origin, rules).await,
            Offered::Password { name, password } => self.check_password(&name, password, origin).await,
            Offered::AccessToken(token) => self.check_access_token(&token, shown, origin).await,
            Offered::Nothing => Err(NotAdmitted::Wrong),
        }
    }

    async fn check_token(
        &self,
        presented: &PresentedToken,
        origin: &Origin<'_>,
        rules: TokenRules,
    ) -> Result<Admitted, NotAdmitted> {
        let account = self.directory.claimed_account(presented.owner).await;
        let account = account.map_err(|error| failed(origin, &error))?.ok_or(NotAdmitted::Wrong)?;
        let stored = account.tokens.iter().find(|token| token.id == presented.id);
        let stored = stored.filter(|token| presented.has(&token.hash)).ok_or(NotAdmitted::Wrong)?;
        let (id, now) = (stored.id, self.clock.now());
        let refused = |reason: &str| {
            let (request_id, user) = (origin.request_id, &account.user.name);
            let client = origin.client_addr;
            tracing::info!(request_id, %user, token = %id, %client, reason, "API token refused");
            NotAdmitted::Wrong
        };
        if !stored.limits.admits(origin.client_addr.known()) {
            return Err(refused("the client's address is outside its networks"));
        }
        let credential = ProgramCredential::Token(id);
        let identity = account.program(&credential, rules, now);
        let identity = identity.ok_or_else(|| refused("it has ended, or its owner is disabled"))?;
        if stored.last_used.note(now) {
            self.directory.note_token_use(id, now);
        }
        Ok(Admitted { account, identity, credential, carrier: ProgramCarrier::Token })
    }

    async fn check_password(
        &self,
        name: &str,
        password: Password,
        origin: &Origin<'_>,
    ) -> Result<Admitted, NotAdmitted> {
        let key = self.verdicts.key(name, &password, origin.client_addr);
        if let Some(remembered) = self.remembered(&key, origin).await {
            return remembered;
        }
        // A thousand requests with the same password that come at once cost one check.
        let _turn = self.verdicts.turn(key).await;
        if let Some(remembered) = self.remembered(&key, origin).await {
            return remembered;
        }
        let proved = self.sign_in.check(Claim::Name(name), Credential::Password(password), origin).await;
        let proved = proved.map_err(|not_proved| {
            if let NotProved::Wrong | NotProved::Throttled { .. } = not_proved {
                self.verdicts.note_wrong(&key);
            }
            NotAdmitted::from(not_proved)
        })?;
        let account = Arc::clone(proved.account());
        let is_local = *proved.source().backend == *BackendName::local().as_str();
        let (user, credential, at) = (account.user.id, account.credential, self.clock.now());
        let verdict = Verdict { user, credential, at, is_local };
        self.verdicts.put(key, verdict);
        self.audit.record(&AuditEvent {
            event: AuditKind::SignIn,
            reason: "program",
            user: Some(account.user.name.as_str()),
            actor: None,
            backend: Some(&proved.source().backend),
            subject: proved.subject(),
            client: origin.client_addr.known(),
            request_id: Some(origin.request_id),
            session: None,
        });
        Self::by_password(account, verdict, verdict.at).unwrap_or(Err(NotAdmitted::Wrong))
    }

    /// The result for a password that was right a short while ago; `None`: it has to be checked.
    async fn remembered(
        &self,
        key: &VerdictKey,
        origin: &Origin<'_>,
    ) -> Option<Result<Admitted, NotAdmitted>> {
        let now = self.clock.now();
        let verdict = self.verdicts.get(key, now)?;
        // A reload has taken the gateway's own directory out. Of the others, `users` is told.
        if verdict.is_local && !origin.backends.has_local() {
            return None;
        }
        let result = match self.account(verdict.user, origin).await {
            Err(error) => return Some(Err(error)),
            Ok(account) => account.and_then(|account| Self::by_password(account, verdict, now)),
        };
        if result.is_none() {
            self.verdicts.forget(key);
        }
        result
    }

    /// The result for the account as it is now; `None`: the password was right once, and proves nothing any more.
    fn by_password(
        account: Arc<Account>,
        verdict: Verdict,
        now: Timestamp,
    ) -> Option<Result<Admitted, NotAdmitted>> {
        if !account.active || account.credential != verdict.credential {
            return None;
        }
        if !account.password_alone_is_enough() {
            return Some(Err(NotAdmitted::TokenNeeded));
        }
        let credential = ProgramCredential::Password(verdict.credential);
        let identity = account.program(&credential, TokenRules::default(), now)?;
        Some(Ok(Admitted { account, identity, credential, carrier: ProgramCarrier::Basic }))
    }

    pub(super) async fn account(
        &self,
        id: UserId,
        origin: &Origin<'_>,
    ) -> Result<Option<Arc<Account>>, NotAdmitted> {
        self.directory.account(id).await.map_err(|error| failed(origin, &error))
    }
}

/// The directory did not do its work.
pub(super) fn failed(origin: &Origin<'_>, error: &DirectoryError) -> NotAdmitted {
    if let DirectoryError::Busy = error {
        return NotAdmitted::Busy { retry_after: Duration::from_secs(1) };
    }
    tracing::error!(request_id = origin.request_id, error = %ErrorChain(error), "user lookup failed");
    NotAdmitted::Unavailable
}

impl From<NotProved> for NotAdmitted {
    fn from(not_proved: NotProved) -> Self {
        match not_proved {
            NotProved::Throttled { retry_after } => Self::Throttled { retry_after },
            NotProved::Busy { retry_after } => Self::Busy { retry_after },
            NotProved::Unavailable => Self::Unavailable,
            // A program can do nothing about the cause.
            NotProved::Wrong | NotProved::MustChangePassword | NotProved::NotProvisioned(_) => Self::Wrong,
        }
    }
}
