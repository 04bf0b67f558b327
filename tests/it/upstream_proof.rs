//! `upstream_auth`: an app can tell the gateway from any other client.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use crate::support::{
    client::RawClient,
    gateway::TestGateway,
    upstream::{OK, Received, Upstream, app_below, public_app},
};

fn secret(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// The request as it arrives, if a client sends these header fields.
fn received(gateway: &TestGateway, upstream: &Upstream, fields: &str) -> Received {
    assert_eq!(RawClient::connect(gateway).get("/", fields).status, 200);
    upstream.last()
}

#[test]
fn a_secret_header_is_sent_to_its_app_and_never_taken_from_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "secret", "tulip-42\n");
    let upstream = Upstream::ok();
    let keys = format!("upstream_auth = {{ header = \"X-Gateway-Secret\", file = \"{file}\" }}");
    let gateway = TestGateway::start(&public_app(&upstream.url, &keys));
    for fields in [
        "",
        "X-Gateway-Secret: forged\r\n",
        "x_gateway_secret: forged\r\n",
        "X.Gateway.Secret: forged\r\n",
        "Connection: X-Gateway-Secret\r\n",
        "X-Gateway-Secret: forged\r\nX-Gateway-Secret: again\r\n",
    ] {
        let request = received(&gateway, &upstream, fields);
        assert_eq!(request.values("x-gateway-secret"), ["tulip-42"], "{fields}: {}", request.head);
        assert!(!request.head.contains("forged"), "{fields}: {}", request.head);
    }
    // An app without a secret gets none, and no forged one either.
    let other = Upstream::ok();
    let apps = format!(
        "{}\n{}",
        public_app(&upstream.url, &format!("host = \"localhost\"\n{keys}")),
        public_app(&other.url, "host = \"other.test\"").replace("\"app\"", "\"other\"")
    );
    gateway.reload("", &apps);
    let mut client = RawClient::connect_nameless(&gateway);
    client.send("GET / HTTP/1.1\r\nHost: other.test\r\nX-Gateway-Secret: forged\r\n\r\n");
    assert_eq!(client.response().status, 200);
    assert_eq!(other.last().values("x-gateway-secret"), Vec::<&str>::new());
    // A reload reads the file again.
    secret(folder.path(), "secret", "daisy-43\n");
    gateway.reload("", &public_app(&upstream.url, &keys));
    assert_eq!(received(&gateway, &upstream, "").values("x-gateway-secret"), ["daisy-43"]);
    let log = gateway.drained().iter().map(ToString::to_string).collect::<String>();
    assert!(!log.contains("tulip") && !log.contains("daisy"), "{log}");
}

#[test]
fn a_fixed_account_replaces_the_authorization_of_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "password", "open sesame\n");
    let upstream = Upstream::ok();
    let keys = format!("upstream_auth = {{ basic = \"Aladdin\", file = \"{file}\" }}");
    let gateway = TestGateway::start(&public_app(&upstream.url, &keys));
    for fields in [
        "",
        "Authorization: Bearer forged\r\n",
        "Authorization: Basic Zm9yZ2Vk\r\nAuthorization: Basic YWdhaW4=\r\n",
        "Connection: Authorization\r\n",
    ] {
        let request = received(&gateway, &upstream, fields);
        assert_eq!(
            request.values("authorization"),
            ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
            "{fields}: {}",
            request.head
        );
    }
    gateway.reload("", &public_app(&upstream.url, ""));
    assert_eq!(
        received(&gateway, &upstream, "Authorization: Bearer own\r\n").values("authorization"),
        ["Bearer own"]
    );
}

#[test]
fn the_built_in_app_that_shows_requests_is_sent_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = secret(folder.path(), "secret", "tulip-42\n");
    let keys = format!("upstream_auth = {{ header = \"X-Gateway-Secret\", file = \"{file}\" }}");
    let gateway = TestGateway::start(&public_app("builtin:whoami", &keys));
    let shown = RawClient::connect(&gateway).get("/", "X-Gateway-Secret: forged\r\n");
    assert!(!shown.text().contains("tulip") && !shown.text().contains("forged"), "{}", shown.text());
}

/// An upstream that takes only clients whose certificate this authority has signed, and a certificate of one.
struct Guarded {
    upstream: Upstream,
    pin: String,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Guarded {
    fn start() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let pin = portcullis::forward::KeyPin::of(certificate.der()).unwrap().to_string();
        Self { upstream: Upstream::tls_as(Arc::new(config)), pin, authority }
    }

    /// The keys of an app that shows a certificate, signed by the authority or by nobody.
    fn keys(&self, folder: &Path, is_signed: bool) -> String {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["gateway.test".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate =
            if is_signed { params.signed_by(&key, &self.authority) } else { params.self_signed(&key) }
                .unwrap();
        let cert = secret(folder, "client.pem", &certificate.pem());
        let key = secret(folder, "client.key", &key.serialize_pem());
        format!(
            "upstream_pin = \"{}\"\nupstream_auth = {{ certificate = \"{cert}\", key = \"{key}\" }}",
            self.pin
        )
    }
}

#[test]
fn a_client_certificate_opens_an_upstream_that_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let guarded = Guarded::start();
    let gateway = TestGateway::start(&public_app(&guarded.upstream.url, &guarded.keys(folder.path(), true)));
    let asked = || RawClient::connect(&gateway).get("/", "").status;
    assert_eq!(asked(), 200);
    // The files are read again with the configuration, and no connection under the old certificate is used any more.
    gateway.reload("", &public_app(&guarded.upstream.url, &guarded.keys(folder.path(), false)));
    assert_eq!(asked(), 502);
    gateway.reload("", &public_app(&guarded.upstream.url, &format!("upstream_pin = \"{}\"", guarded.pin)));
    assert_eq!(asked(), 502);
    gateway.reload("", &public_app(&guarded.upstream.url, &guarded.keys(folder.path(), true)));
    assert_eq!(asked(), 200);
}

#[test]
fn apps_with_different_proofs_share_no_connection_to_one_upstream() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), numbering());
    let [one, two] = ["one", "two"].map(|name| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        app_below(name, &upstream.url, &secret_header(&folder, name))
    });
    let gateway = TestGateway::start(&format!("{one}{two}{}", app_below("none", &upstream.url, "")));
    let mut client = RawClient::connect(&gateway);
    let mut number = |path: &str| client.get(path, "").text().to_owned();
    let first = ["/one/", "/two/", "/none/"].map(&mut number);
    assert!(first[0] != first[1] && first[1] != first[2] && first[0] != first[2], "{first:?}");
    // Each goes on with its own.
    for _ in 0..3 {
        assert_eq!(["/one/", "/two/", "/none/"].map(&mut number), first);
    }
    assert_eq!(upstream.connections(), 3);
}

#[test]
fn a_reload_reads_the_secret_again_and_uses_no_connection_of_the_old_one() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), numbering());
    let apps = public_app(&upstream.url, &secret_header(folder.path(), "old"));
    let gateway = TestGateway::start(&apps);
    let mut client = RawClient::connect(&gateway);
    let before = client.get("/", "").text().to_owned();
    assert_eq!(upstream.last().value("x-gateway-secret"), "old");
    secret_header(folder.path(), "new");
    gateway.reload("", &apps);
    let after = client.get("/", "").text().to_owned();
    assert_eq!(upstream.last().value("x-gateway-secret"), "new");
    assert_ne!(before, after);
}

#[test]
fn the_secret_stands_in_no_log_no_metric_and_no_printed_setting() {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, dead) = (Upstream::ok(), Upstream::dead());
    let keys = secret_header(folder.path(), "velvet-turbine");
    let apps = format!("{}{}", app_below("proved", &upstream.url, &keys), app_below("dead", &dead, &keys));
    let gateway = TestGateway::start(&apps);
    let mut client = RawClient::connect(&gateway);
    client.get("/proved/", "");
    let refused = client.get("/dead/", "Accept: text/html\r\n");
    assert_eq!(refused.status, 502);
    let settings = format!("{:?}", gateway.shared.current.load_full());
    assert!(settings.contains("x-gateway-secret"), "the setting is there");
    for text in [settings, gateway.metrics(), refused.text().to_owned(), format!("{:?}", gateway.log())] {
        assert!(!text.contains("velvet-turbine"), "{text}");
    }
}

/// An upstream that responds with the number of the connection.
fn numbering() -> Upstream {
    Upstream::scripted(|conn| {
        while conn.request()?.is_some() {
            let number = conn.number.to_string();
            conn.send(
                OK.replace("length: 2", &format!("length: {}", number.len()))
                    .replace("\r\n\r\nok", &format!("\r\n\r\n{number}"))
                    .as_bytes(),
            )?;
        }
        Ok(())
    })
}

/// The key of an app for a secret in a header.
fn secret_header(folder: &Path, text: &str) -> String {
    format!(
        "upstream_auth = {{ header = \"X-Gateway-Secret\", file = {:?} }}\n",
        secret(folder, "secret", &format!("{text}\n"))
    )
}
