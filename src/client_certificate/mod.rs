//! Client certificates: the authorities that issue them, their revocation lists, and the user that each one names.
//!
//! `config` makes [`ClientAuthorities`] of `[[tls.client_ca]]`. `server` asks for certificates on the hosts of
//! [`CertificateHosts`] and verifies them in the handshake with [`HandshakeVerifier`]. `gateway` judges the certificate of a
//! connection again for each request, by [`ClientAuthorities::judge`]: a TLS session that is resumed is not verified by TLS,
//! and a connection may be older than the revocation of its certificate.
//!
//! A certificate names a user by its issuer and a subject alternative name, or by its issuer and its key; never by its
//! common name, which anybody may have in a certificate of another authority. Whether the user is active is left to `users`.

mod authorities;
mod authority;
mod certificate_use;
mod handshake;
mod hosts;
mod presented;
mod revocation_lists;
mod settings;
mod user_rule;

pub use authorities::{CertificateRefusal, ClientAuthorities};
pub use authority::{ClientAuthority, ClientAuthorityError};
pub use certificate_use::CertificateUse;
pub use handshake::HandshakeVerifier;
pub use hosts::CertificateHosts;
pub use presented::PresentedCertificate;
pub use revocation_lists::{RevocationListError, RevocationLists, StaleList};
pub use settings::ClientCertificates;
pub use user_rule::{CertificateName, KeyHash, NamePattern, UnfitPattern, UserRule};
