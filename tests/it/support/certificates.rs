//! Certificates that a test makes, as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustls::pki_types::CertificateDer;

/// A certificate that has signed itself, and its key.
pub struct SelfSigned {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub der: CertificateDer<'static>,
}

impl SelfSigned {
    /// Makes one for these names, in files of the folder that are called like the first of them.
    pub fn make(folder: &Path, names: &[&str]) -> Self {
        let made =
            rcgen::generate_simple_self_signed(names.iter().map(ToString::to_string).collect::<Vec<_>>())
                .expect("a certificate");
        let file = |kind: &str| folder.join(format!("{}.{kind}", names[0].replace('*', "any")));
        let (cert, key) = (file("pem"), file("key"));
        fs::write(&cert, made.cert.pem()).expect("writing the certificate");
        fs::write(&key, made.signing_key.serialize_pem()).expect("writing the key");
        Self { cert, key, der: made.cert.der().clone() }
    }

    /// The section that names it.
    pub fn section(&self) -> String {
        format!("[[tls.certificate]]\ncert = \"{}\"\nkey = \"{}\"\n", self.cert.display(), self.key.display())
    }
}
