//! The verification of a client certificate in the TLS handshake.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{ClientAuthorities, PresentedCertificate};

/// Asks clients for a certificate, and refuses one that no authority has issued. A client without any goes on: the pages of
/// the gateway and apps that want none are on the same host, and an app that wants one refuses it with a page that says so.
pub struct HandshakeVerifier {
    authorities: Arc<ClientAuthorities>,
    subjects: Vec<DistinguishedName>,
    provider: CryptoProvider,
}

impl HandshakeVerifier {
    /// Verifies certificates of these authorities.
    pub fn new(authorities: Arc<ClientAuthorities>) -> Self {
        let subjects = authorities.subjects();
        Self { authorities, subjects, provider: default_provider() }
    }
}

impl ClientCertVerifier for HandshakeVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // Before any signature: each one costs more than the client has spent.
        let is_small = |certificate: &CertificateDer<'_>| certificate.len() <= MAX_CERTIFICATE_BYTES;
        if intermediates.len() > MAX_INTERMEDIATES || !is_small(own) || !intermediates.iter().all(is_small) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        let chain: Vec<CertificateDer<'_>> = std::iter::once(own).chain(intermediates).cloned().collect();
        let presented = PresentedCertificate::of_chain(&chain).ok_or(CertificateError::BadEncoding)?;
        self.authorities.verify(&presented, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for HandshakeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HandshakeVerifier").field(&self.authorities).finish()
    }
}

/// A chain of four: the client's own certificate and three between it and the authority.
const MAX_INTERMEDIATES: usize = 3;
/// A certificate has one to two kilobytes; one of a post-quantum signature has eight.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
