//! The hash of a client certificate, by which a provider binds an access token to it.

/// SHA-256 of a certificate in DER: `x5t#S256` (RFC 8705 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateHash(pub [u8; 32]);
