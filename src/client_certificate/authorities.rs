//! All authorities of client certificates, and the judgement of a certificate.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustls::{DistinguishedName, Error, pki_types::UnixTime};

use super::{ClientAuthority, PresentedCertificate};
use crate::{clock::Timestamp, error_chain::ErrorChain, identity::UserName};

/// All authorities of client certificates.
#[derive(Debug)]
pub struct ClientAuthorities {
    authorities: Vec<ClientAuthority>,
    /// Counts the changes of revocation lists: a judgement by another number has to be made again.
    lists_version: AtomicU64,
}

/// Why a certificate names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRefusal {
    /// No authority has issued it, or it has expired, is revoked, or is for another use.
    Untrusted,
    /// No rule finds a name in the certificate.
    NamesNobody,
    /// The certificate names more than one user.
    NamesSeveral,
}

impl ClientAuthorities {
    /// Authorities whose lists have not been read again yet.
    pub fn new(authorities: Vec<ClientAuthority>) -> Self {
        Self { authorities, lists_version: AtomicU64::default() }
    }

    /// The user that a certificate names as of now. If several authorities or rules are about it, all have to name the same.
    pub fn judge(
        &self,
        certificate: &PresentedCertificate,
        now: Timestamp,
    ) -> Result<UserName, CertificateRefusal> {
        let now = unix_time(now);
        let issuers = self.authorities.iter().filter(|authority| authority.verify(certificate, now).is_ok());
        let (mut users, mut is_trusted) = (Vec::new(), false);
        for issuer in issuers {
            is_trusted = true;
            users.extend(issuer.users(certificate));
        }
        users.sort();
        users.dedup();
        match (users.pop(), users.is_empty(), is_trusted) {
            (_, _, false) => Err(CertificateRefusal::Untrusted),
            (None, _, true) => Err(CertificateRefusal::NamesNobody),
            (Some(user), true, true) => Ok(user),
            (Some(_), false, true) => Err(CertificateRefusal::NamesSeveral),
        }
    }

    /// The number of the revocation lists, which changes with each of them.
    pub fn lists_version(&self) -> u64 {
        self.lists_version.load(Ordering::Acquire)
    }

    /// Reads revocation lists that have changed on disk. Lists that cannot be used are logged, and the old ones stay until
    /// they are overdue. Reads files: not for a worker.
    pub fn refresh(&self) {
        for authority in &self.authorities {
            match authority.refresh() {
                Ok(false) => {}
                Ok(true) => {
                    self.lists_version.fetch_add(1, Ordering::AcqRel);
                    tracing::info!("certificate revocation lists read again");
                }
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::error!(%error, "certificate revocation lists not read; the old ones stay in use");
                }
            }
        }
    }

    /// Verifies a certificate in a handshake: whether any authority has issued it.
    pub(super) fn verify(&self, certificate: &PresentedCertificate, now: UnixTime) -> Result<(), Error> {
        let mut refused = Error::General("no authority of client certificates is configured".to_owned());
        for authority in &self.authorities {
            match authority.verify(certificate, now) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The names of all authorities.
    pub(super) fn subjects(&self) -> Vec<DistinguishedName> {
        self.authorities.iter().flat_map(ClientAuthority::subjects).collect()
    }
}

fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or_default()))
}
