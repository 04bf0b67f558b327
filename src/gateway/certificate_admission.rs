//! The use of the connection's client certificate in a request.
//!
//! On an app that wants certificates, one signs its user in where no session does, and is a factor beside a session of the
//! same user. The session of another user stays what it is: Bob's certificate in Alice's browser makes no other user of
//! Alice. The gateway's own pages know no certificates: people sign in there with a second proof.

use std::rc::Rc;

use super::{
    Result, Walk,
    client_certificate::{ClientCertificate, CountedCertificate},
    identify::{Caller, Carrier},
};
use crate::{
    access::App,
    client_certificate::CertificateUse,
    error_chain::ErrorChain,
    identity::{CertificateHash, Proof, ProofMethod},
    refusal::Refusal,
    request::{Authority, Target},
    session::Presented,
};

impl Walk<'_> {
    /// The sender of a request to an app, once the certificate of the connection is looked at.
    pub(super) async fn admit_certificate(
        &self,
        caller: Caller,
        app: &App,
        target: &Target,
    ) -> Result<Caller> {
        let (used, is_required) = self.snapshot.certificate_use(app, target)?;
        if used == CertificateUse::Ignored && !is_required {
            return Ok(caller);
        }
        let without = |caller| if is_required { Err(Refusal::NoCertificate) } else { Ok(caller) };
        let Some(counted) = self.counted_certificate(target).filter(|_| used != CertificateUse::Ignored)
        else {
            return without(caller);
        };
        let account = match counted.account(self.gateway).await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(
                    request_id = %self.record.id, error = %ErrorChain(&error),
                    "user lookup for a client certificate failed"
                );
                return if is_required { Err(Refusal::Unavailable) } else { Ok(caller.or_unknown()) };
            }
        };
        let identity = account.as_ref().and_then(|account| account.identity_by_certificate());
        let (Some(account), Some(identity)) = (account, identity) else { return without(caller) };
        let proof = Proof { method: ProofMethod::Certificate, at: self.record.time };
        match caller.identity.user().map(|user| user.id) {
            // The session cannot be looked up. It may be of another user than the certificate, so nobody is signed in by that.
            None if caller.is_unknown => Ok(caller),
            None => Ok(Caller {
                // Data of a visitor is not the user's.
                presented: Presented::Absent,
                carrier: Carrier::Certificate,
                account: Some(account),
                identity,
                proofs: proof.into(),
                certificate: Some(counted),
                ..caller
            }),
            Some(id) if id == account.user.id => {
                let proofs = if caller.carrier == Carrier::Session {
                    caller.proofs.with(proof)
                } else {
                    caller.proofs
                };
                Ok(Caller { proofs, certificate: Some(counted), ..caller })
            }
            Some(_) => without(caller),
        }
    }

    /// The certificate of the connection, if it names a user on this host.
    fn counted_certificate(&self, target: &Target) -> Option<CountedCertificate> {
        let certificate = self.certificate_of_sender(target)?;
        match certificate.user(self.snapshot, self.record.time) {
            Ok(user) => Some(CountedCertificate::new(Rc::clone(certificate), user)),
            Err(refusal) => {
                tracing::info!(request_id = %self.record.id, ?refusal, "client certificate not accepted");
                None
            }
        }
    }

    /// The hash of the sender's certificate, for an access token that is bound to it.
    pub(super) fn certificate_hash(&self, target: &Target) -> Option<CertificateHash> {
        self.certificate_of_sender(target)?.hash(self.snapshot, self.record.time)
    }

    /// The certificate of the connection, if it is the sender's and was shown to this host.
    fn certificate_of_sender(&self, target: &Target) -> Option<&Rc<ClientCertificate>> {
        let certificate = self.connection.client_certificate.as_ref()?;
        // The certificate of a proxy is not that of the person behind it.
        if self.snapshot.proxies.trusts(self.connection.peer_addr) {
            return None;
        }
        // The certificate was shown to the host of the handshake, and to no other.
        let is_shown_here = match self.connection.server_name.as_ref().map(Authority::host) {
            Some(named) => named == target.authority.host(),
            None => self.snapshot.client_certificates.hosts.ask(None),
        };
        is_shown_here.then_some(certificate)
    }
}
