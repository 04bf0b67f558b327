//! The certificate that a client has shown, as a connection keeps it.

use std::fmt;

use aws_lc_rs::digest;
use data_encoding::BASE64;
use http::HeaderValue;
use rustls::pki_types::CertificateDer;

use crate::identity::CertificateHash;

/// The certificate of a client, whose key the client has proved to hold, with the intermediate ones that came with it.
#[derive(Clone, PartialEq, Eq)]
pub struct PresentedCertificate {
    own: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl PresentedCertificate {
    /// The chain of a TLS connection; `None` if it is empty, because the client has shown no certificate.
    pub fn of_chain(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (own, intermediates) = chain.split_first()?;
        let intermediates = intermediates.iter().map(|der| der.clone().into_owned()).collect();
        Some(Self { own: own.clone().into_owned(), intermediates })
    }

    /// The client's own certificate.
    pub fn own(&self) -> &CertificateDer<'static> {
        &self.own
    }

    /// The hash of the client's own certificate.
    pub fn hash(&self) -> CertificateHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.own).as_ref());
        CertificateHash(hash)
    }

    /// The certificates between it and the authority.
    pub fn intermediates(&self) -> &[CertificateDer<'static>] {
        &self.intermediates
    }

    /// The value of `Client-Cert` (RFC 9440 §2.2).
    pub fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(byte_sequence(&self.own)).ok()
    }

    /// The value of `Client-Cert-Chain` (RFC 9440 §2.3); `None` if no intermediate certificate came.
    pub fn chain_header_value(&self) -> Option<HeaderValue> {
        let members: Vec<String> = self.intermediates.iter().map(byte_sequence).collect();
        if members.is_empty() { None } else { HeaderValue::try_from(members.join(", ")).ok() }
    }
}

/// RFC 9651 §4.1.8 (Serializing a Byte Sequence).
fn byte_sequence(certificate: &CertificateDer<'_>) -> String {
    format!(":{}:", BASE64.encode(certificate))
}

impl fmt::Debug for PresentedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { own, intermediates } = self;
        write!(f, "PresentedCertificate({} bytes, {} intermediates)", own.len(), intermediates.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_becomes_header_values_of_rfc_9440() {
        let der = |bytes: &[u8]| CertificateDer::from(bytes.to_vec());
        let presented = PresentedCertificate::of_chain(&[der(b"abc"), der(b"de"), der(b"f")]).unwrap();
        assert_eq!(presented.header_value().unwrap(), ":YWJj:");
        assert_eq!(presented.chain_header_value().unwrap(), ":ZGU=:, :Zg==:");
        assert_eq!(PresentedCertificate::of_chain(&[der(b"abc")]).unwrap().chain_header_value(), None);
        assert_eq!(PresentedCertificate::of_chain(&[]), None);
    }
}
