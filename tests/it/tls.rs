//! TLS from outside: versions, suites, tickets, the verdict of a scanner.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use time::{Duration, OffsetDateTime};

use crate::support::{
    client::plain,
    gateway::TestGateway,
    upstream::{PATIENCE, Upstream, public_app},
};

#[test]
fn asvs_12_1_1_versions_before_1_2_are_refused() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, ""));
    for (version, name) in [([3, 0], "SSL 3"), ([3, 1], "TLS 1.0"), ([3, 2], "TLS 1.1")] {
        let response = first_bytes_of(&gateway, &client_hello(version));
        // An alert (RFC 5246 §7.2) that is fatal: protocol_version or handshake_failure.
        let [21, _, _, 0, 2, 2, 70 | 40, ..] = response[..] else { panic!("{name}: {response:?}") };
    }
    let response = first_bytes_of(&gateway, &client_hello([3, 3]));
    assert_eq!(response.first(), Some(&22), "the same hello with 1.2 is answered: {response:?}");
}

#[test]
fn asvs_12_1_1_a_hello_of_ssl_2_gets_no_handshake() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, ""));
    // Length, CLIENT-HELLO, version 0.2, one cipher of three bytes, a challenge of sixteen.
    let hello = [&[0x80, 0x1c, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80][..], &[7; 16]].concat();
    let response = first_bytes_of(&gateway, &hello);
    assert!(response.is_empty() || response[0] == 21, "{response:?}");
}

#[test]
fn asvs_12_1_2_weak_suites_are_refused() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, ""));
    for (suite, name) in [
        ([0x00, 0x05], "RC4"),
        ([0x00, 0x0a], "3DES"),
        ([0x00, 0x2f], "RSA with AES and CBC"),
        ([0x00, 0x9c], "RSA with AES and GCM: no forward secrecy"),
        ([0x00, 0x3b], "RSA without encryption"),
        ([0x00, 0x34], "nobody's key"),
        ([0xc0, 0x13], "ECDHE with CBC"),
        ([0xc0, 0x09], "ECDHE and ECDSA with CBC"),
        ([0xc0, 0x23], "ECDHE and ECDSA with CBC and SHA-256"),
    ] {
        let response = first_bytes_of(&gateway, &client_hello_with([3, 3], suite));
        let [21, _, _, 0, 2, 2, 40, ..] = response[..] else { panic!("{name}: {response:?}") };
    }
}

#[test]
fn asvs_12_2_1_nothing_is_served_in_clear_text() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let response = first_bytes_of(&gateway, request);
    assert!(response.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&response));
    let response = plain(gateway.addrs.http[0], request);
    assert!(response.starts_with("HTTP/1.1 308 "), "{response}");
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_session_ticket_of_one_worker_is_accepted_by_every_other() {
    let gateway = TestGateway::start(&public_app(&Upstream::ok().url, ""));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(gateway.certificate()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let kinds: Vec<_> = (0..12)
        .map(|_| {
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = ClientConnection::new(Arc::clone(&config), name).unwrap();
            let mut socket = TcpStream::connect(gateway.https()).unwrap();
            tls.writer().write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            // The ticket comes with the response.
            while tls.reader().read(&mut [0; 1024]).is_err() {
                tls.complete_io(&mut socket).unwrap();
            }
            tls.handshake_kind().unwrap()
        })
        .collect();
    assert!(!matches!(kinds[0], HandshakeKind::Resumed));
    // The kernel gives connections to both workers.
    assert!(kinds[1..].iter().all(|kind| *kind == HandshakeKind::Resumed), "{kinds:?}");
}

#[test]
fn asvs_12_1_2_a_scan_against_mozillas_intermediate_profile_passes() {
    let scanner = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/sslyze/python/bin/sslyze");
    assert!(scanner.exists(), "{} is missing; tests/run installs it", scanner.display());
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let certificate = format!(
        "[tls]\n[[tls.certificate]]\ncert = \"{0}/cert.pem\"\nkey = \"{0}/key.pem\"\n",
        folder.path().display()
    );
    let gateway = TestGateway::start_with(&certificate, &public_app(&Upstream::ok().url, ""));
    let output = Command::new(scanner)
        .arg("--mozilla_config=intermediate")
        .arg(format!("--certinfo_ca_file={}/authority.pem", folder.path().display()))
        .arg(format!("localhost:{}", gateway.https().port()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("OK - Compliant"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The first bytes that come back, or none.
fn first_bytes_of(gateway: &TestGateway, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(gateway.https()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(bytes).unwrap();
    let mut response = vec![0; 4096];
    // A reset counts as a response.
    let length = socket.read(&mut response).unwrap_or(0);
    response.truncate(length);
    response
}

/// A hello with a modern suite, as old as this.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    // ECDHE and ECDSA with AES and GCM.
    client_hello_with(version, [0xc0, 0x2b])
}

/// RFC 5246 §7.4.1.2, with the extensions that nobody can do without: a name, a curve, a signature.
fn client_hello_with(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    let extension = |kind: u8, content: &[u8]| [&[0, kind][..], &counted(content)].concat();
    let name = [&[0][..], &counted(b"localhost")].concat();
    let extensions = [
        extension(0, &counted(&name)),
        extension(10, &counted(&[0, 23, 0, 29])),
        extension(11, &[1, 0]),
        extension(13, &counted(&[4, 3, 8, 4, 4, 1, 2, 1])),
    ]
    .concat();
    let body = [&version[..], &[7; 32], &[0], &counted(&suite), &[1, 0], &counted(&extensions)].concat();
    let handshake = [&[1, 0][..], &counted(&body)].concat();
    [&[22, 3, version[1].min(1)][..], &counted(&handshake)].concat()
}

/// With its length before it, in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a length").to_be_bytes();
    [&length[..], bytes].concat()
}

/// A certificate like one that an authority gives today: ECDSA on P-256, for ninety days.
fn make_certificate(folder: &Path) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "an authority of a test");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = params.not_before + Duration::days(90);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}
