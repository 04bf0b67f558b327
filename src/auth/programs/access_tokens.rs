//! The check of an access token of a provider.
//!
//! The form of a token, its claims and the key that it names are looked at first, which costs little. A check of the signature
//! costs more: each wrong one counts against the address that the token came from, as a wrong password does, and past the
//! budget no signature is checked for that address for a while.
//!
//! Mallory sends forged tokens from the address that Alice's machine has, too. She stops neither a token that was right
//! before, nor the next token of an identity that had a right one from there: in the name of such an identity, a hundred wrong
//! signatures a second are checked, and none counts against the address.

use std::sync::Arc;

use super::{
    Admitted, NotAdmitted, ProgramCarrier, ProgramSignIn,
    bearers::{Bearer, BearerKey, Bearers},
    program_sign_in::failed,
};
use crate::{
    auth::{
        Origin,
        attempt::CountedAttempt,
        claim::Subject,
        oidc::{AccessToken, NoAccessToken, Rejection, UnverifiedAccessToken},
    },
    clock::Timestamp,
    identity::{BackendName, CertificateHash},
    telemetry::AuditEvent,
    throttle::{Network, ThrottleKey, Wait},
    users::{ProgramCredential, TokenRules},
};

impl ProgramSignIn {
    /// Whether an access token gives an identity now.
    pub(super) async fn check_access_token(
        &self,
        token: &str,
        shown: Option<CertificateHash>,
        origin: &Origin<'_>,
    ) -> Result<Admitted, NotAdmitted> {
        let (key, now) = (Bearers::key(token), self.clock.now());
        let remembered = self.bearers.get(&key, origin.backends.providers(), now);
        let is_new = remembered.is_none();
        let bearer = match remembered {
            Some(bearer) => bearer,
            None => self.read_access_token((token, &key), shown, origin, now).await?,
        };
        // Another sender may have shown the certificate when the token was checked.
        if is_missing(bearer.token.bound_to, shown) {
            log_bound(origin, &bearer.token.pair.backend, NOT_SHOWN);
            return Err(NotAdmitted::BoundAccessToken);
        }
        let pair = &bearer.token.pair;
        let account = self.account(bearer.user, origin).await?.ok_or(NotAdmitted::WrongAccessToken)?;
        // An operator has linked a machine by its id alone, and its tokens tell no address and no groups.
        if !account.machine && !bearer.token.admits {
            return Err(NotAdmitted::WrongAccessToken);
        }
        let credential = ProgramCredential::Bearer(pair.clone(), bearer.token.until);
        let identity = account.program(&credential, TokenRules::default(), now);
        let identity = identity.ok_or(NotAdmitted::WrongAccessToken)?;
        if is_new {
            self.bearers.put(key, network(origin), &bearer);
        }
        Ok(Admitted { account, identity, credential, carrier: ProgramCarrier::Bearer })
    }

    /// Checks a token with the keys of the providers, and finds the account of its identity. No account is made: a machine
    /// that nobody has linked is nobody here.
    async fn read_access_token(
        &self,
        (token, key): (&str, &BearerKey),
        shown: Option<CertificateHash>,
        origin: &Origin<'_>,
        now: Timestamp,
    ) -> Result<Arc<Bearer>, NotAdmitted> {
        let mut not_admitted = NotAdmitted::WrongAccessToken;
        for provider in origin.backends.providers() {
            let refused = |rejection: Rejection| {
                let (request_id, provider) = (origin.request_id, &provider.settings().name);
                tracing::debug!(request_id, %provider, reason = rejection.as_str(), "access token refused");
            };
            let unverified = match provider.examine_access_token(token) {
                Ok(unverified) => unverified,
                Err(NoAccessToken::NotTaken) => continue,
                Err(NoAccessToken::NoKeys) => {
                    not_admitted = NotAdmitted::Unavailable;
                    continue;
                }
                Err(NoAccessToken::Rejected(rejection)) => {
                    if rejection == Rejection::TokenBound {
                        log_bound(origin, &provider.settings().name, NOT_CHECKED);
                        not_admitted = NotAdmitted::BoundAccessToken;
                    }
                    refused(rejection);
                    continue;
                }
            };
            if is_missing(unverified.bound_to(), shown) {
                log_bound(origin, &provider.settings().name, NOT_SHOWN);
                not_admitted = NotAdmitted::BoundAccessToken;
                continue;
            }
            let token = match self.check_signature(unverified, key, origin).await? {
                Ok(token) => token,
                Err(rejection) => {
                    refused(rejection);
                    continue;
                }
            };
            let account = self.directory.claimed_account_of(&token.pair).await;
            let account = account.map_err(|error| failed(origin, &error))?;
            let Some(account) = account else {
                let (request_id, identity) = (origin.request_id, &token.pair);
                tracing::info!(request_id, %identity, "access token refused: its identity belongs to no user");
                return Err(NotAdmitted::WrongAccessToken);
            };
            let checked_by = Arc::downgrade(provider);
            return Ok(Arc::new(Bearer { token, checked_by, user: account.user.id, at: now }));
        }
        Err(not_admitted)
    }

    /// Checks a signature, unless too many before were wrong. A wrong one is counted when this returns.
    ///
    /// The budget is not reserved during the check, which is over before another request begins. With counters in Redis, the
    /// requests in flight are checked as well; a signature cannot be guessed, so that they cost only time.
    async fn check_signature(
        &self,
        unverified: UnverifiedAccessToken<'_>,
        key: &BearerKey,
        origin: &Origin<'_>,
    ) -> Result<Result<AccessToken, Rejection>, NotAdmitted> {
        let backend = unverified.claimed().backend.clone();
        // No stranger has such a token.
        let was_right = self.bearers.was_right(key);
        let known = self.bearers.known(network(origin), unverified.claimed());
        let (throttle, now) = (&self.sign_in.throttle, self.clock.now());
        let admitted = match &known {
            _ if was_right => Ok(()),
            Some(forgeries) => forgeries.admit(now),
            None => throttle.admits(origin.client_addr.or_proxy(), origin.limits).await,
        };
        if let Err(Wait(retry_after)) = admitted {
            self.audit.record(&origin.failure("throttled", None));
            return Err(NotAdmitted::Throttled { retry_after });
        }
        let checked = unverified.verify();
        if let (false, Err(rejection)) = (was_right, &checked) {
            let event = origin.failure(rejection.as_str(), None);
            self.audit.record(&AuditEvent { backend: Some(backend.as_str()), ..event });
            let address = ThrottleKey::Address(network(origin));
            if let Some(forgeries) = known {
                forgeries.note(now);
            } else if let Ok(attempt) = throttle.attempt_by(address, origin.limits).await {
                // The claims are whoever's, so that the record names no user.
                let nobody = Subject { typed_name: "", name: None, account: None, pair: None };
                CountedAttempt::new(attempt, self.audit.clone(), origin, &nobody).failed().await;
            }
        }
        Ok(checked)
    }
}

/// Whether the certificate that a token is bound to was not shown.
fn is_missing(bound_to: Option<CertificateHash>, shown: Option<CertificateHash>) -> bool {
    bound_to.is_some_and(|hash| shown != Some(hash))
}

fn log_bound(origin: &Origin<'_>, provider: &BackendName, reason: &str) {
    tracing::info!(request_id = origin.request_id, %provider, reason, "access token refused");
}

fn network(origin: &Origin<'_>) -> Network {
    Network::of(origin.client_addr.or_proxy())
}

const NOT_SHOWN: &str = "it is bound to a client certificate, and the connection has not shown this one";
const NOT_CHECKED: &str =
    "it is bound to a key (`cnf`) otherwise than by `x5t#S256` alone; DPoP is not supported";
