//! Trust in the certificates of `https://` upstreams.
//!
//! `config` makes a [`Trust`] of `upstream_ca` and `upstream_pin`, and `connect` does TLS with it. Trusted is a certificate
//! that an authority has signed for the upstream's name, and beside that, or instead, a certificate or key that the
//! operator named. Appliances make their own certificates: for another name, for ten years, marked as an authority. Naming
//! such a certificate is a stronger statement than its name, dates and marks, which are then not checked. In every case
//! the upstream has to prove that it holds the certificate's key.
//!
//! Mallory, with another certificate for the same name, is refused: bytes or keys are compared, never names.

use std::{fmt, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    sign::{CertifiedKey, SingleCertAndKey},
};

/// The certificates that are trusted.
#[derive(Debug)]
pub enum Trust {
    /// Certificates that these authorities have signed.
    Authorities(RootCertStore),
    /// Certificates that these authorities have signed, and the named certificates.
    Named {
        /// May be empty.
        authorities: RootCertStore,
        /// Certificates of upstreams themselves.
        certificates: Vec<CertificateDer<'static>>,
    },
    /// Certificates with one of these keys.
    Pinned(Vec<KeyPin>),
}

/// The SHA-256 of a certificate's key, as a `SubjectPublicKeyInfo` (RFC 7469 §2.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyPin(pub [u8; 32]);

impl KeyPin {
    /// The pin of a certificate; `None` if the certificate cannot be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
        digest(&SHA256, &key).as_ref().try_into().ok().map(Self)
    }
}

impl Trust {
    /// The TLS configuration of connections with this trust. A server that asks for a client certificate gets `client`.
    pub(crate) fn into_client_config(self, client: Option<&Arc<CertifiedKey>>) -> Arc<ClientConfig> {
        let provider = Arc::new(default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default versions");
        let builder = match self {
            Self::Authorities(roots) => builder.with_root_certificates(roots),
            Self::Named { authorities, certificates } => {
                // Without any authority there is no verifier, and only the named certificates are trusted.
                let authorities =
                    WebPkiServerVerifier::builder_with_provider(authorities.into(), Arc::clone(&provider));
                let trusted = Trusted::Named { authorities: authorities.build().ok(), certificates };
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier { trusted, provider }))
            }
            Self::Pinned(pins) => builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier {
                trusted: Trusted::Pinned(pins),
                provider,
            })),
        };
        let mut config = match client {
            Some(client) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(client))))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

#[derive(Debug)]
struct Verifier {
    trusted: Trusted,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trusted {
    Named { authorities: Option<Arc<WebPkiServerVerifier>>, certificates: Vec<CertificateDer<'static>> },
    Pinned(Vec<KeyPin>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::Named { certificates, .. } if certificates.iter().any(|named| named == own) => {
                Ok(ServerCertVerified::assertion())
            }
            Trusted::Named { authorities: Some(authorities), .. } => {
                authorities.verify_server_cert(own, intermediates, name, ocsp, now)
            }
            Trusted::Named { authorities: None, .. } => Err(CertificateError::UnknownIssuer.into()),
            Trusted::Pinned(pins) => match KeyPin::of(own) {
                Some(pin) if pins.contains(&pin) => Ok(ServerCertVerified::assertion()),
                Some(pin) => Err(Error::General(format!(
                    "the upstream's key is {pin}, which `upstream_pin` does not name"
                ))),
                None => Err(CertificateError::BadEncoding.into()),
            },
        }
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

/// The form in the configuration.
impl fmt::Display for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", data_encoding::BASE64.encode(&self.0))
    }
}

impl fmt::Debug for KeyPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
