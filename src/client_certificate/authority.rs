//! One authority of client certificates: its certificates, its revocation lists, its rules.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use rustls::{
    DistinguishedName, Error, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateRevocationListDer, UnixTime},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    PresentedCertificate, RevocationListError, RevocationLists, StaleList, UserRule,
    revocation_lists::FileStamp,
};
use crate::identity::UserName;

/// An authority, whose certificates name users by its own rules: a rule is never asked about a certificate that another
/// authority has issued, even one of the same name.
pub struct ClientAuthority {
    roots: Arc<RootCertStore>,
    lists: RevocationLists,
    rules: Vec<UserRule>,
    verifier: ArcSwap<Verifier>,
    stamps: Mutex<Vec<Option<FileStamp>>>,
}

struct Verifier(Arc<dyn ClientCertVerifier>);

/// An authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthorityError {
    /// A revocation list.
    #[error(transparent)]
    List(#[from] RevocationListError),
    /// rustls cannot work with the certificates or the lists.
    #[error("preparing the verification of client certificates")]
    Verifier(#[source] VerifierBuilderError),
}

impl ClientAuthority {
    /// The authority with these certificates, whose revocation lists are read now.
    pub fn new(
        roots: RootCertStore,
        lists: RevocationLists,
        rules: Vec<UserRule>,
    ) -> Result<Self, ClientAuthorityError> {
        let roots = Arc::new(roots);
        // Before the files are read: a file that is replaced in between is read once more.
        let stamps = Mutex::new(lists.stamps());
        let verifier = verifier(&roots, lists.read()?, lists.stale)?;
        let verifier = ArcSwap::from_pointee(Verifier(verifier));
        Ok(Self { roots, lists, rules, verifier, stamps })
    }

    /// Reads the revocation lists again if a file has changed. Returns whether one had; with an error the old lists stay,
    /// until they are overdue.
    pub(super) fn refresh(&self) -> Result<bool, ClientAuthorityError> {
        let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.lists.stamps();
        if *known == found {
            return Ok(false);
        }
        // Noted first: a file that cannot be used is reported once and not at every look.
        *known = found;
        let verifier = verifier(&self.roots, self.lists.read()?, self.lists.stale)?;
        self.verifier.store(Arc::new(Verifier(verifier)));
        Ok(true)
    }

    /// Verifies a certificate as of now: its chain, dates, use and revocation.
    pub(super) fn verify(&self, certificate: &PresentedCertificate, now: UnixTime) -> Result<(), Error> {
        let verifier = self.verifier.load();
        verifier.0.verify_client_cert(certificate.own(), certificate.intermediates(), now).map(drop)
    }

    /// The users that a verified certificate of this authority names.
    pub(super) fn users(&self, certificate: &PresentedCertificate) -> Vec<UserName> {
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate.own()) else {
            return Vec::new();
        };
        self.rules.iter().flat_map(|rule| rule.users(&parsed)).collect()
    }

    /// The names that clients choose a certificate by.
    pub(super) fn subjects(&self) -> Vec<DistinguishedName> {
        self.roots.subjects()
    }
}

/// Without a list, revocation is not checked. With one, every certificate of a chain needs a list that says it is not revoked.
fn verifier(
    roots: &Arc<RootCertStore>,
    lists: Vec<CertificateRevocationListDer<'static>>,
    stale: StaleList,
) -> Result<Arc<dyn ClientCertVerifier>, ClientAuthorityError> {
    let provider = Arc::new(default_provider());
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), provider).with_crls(lists);
    if stale == StaleList::Refuses {
        builder = builder.enforce_revocation_expiration();
    }
    builder.build().map_err(ClientAuthorityError::Verifier)
}

impl fmt::Debug for ClientAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lists, rules, .. } = self;
        f.debug_struct("ClientAuthority").field("lists", lists).field("rules", rules).finish_non_exhaustive()
    }
}
