//! The client certificate of a connection.
//!
//! `server` makes one [`ClientCertificate`] after the handshake; `certificate_admission` and `long_requests` ask whom it
//! names. The certificate is judged as of now, and not as of the handshake: against the authorities of this snapshot, with its dates
//! and the revocation lists. The last judgement is repeated for [`JUDGED_FOR`], unless snapshot or lists have changed.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use http::{HeaderName, HeaderValue};

use super::Gateway;
use crate::{
    client_certificate::{CertificateRefusal, PresentedCertificate},
    clock::Timestamp,
    forward::{CLIENT_CERT, CLIENT_CERT_CHAIN},
    identity::{CertificateHash, UserId, UserName},
    snapshot::Snapshot,
    users::{Account, DirectoryError},
};

/// The client certificate of a connection.
pub struct ClientCertificate {
    presented: PresentedCertificate,
    judged: RefCell<Option<Judged>>,
    /// The number of the user with the name that the certificate has, to read the account from the cache. The account says
    /// whether it still has that name.
    user_id: Cell<Option<UserId>>,
}

/// The last judgement, and its inputs.
struct Judged {
    generation: u64,
    lists_version: u64,
    at: Timestamp,
    user: Result<UserName, CertificateRefusal>,
}

/// A certificate that counted for a request, with the user whom it names.
#[derive(Clone)]
pub(super) struct CountedCertificate {
    certificate: Rc<ClientCertificate>,
    user: UserName,
}

impl ClientCertificate {
    /// The certificate of a new connection.
    pub fn new(presented: PresentedCertificate) -> Self {
        Self { presented, judged: RefCell::default(), user_id: Cell::default() }
    }

    /// Its hash, if an authority vouches for it as of now, whomever it names.
    pub(super) fn hash(&self, snapshot: &Snapshot, now: Timestamp) -> Option<CertificateHash> {
        let is_trusted = self.user(snapshot, now) != Err(CertificateRefusal::Untrusted);
        is_trusted.then(|| self.presented.hash())
    }

    /// The user that it names as of now.
    pub(super) fn user(&self, snapshot: &Snapshot, now: Timestamp) -> Result<UserName, CertificateRefusal> {
        let Some(authorities) = &snapshot.client_certificates.authorities else {
            return Err(CertificateRefusal::Untrusted);
        };
        // Read before the judgement, so that lists that change meanwhile are asked at the next request.
        let (generation, lists_version) = (snapshot.generation, authorities.lists_version());
        let mut judged = self.judged.borrow_mut();
        if let Some(last) = judged.as_ref()
            && (last.generation, last.lists_version) == (generation, lists_version)
            && last.at <= now
            && now.since(last.at) < JUDGED_FOR
        {
            return last.user.clone();
        }
        let user = authorities.judge(&self.presented, now);
        *judged = Some(Judged { generation, lists_version, at: now, user: user.clone() });
        user
    }
}

impl CountedCertificate {
    pub(super) fn new(certificate: Rc<ClientCertificate>, user: UserName) -> Self {
        Self { certificate, user }
    }

    /// Whether it still names the same user.
    pub(super) fn still_counts(&self, snapshot: &Snapshot, now: Timestamp) -> bool {
        self.certificate.user(snapshot, now).is_ok_and(|user| user == self.user)
    }

    /// The account that it names, as it is now.
    pub(super) async fn account(&self, gateway: &Gateway) -> Result<Option<Arc<Account>>, DirectoryError> {
        if let Some(id) = self.certificate.user_id.get()
            && let Some(account) = gateway.account(id).await?
            && account.user.name == self.user
        {
            return Ok(Some(account));
        }
        let account = gateway.shared.directory.account_by_name(&self.user).await?;
        self.certificate.user_id.set(account.as_ref().map(|account| account.user.id));
        Ok(account)
    }

    /// The headers in which an app receives it (RFC 9440).
    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let presented = &self.certificate.presented;
        let own = presented.header_value().map(|value| (CLIENT_CERT.clone(), value));
        let chain = presented.chain_header_value().map(|value| (CLIENT_CERT_CHAIN.clone(), value));
        own.into_iter().chain(chain).collect()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate").field(&self.presented).finish()
    }
}

impl fmt::Debug for CountedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CountedCertificate").field(&self.user).finish()
    }
}

/// How long a judgement is repeated. A signature is verified in a tenth of a millisecond, which no request should cost.
const JUDGED_FOR: Duration = Duration::from_secs(30);
