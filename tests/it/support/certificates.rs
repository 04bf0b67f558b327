//! Certificates that a test makes, as files.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SanType, date_time_ymd,
};
use rustls::{
    ServerConfig,
    client::ResolvesClientCert,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};

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

/// An authority of a test, which signs certificates of servers.
pub struct TestAuthority(CertifiedIssuer<'static, KeyPair>);

impl TestAuthority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its certificate.
    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Its certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate.
    pub fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        params.signed_by(key, &self.0).expect("a certificate")
    }

    /// An authority below this one.
    pub fn below(&self, number: u64) -> Self {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("authority {number} of a test"));
        params.serial_number = Some(number.into());
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::signed_by(params, key, &self.0).expect("an authority"))
    }

    /// A certificate of a client with these names and this serial number.
    pub fn issue_to(&self, names: Vec<SanType>, serial: u64) -> ClientIdentity {
        let mut params = CertificateParams::new([]).expect("parameters");
        params.subject_alt_names = names;
        params.serial_number = Some(serial.into());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue_as(&params)
    }

    /// A certificate of a client, made of these parameters.
    pub fn issue_as(&self, params: &CertificateParams) -> ClientIdentity {
        let key = KeyPair::generate().expect("a key");
        let certificate = self.sign(params, &key);
        ClientIdentity { chain: vec![certificate.der().clone()], key }
    }

    /// A revocation list with these serial numbers, as PEM; the next one is due at the beginning of this year.
    pub fn revocation_list(&self, revoked: &[u64], next: i32) -> String {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2015, 1, 1),
            next_update: date_time_ymd(next, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: (*serial).into(),
                    revocation_time: date_time_ymd(2016, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).expect("a list").pem().expect("PEM")
    }

    /// A certificate for these names, valid until the beginning of this year, and its key.
    pub fn issue(&self, names: &[&str], until: i32) -> (Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        params.not_before = date_time_ymd(2015, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.0).expect("a certificate"), key)
    }

    /// TLS of a server with such a certificate.
    pub fn server_config(&self, names: &[&str], until: i32) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(names, until);
        server_config(certificate.der(), &key)
    }
}

/// The certificate of a client, with its chain and its key.
pub struct ClientIdentity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

impl ClientIdentity {
    /// As rustls takes it.
    pub fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = default_provider().key_provider.load_private_key(key).expect("a key");
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(self.chain.clone(), key)))
    }
}

/// A certificate that a server made for itself, marked as an authority as OpenSSL does, and TLS of the server.
pub fn own_authority(name: &str) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let mut params = CertificateParams::new([name.to_owned()]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.der().clone(), server_config(certificate.der(), &key))
}

fn server_config(certificate: &CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key);
    Arc::new(config.expect("a certificate with its key"))
}
