//! Certificates of `https://` upstreams that no authority has signed: they are trusted where they are named, and
//! nowhere else.

use std::path::Path;

use portcullis::forward::KeyPin;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};

use crate::support::{
    client::RawClient,
    gateway::TestGateway,
    upstream::{Upstream, public_app},
};

/// A certificate that an appliance made for itself.
struct Own {
    certificate: Certificate,
    key: KeyPair,
}

const HERE: &str = "127.0.0.1";

fn own(name: &str, is_ca: IsCa, until: i32) -> Own {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = is_ca;
    params.not_after = date_time_ymd(until, 1, 1);
    params.not_before = date_time_ymd(2015, 1, 1);
    let key = KeyPair::generate().unwrap();
    Own { certificate: params.self_signed(&key).unwrap(), key }
}

fn authority() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

impl Own {
    fn serve(&self) -> Upstream {
        Upstream::tls_with(self.certificate.der(), &self.key)
    }

    /// The key that names its file.
    fn file(&self, folder: &Path) -> String {
        let path = folder.join("upstream.pem");
        std::fs::write(&path, self.certificate.pem()).unwrap();
        format!("upstream_ca = \"{}\"", path.display())
    }

    fn pin(&self) -> String {
        KeyPin::of(self.certificate.der()).unwrap().to_string()
    }
}

/// Which status a request gets, and whether it reached the upstream.
fn asked(upstream: &Upstream, keys: &str) -> (u16, bool) {
    let gateway = TestGateway::start(&public_app(&upstream.url, keys));
    let status = RawClient::connect(&gateway).get("/", "").status;
    (status, !upstream.seen().is_empty())
}

#[test]
fn a_self_signed_certificate_is_trusted_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_ca, until) in [
        (HERE, authority(), 4000),
        (HERE, IsCa::ExplicitNoCa, 4000),
        (HERE, IsCa::NoCa, 4000),
        ("appliance.local", authority(), 4000),
        ("appliance.local", IsCa::ExplicitNoCa, 2016),
    ] {
        let own = own(name, is_ca, until);
        assert_eq!(asked(&own.serve(), &own.file(folder.path())), (200, true), "{name} {until}, as a file");
        let pin = format!("upstream_pin = {:?}", own.pin());
        assert_eq!(asked(&own.serve(), &pin), (200, true), "{name} {until}, as a pin");
    }
}

#[test]
fn another_certificate_of_the_same_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for is_ca in [authority(), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let (named, other) = (own(HERE, is_ca, 4000), own(HERE, is_ca, 4000));
        assert_eq!(asked(&other.serve(), &named.file(folder.path())), (502, false));
        assert_eq!(asked(&other.serve(), &format!("upstream_pin = {:?}", named.pin())), (502, false));
        let both = format!("upstream_pin = [{:?}, {:?}]", named.pin(), other.pin());
        assert_eq!(asked(&other.serve(), &both), (200, true));
    }
}

#[test]
fn a_pin_alone_decides_even_where_an_authority_has_signed() {
    let (upstream, _) = Upstream::tls();
    let other = own(HERE, authority(), 4000);
    assert_eq!(asked(&upstream, &format!("upstream_pin = {:?}", other.pin())), (502, false));
}

#[test]
fn a_named_certificate_that_is_no_authority_vouches_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    for (is_ca, reached) in
        [(authority(), (200, true)), (IsCa::ExplicitNoCa, (502, false)), (IsCa::NoCa, (502, false))]
    {
        let mut params = CertificateParams::new(["appliance.local".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = folder.path().join("issuer.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new([HERE.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let upstream = Upstream::tls_with(signed.der(), &key);
        assert_eq!(asked(&upstream, &format!("upstream_ca = \"{}\"", file.display())), reached);
    }
}

#[test]
fn an_upstream_without_the_key_of_its_named_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let named = own(HERE, IsCa::ExplicitNoCa, 4000);
    let stolen = Upstream::tls_with(named.certificate.der(), &KeyPair::generate().unwrap());
    assert_eq!(asked(&stolen, &named.file(folder.path())), (502, false));
    assert_eq!(asked(&stolen, &format!("upstream_pin = {:?}", named.pin())), (502, false));
}
