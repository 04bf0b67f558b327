//! Client certificates through real TLS: as the identity, as a factor, and every way in which one is worth nothing.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use data_encoding::BASE64;
use http::{Method, Request};
use portcullis::{config, identity::UserName};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustls::{
    HandshakeKind, NamedGroup,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue,
        Tls13ClientSessionValue,
    },
    pki_types::ServerName,
};
use tempfile::TempDir;

use crate::support::{
    certificates::{ClientIdentity, SelfSigned, TestAuthority},
    gateway::{TestGateway, password},
    process::{Workplace, until},
    slapd::{SERVICE, SUFFIX, Slapd},
    upstream::{Event, Upstream},
    visitor::{Protocol, Response, Visitor},
};

/// A gateway with an app that wants certificates on `a.example` and `b.example`, and one on `plain.example` that does not.
struct Stage {
    folder: TempDir,
    authority: TestAuthority,
    upstream: Upstream,
    gateway: TestGateway,
}

impl Stage {
    fn new(used: &str) -> Self {
        Self::with(used, "", "")
    }

    /// With further keys of the authority and of the app.
    fn with(used: &str, ca_keys: &str, app_keys: &str) -> Self {
        Self::before(Upstream::ok(), used, ca_keys, app_keys)
    }

    fn before(upstream: Upstream, used: &str, ca_keys: &str, app_keys: &str) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), TestAuthority::new());
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("ca.crl"), authority.revocation_list(&[], 4000)).unwrap();
        let ca = sections(&folder, ca_keys);
        let gateway = TestGateway::start_with(&ca, &apps(&upstream, used, app_keys));
        for name in ["alice", "bob"] {
            gateway.add_user(name, &[]);
        }
        Self { folder, authority, upstream, gateway }
    }

    /// A certificate with the e-mail address of this user.
    fn identity(&self, name: &str) -> ClientIdentity {
        self.authority.issue_to(vec![email(&format!("{name}@example.com"))], 7)
    }

    fn visitor(&self, host: &str) -> Visitor {
        Visitor::of(&self.gateway).on_host(host)
    }

    /// The status, and the user whom the upstream was told.
    fn served(&self, visitor: &mut Visitor) -> (u16, Option<String>) {
        let before = self.upstream.seen().len();
        let status = visitor.fetch(&Method::GET, "/").status.as_u16();
        let told = self.upstream.seen().get(before).map(|request| request.values("remote-user").join(","));
        (status, told)
    }

    /// Whether a visitor with this certificate is served anything: the handshake may fail, or the first request.
    fn is_refused(&self, identity: &ClientIdentity) -> bool {
        let mut visitor = self.visitor("a.example").showing(identity);
        let Ok(mut connection) = visitor.try_connect() else { return true };
        let request = Request::get("/").header("accept", "*/*").body(String::new()).unwrap();
        visitor.try_send_over(&mut connection, request).is_none_or(|response| response.status != 200)
    }

    /// Has the gateway look at the files of the revocation lists, as it does by itself every few seconds.
    fn refresh_lists(&self) {
        let snapshot = self.gateway.shared.current.load_full();
        snapshot.client_certificates.authorities.as_ref().unwrap().refresh();
    }
}

fn sections(folder: &TempDir, ca_keys: &str) -> String {
    let file = |name| folder.path().join(name).display().to_string();
    format!(
        "[[tls.client_ca]]\ncert = {:?}\ncrl = {:?}\n{ca_keys}\n[[tls.client_ca.user]]\nemail = \"*@example.com\"\n\
         [[tls.client_ca.user]]\nuri = \"spiffe://example.com/backup\"\nname = \"bob\"\n",
        file("ca.pem"),
        file("ca.crl")
    )
}

fn apps(upstream: &Upstream, used: &str, app_keys: &str) -> String {
    format!(
        "[[app]]\nname = \"app\"\nhost = [\"a.example\", \"b.example\"]\nupstream = {0:?}\nidentity = \"remote-user\"\n\
         client_certificate = \"{used}\"\n{app_keys}\n\
         [[app]]\nname = \"plain\"\nhost = [\"plain.example\", \"plain2.example\"]\nupstream = {0:?}\n\
         identity = \"remote-user\"\n",
        upstream.url
    )
}

fn email(address: &str) -> SanType {
    SanType::Rfc822Name(address.try_into().unwrap())
}

#[test]
fn a_certificate_signs_its_user_in_where_it_is_optional() {
    let stage = Stage::new("optional");
    let alice = stage.identity("alice");
    let mut visitor = stage.visitor("a.example").showing(&alice);
    assert_eq!(stage.served(&mut visitor), (200, Some("alice".to_owned())));
    // A TLS session that is resumed has the same certificate.
    assert_eq!(stage.served(&mut visitor), (200, Some("alice".to_owned())));
    let mut http2 = stage.visitor("a.example").showing(&alice).speaking(Protocol::Http2);
    assert_eq!(stage.served(&mut http2), (200, Some("alice".to_owned())));
    assert_eq!(stage.served(&mut stage.visitor("a.example")), (401, None), "without one, people sign in");
    assert_eq!(stage.served(&mut stage.visitor("plain.example").showing(&alice)), (401, None));
}

#[test]
fn nobody_is_served_without_a_certificate_of_their_own_where_it_is_required() {
    let stage = Stage::new("required");
    assert_eq!(stage.served(&mut stage.visitor("a.example")), (403, None));
    let mut visitor = stage.visitor("a.example").showing(&stage.identity("alice"));
    assert_eq!(stage.served(&mut visitor), (200, Some("alice".to_owned())));
    // Alice's session alone, and with a certificate of Bob's.
    let mut alice = stage.visitor("a.example");
    alice.sign_in("alice", &password("alice"));
    assert_eq!(stage.served(&mut alice), (403, None));
    let mut mixed = stage.visitor("a.example").showing(&stage.identity("bob"));
    mixed.cookies = alice.cookies.clone();
    assert_eq!(stage.served(&mut mixed), (403, None));
    let mut both = stage.visitor("a.example").showing(&stage.identity("alice"));
    both.cookies = alice.cookies;
    assert_eq!(stage.served(&mut both), (200, Some("alice".to_owned())));
}

#[test]
fn a_session_stays_its_users_beside_a_certificate_of_somebody_else() {
    let stage = Stage::new("optional");
    let mut visitor = stage.visitor("a.example").showing(&stage.identity("bob"));
    visitor.sign_in("alice", &password("alice"));
    assert_eq!(stage.served(&mut visitor), (200, Some("alice".to_owned())));
}

#[test]
fn the_pages_of_the_gateway_know_no_certificate() {
    let stage = Stage::new("optional");
    let mut visitor = stage.visitor("a.example").showing(&stage.identity("alice"));
    assert_eq!(visitor.get("/.gateway/account").status, 303);
    assert!(!visitor.fetch(&Method::GET, "/.gateway/whoami").text().contains("alice"));
    assert_eq!(visitor.get("/.gateway/login").status, 200, "a second proof can be given");
}

#[test]
fn a_certificate_names_a_user_by_its_names_and_never_by_its_common_name() {
    let stage = Stage::new("required");
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    for (names, served) in [
        (vec![uri("spiffe://example.com/backup")], Some("bob")),
        (vec![email("alice@example.com"), email("alice@EXAMPLE.com")], Some("alice")),
        // Two users, an unknown user, another domain, no name.
        (vec![email("alice@example.com"), email("bob@example.com")], None),
        (vec![email("alice@example.com"), uri("spiffe://example.com/backup")], None),
        (vec![email("mallory@example.com")], None),
        (vec![email("alice@example.org")], None),
        (vec![], None),
    ] {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.subject_alt_names = names.clone();
        let identity = stage.authority.issue_as(&params);
        let told = stage.served(&mut stage.visitor("a.example").showing(&identity));
        let expected = match served {
            Some(user) => (200, Some(user.to_owned())),
            None => (403, None),
        };
        assert_eq!(told, expected, "{names:?}");
    }
}

#[test]
fn a_disabled_user_is_not_served_with_a_certificate_from_the_next_request_on() {
    let stage = Stage::new("required");
    let mut visitor = stage.visitor("a.example").showing(&stage.identity("alice"));
    assert_eq!(stage.served(&mut visitor).0, 200);
    stage.gateway.users().set_active(&UserName::parse("alice").unwrap(), false).unwrap();
    until("alice is disabled", || stage.served(&mut visitor) == (403, None));
}

/// Dora signs in with her certificate alone, so that she has no session by which the directory would be asked about her.
#[test]
fn a_certificate_ends_and_comes_back_with_its_user_in_the_directory() {
    let slapd = Slapd::start(&format!(
        "dn: uid=dora,{SUFFIX}\nobjectClass: inetOrgPerson\nuid: dora\ncn: Dora\nsn: Test\nuserPassword: velvet\n\n"
    ));
    let (folder, authority, upstream) = (tempfile::tempdir().unwrap(), TestAuthority::new(), Upstream::ok());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.path().join("ca.crl"), authority.revocation_list(&[], 4000)).unwrap();
    let sections = format!(
        "{}[[backend]]\ntype = \"local\"\n[[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"openldap\"\n\
         url = \"{}\"\nbind_dn = \"{SERVICE}\"\nbind_password_file = \"{}\"\nbase = \"{SUFFIX}\"\nrefresh = \"200ms\"\n",
        sections(&folder, ""),
        slapd.url(),
        slapd.password_file().display()
    );
    let gateway = TestGateway::start_with(&sections, &apps(&upstream, "required", ""));
    let stage = Stage { folder, authority, upstream, gateway };
    stage.visitor("plain.example").sign_in("dora", "velvet");
    let mut dora = stage.visitor("a.example").showing(&stage.identity("dora"));
    assert_eq!(stage.served(&mut dora).0, 200);
    stage.gateway.clock.advance(Duration::from_hours(48));
    let change = |change: &str| {
        slapd.modify(&format!("dn: uid=dora,{SUFFIX}\nchangetype: modify\n{change}"));
    };
    change("add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n");
    until("dora is disabled", || stage.served(&mut dora) == (403, None));
    change("delete: pwdAccountLockedTime\n");
    until("dora is enabled", || stage.served(&mut dora).0 == 200);
}

#[test]
fn certificates_that_no_authority_vouches_for_now_are_refused_and_others_go_on() {
    let stage = Stage::new("required");
    let params = |names: Vec<SanType>| {
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names = names;
        params
    };
    let alice = || params(vec![email("alice@example.com")]);
    let alice_but = |change: fn(&mut CertificateParams)| {
        let mut params = alice();
        change(&mut params);
        params
    };
    let expired = alice_but(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let future = alice_but(|params| params.not_before = date_time_ymd(4000, 1, 1));
    let for_servers =
        alice_but(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let many_names = (0..4000).map(|n| email(&format!("somebody-{n}@example.com"))).collect();
    // The subject of another authority is the same, its key is not.
    let other_authority = TestAuthority::new();
    let own = {
        let key = rcgen::KeyPair::generate().unwrap();
        ClientIdentity { chain: vec![alice().self_signed(&key).unwrap().der().clone()], key }
    };
    // Five certificates: the client's own and four between it and the authority.
    let mut chain = Vec::new();
    let mut issuer = stage.authority.below(1);
    chain.push(issuer.der());
    for number in 2..5 {
        issuer = issuer.below(number);
        chain.insert(0, issuer.der());
    }
    let mut long = issuer.issue_as(&alice());
    long.chain.extend(chain);
    // A stolen certificate without its key.
    let mut stolen = stage.identity("alice");
    stolen.key = rcgen::KeyPair::generate().unwrap();
    for (identity, why) in [
        (stage.authority.issue_as(&expired), "expired"),
        (stage.authority.issue_as(&future), "not valid yet"),
        (stage.authority.issue_as(&for_servers), "for servers"),
        (stage.authority.issue_as(&params(many_names)), "100 KiB of names"),
        (other_authority.issue_as(&alice()), "another authority of the same name"),
        (own, "self-signed"),
        (long, "a long chain"),
        (stolen, "another key"),
    ] {
        assert!(stage.is_refused(&identity), "{why}");
    }
    assert_eq!(stage.upstream.seen().len(), 0);
    assert!(!stage.is_refused(&stage.identity("alice")), "the gateway goes on");
}

#[test]
fn a_chain_with_an_intermediate_authority_is_verified_up_to_the_root() {
    // Without revocation lists: those of an intermediate authority would be needed, too.
    let (folder, authority) = (tempfile::tempdir().unwrap(), TestAuthority::new());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let upstream = Upstream::ok();
    let ca = sections(&folder, "");
    let ca = ca.lines().filter(|line| !line.starts_with("crl")).collect::<Vec<_>>().join("\n");
    let gateway =
        TestGateway::start_with(&ca, &apps(&upstream, "required", "client_certificate_header = true"));
    gateway.add_user("alice", &[]);
    let between = authority.below(1);
    let mut identity = between.issue_to(vec![email("alice@example.com")], 7);
    identity.chain.push(between.der());
    let response = Visitor::of(&gateway).on_host("a.example").showing(&identity).fetch(&Method::GET, "/");
    assert_eq!(response.status, 200);
    let chain = format!(":{}:", BASE64.encode(&between.der()));
    assert_eq!(upstream.last().value("client-cert-chain"), chain);
}

#[test]
fn a_revoked_certificate_is_refused_on_open_connections_too() {
    let stage = Stage::new("required");
    let alice = stage.identity("alice");
    let mut visitor = stage.visitor("a.example").showing(&alice);
    let mut connection = visitor.connect();
    let mut ask = |visitor: &mut Visitor| {
        let request = Request::get("/").header("accept", "*/*").body(String::new()).unwrap();
        visitor.send_over(&mut connection, request).status.as_u16()
    };
    assert_eq!(ask(&mut visitor), 200);
    fs::write(stage.folder.path().join("ca.crl"), stage.authority.revocation_list(&[7], 4000)).unwrap();
    stage.refresh_lists();
    assert_eq!(ask(&mut visitor), 403, "TLS has verified it before");
    assert!(stage.is_refused(&alice));
    // Its TLS session can be resumed, and is worth nothing.
    assert_ne!(
        visitor
            .try_connect()
            .map(|mut connection| {
                let request = Request::get("/").body(String::new()).unwrap();
                visitor.try_send_over(&mut connection, request).map(|response| response.status.as_u16())
            })
            .ok()
            .flatten(),
        Some(200)
    );
    let other = stage.authority.issue_to(vec![email("bob@example.com")], 8);
    assert!(!stage.is_refused(&other));
}

/// A browser shows a broken connection then: the reason is in the log alone.
#[test]
fn the_log_says_why_a_certificate_was_refused_in_the_handshake() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), TestAuthority::new());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.path().join("ca.crl"), authority.revocation_list(&[7], 4000)).unwrap();
    let app =
        "[[app]]\nhost = \"localhost\"\nclient_certificate = \"required\"\nupstream = \"builtin:whoami\"\n";
    let place = Workplace::new(&sections(&folder, ""), app);
    let gateway = place.start();
    let alice = authority.issue_to(vec![email("alice@example.com")], 7);
    let mut visitor = gateway.visitor().showing(&alice);
    if let Ok(mut connection) = visitor.try_connect() {
        let request = Request::get("/").body(String::new()).unwrap();
        assert!(visitor.try_send_over(&mut connection, request).is_none(), "it is revoked");
    }
    gateway.stderr.wait_for_text(
        "client certificate refused in the TLS handshake reason=invalid peer certificate: Revoked peer=127.0.0.1\n",
    );
}

#[test]
fn an_overdue_revocation_list_refuses_everybody_unless_the_operator_accepts_it() {
    for (keys, refused) in [("", true), ("stale_crl = \"refuse\"", true), ("stale_crl = \"accept\"", false)] {
        let stage = Stage::with("required", keys, "");
        let alice = stage.identity("alice");
        assert!(!stage.is_refused(&alice), "{keys}");
        fs::write(stage.folder.path().join("ca.crl"), stage.authority.revocation_list(&[], 2020)).unwrap();
        stage.refresh_lists();
        assert_eq!(stage.is_refused(&alice), refused, "{keys}");
    }
}

#[test]
fn a_revocation_list_that_cannot_be_read_leaves_the_old_one_in_use() {
    let stage = Stage::new("required");
    let (revoked, alice) =
        (stage.authority.issue_to(vec![email("bob@example.com")], 9), stage.identity("alice"));
    fs::write(stage.folder.path().join("ca.crl"), stage.authority.revocation_list(&[9], 4000)).unwrap();
    stage.refresh_lists();
    for broken in ["", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "0\x00"] {
        fs::write(stage.folder.path().join("ca.crl"), broken).unwrap();
        stage.refresh_lists();
        assert!(stage.is_refused(&revoked) && !stage.is_refused(&alice), "{broken:?}");
    }
    fs::remove_file(stage.folder.path().join("ca.crl")).unwrap();
    stage.refresh_lists();
    assert!(stage.is_refused(&revoked) && !stage.is_refused(&alice));
    // Another authority's list says nothing about these certificates, and revocation is unknown then.
    fs::write(stage.folder.path().join("ca.crl"), TestAuthority::new().revocation_list(&[], 4000)).unwrap();
    stage.refresh_lists();
    assert!(stage.is_refused(&alice));
}

#[test]
fn a_response_under_way_ends_when_its_certificate_is_revoked() {
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")?;
        conn.until_close();
        conn.note("closed");
        Ok(())
    });
    let stage = Stage::before(upstream, "required", "", "");
    let visitor = stage.visitor("a.example").showing(&stage.identity("alice"));
    let mut stream = visitor.raw();
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", visitor.host());
    stream.write_all(head.as_bytes()).unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 1024]);
    while !read.ends_with(b"2\r\nok\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend(&buffer[..count]);
    }
    fs::write(stage.folder.path().join("ca.crl"), stage.authority.revocation_list(&[7], 4000)).unwrap();
    stage.refresh_lists();
    while !matches!(stage.upstream.event(), Event::Note(note) if note == "closed") {}
}

#[test]
fn the_host_of_a_request_is_the_host_that_the_certificate_was_shown_to() {
    let (folder, authority, upstream) = (tempfile::tempdir().unwrap(), TestAuthority::new(), Upstream::ok());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    fs::write(folder.path().join("ca.crl"), authority.revocation_list(&[], 4000)).unwrap();
    // One certificate for all hosts: a browser would take one connection of HTTP/2 for them.
    let hosts = ["a.example", "b.example", "plain.example", "plain2.example"];
    let own = SelfSigned::make(folder.path(), &hosts);
    let tls = format!("{}{}", own.section(), sections(&folder, ""));
    let gateway = TestGateway::start_with(&tls, &apps(&upstream, "optional", ""));
    gateway.add_user("alice", &[]);
    let alice = authority.issue_to(vec![email("alice@example.com")], 7);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (named, asked, expected) in [
            ("a.example", "a.example", 200),
            ("a.example", "b.example", 421),
            ("a.example", "plain.example", 421),
            ("plain.example", "a.example", 421),
            ("plain.example", "plain2.example", if protocol == Protocol::Http2 { 401 } else { 421 }),
        ] {
            let origin = format!("https://{named}");
            let visitor = Visitor::new(&origin, gateway.https(), &own.cert, gateway.clock.clone());
            let visitor = visitor.speaking(protocol).showing(&alice).on_host(named);
            let mut connection = visitor.connect();
            // The same browser, now on the other host, over the connection that it has.
            let mut visitor = visitor.on_host(asked);
            let request = Request::get("/").header("accept", "*/*").body(String::new()).unwrap();
            let response: Response = visitor.send_over(&mut connection, request);
            assert_eq!(response.status, expected, "{protocol:?}: {named}, then {asked}");
        }
    }
    assert!(upstream.seen().iter().all(|request| request.value("host").starts_with("a.example")));
}

#[test]
fn a_session_ticket_is_worth_nothing_on_another_host() {
    let stage = Stage::new("optional");
    let visitor = |host: &str, store: &Arc<AnyHost>| {
        let store = Arc::clone(store);
        stage
            .visitor(host)
            .showing(&stage.identity("alice"))
            .with_tls(|trust| trust.resumption = Resumption::store(store))
    };
    for (first, second) in
        [("plain.example", "a.example"), ("a.example", "b.example"), ("a.example", "plain.example")]
    {
        for (then, resumed) in [(first, true), (second, false)] {
            let store = Arc::new(AnyHost(ClientSessionMemoryCache::new(8)));
            // Both visits with one certificate and one store of tickets, whatever the host.
            let one = visitor(first, &store);
            shake_hands(&one);
            let other = one.on_host(then);
            let kind = shake_hands(&other);
            assert_eq!(kind == HandshakeKind::Resumed, resumed, "{first}, then {then}: {kind:?}");
        }
    }
}

#[test]
fn an_app_gets_the_certificate_from_the_gateway_alone() {
    let forged = [
        ("client-cert", ":Zm9yZ2Vk:"),
        ("client_cert", ":Zm9yZ2Vk:"),
        ("client-cert-chain", ":Zm9yZ2Vk:"),
        ("x-ssl-client-cert", "forged"),
        ("x-ssl-client-verify", "SUCCESS"),
        ("ssl-client-s-dn", "forged"),
        ("x-client-cert", "forged"),
        ("x-forwarded-client-cert", "forged"),
        ("x-amzn-mtls-clientcert", "forged"),
    ];
    let request = || {
        let request = Request::get("/").header("accept", "*/*");
        let with =
            |request: http::request::Builder, (name, value): &(&str, &str)| request.header(*name, *value);
        forged.iter().fold(request, with).body(String::new()).unwrap()
    };
    for keys in ["", "client_certificate_header = true"] {
        let stage = Stage::with(
            "optional",
            "",
            &format!("{keys}\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n"),
        );
        let alice = stage.identity("alice");
        let mut with = stage.visitor("a.example").showing(&alice);
        assert_eq!(with.send(request()).status, 200);
        let own = format!(":{}:", BASE64.encode(&alice.chain[0]));
        let expected: &[&str] = if keys.is_empty() { &[] } else { &[&own] };
        assert_eq!(stage.upstream.last().values("client-cert"), expected, "{keys}");
        let head = |stage: &Stage| stage.upstream.last().head.to_lowercase();
        assert!(!head(&stage).contains("zm9yz2vk") && !head(&stage).contains("forged"), "{}", head(&stage));
        let mut without = stage.visitor("a.example");
        assert_eq!(without.send(request()).status, 200);
        assert_eq!(stage.upstream.last().values("client-cert"), [""; 0]);
        assert!(!head(&stage).contains("cert"), "{}", head(&stage));
    }
}

#[test]
fn another_site_cannot_use_the_certificate_of_a_browser() {
    let stage = Stage::new("optional");
    let mut visitor = stage.visitor("a.example").showing(&stage.identity("alice"));
    let fields = [("amount", "1000")];
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(visitor.submit_with("/transfer", &fields, &foreign).status, 403);
    assert_eq!(stage.upstream.seen().len(), 0);
    assert_eq!(visitor.submit("/transfer", &fields).status, 200);
}

#[test]
fn the_certificate_of_a_proxy_is_not_that_of_the_person_behind_it() {
    let stage = Stage::new("optional");
    let text =
        TestGateway::configuration(&sections(&stage.folder, ""), &apps(&stage.upstream, "optional", ""));
    stage
        .gateway
        .reload_text(&text.replace("workers = 2\n", "workers = 2\ntrusted_proxies = [\"127.0.0.0/8\"]\n"));
    let mut proxy = stage.visitor("a.example").showing(&stage.identity("alice"));
    assert_eq!(stage.served(&mut proxy), (401, None));
}

#[test]
fn a_reload_asks_for_certificates_and_ceases_to() {
    let stage = Stage::new("optional");
    let alice = stage.identity("alice");
    let mut visitor = stage.visitor("a.example").showing(&alice);
    assert_eq!(stage.served(&mut visitor).0, 200);
    let without = apps(&stage.upstream, "optional", "").replace("client_certificate = \"optional\"\n", "");
    stage.gateway.reload("", &without);
    assert_eq!(stage.served(&mut visitor), (401, None));
    stage.gateway.reload(&sections(&stage.folder, ""), &apps(&stage.upstream, "optional", ""));
    assert_eq!(stage.served(&mut visitor).0, 200);
    // The authority is replaced by another of the same name.
    fs::write(stage.folder.path().join("ca.pem"), TestAuthority::new().pem()).unwrap();
    let keyless = sections(&stage.folder, "");
    let keyless = keyless.lines().filter(|line| !line.starts_with("crl")).collect::<Vec<_>>().join("\n");
    let mut kept = visitor.connect();
    stage.gateway.reload(&keyless, &apps(&stage.upstream, "optional", ""));
    let request = Request::get("/").header("accept", "*/*").body(String::new()).unwrap();
    assert_eq!(
        visitor.send_over(&mut kept, request).status,
        401,
        "the certificate is judged by the new authority"
    );
}

#[test]
fn curl_shows_a_certificate_and_is_served() {
    let stage = Stage::new("required");
    let alice = stage.identity("alice");
    let file = |name: &str| -> PathBuf { stage.folder.path().join(name) };
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64.encode(&alice.chain[0])
    );
    fs::write(file("alice.pem"), pem).unwrap();
    fs::write(file("alice.key"), alice.key.serialize_pem()).unwrap();
    let port = stage.gateway.https().port();
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "20",
                "--write-out",
                "%{http_code}",
                "--output",
                "/dev/null",
            ])
            .arg("--cacert")
            .arg(stage.gateway.certificate())
            .args(["--resolve", &format!("a.example:{port}:127.0.0.1")])
            .args(arguments)
            .arg(format!("https://a.example:{port}/"))
            .output()
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(curl(&[]), "403");
    let (cert, key) = (file("alice.pem"), file("alice.key"));
    assert_eq!(curl(&["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()]), "200");
    assert_eq!(stage.upstream.last().value("remote-user"), "alice");
}

#[test]
fn the_authority_of_the_document_issues_certificates_that_work() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/client-certificates.md");
    let document = fs::read_to_string(document).unwrap();
    let (_, recipe) = document.split_once("```sh\n").expect("a recipe");
    let (recipe, _) = recipe.split_once("```").expect("its end");
    let (_, settings) = document.split_once("```toml\n").expect("a configuration");
    let (settings, _) = settings.split_once("[[app]]").expect("its authority");
    let folder = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let output = Command::new("sh").args(["-euc", script]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(recipe);
    let upstream = Upstream::ok();
    let ca = settings.replace("certs/", &format!("{}/", folder.path().display()));
    let gateway = TestGateway::start_with(&ca, &apps(&upstream, "required", ""));
    gateway.add_user("alice", &[]);
    let status = || {
        let port = gateway.https().port();
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "20", "--write-out", "%{http_code}", "--output", "/dev/null"])
            .arg("--cacert")
            .arg(gateway.certificate())
            .args([
                "--resolve",
                &format!("a.example:{port}:127.0.0.1"),
                "--cert",
                "alice.pem",
                "--key",
                "alice.key",
            ])
            .arg(format!("https://a.example:{port}/"))
            .current_dir(folder.path())
            .output()
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(status(), "200");
    assert_eq!(upstream.last().value("remote-user"), "alice");
    run("openssl ca -config people-ca.cnf -revoke alice.pem
         openssl ca -config people-ca.cnf -gencrl -out people-ca.crl");
    gateway.shared.current.load_full().client_certificates.authorities.as_ref().unwrap().refresh();
    assert_ne!(status(), "200");
}

#[test]
fn settings_that_could_not_work_refuse_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let leaf = folder.path().join("leaf.pem");
    fs::write(&leaf, authority.issue(&["x.example"], 4000).0.pem()).unwrap();
    let app = "[[app]]\nupstream = \"http://127.0.0.1:1\"\nclient_certificate = \"optional\"\n";
    let user = "[[tls.client_ca.user]]\nemail = \"*@example.com\"\n";
    let of = |cert: &PathBuf, rest: &str| format!("[[tls.client_ca]]\ncert = {cert:?}\n{rest}");
    for (tls, problem) in [
        (String::new(), "no authority of client certificates"),
        (of(&ca, ""), "name nobody"),
        (of(&leaf, user), "no authority's"),
        (of(&folder.path().join("missing"), user), "cannot read"),
        (of(&ca, &format!("crl = {ca:?}\n{user}")), "this authority cannot be used"),
        (of(&ca, "[[tls.client_ca.user]]\nname = \"alice\"\n"), "is about no certificate"),
        (of(&ca, "[[tls.client_ca.user]]\nemail = \"alice@example.com\"\n"), "whose certificate it is"),
        (of(&ca, &format!("{user}name = \"alice\"\n")), "stands at the `*` already"),
        (of(&ca, "[[tls.client_ca.user]]\nemail = \"*\"\n"), "`email` cannot be"),
        (of(&ca, "[[tls.client_ca.user]]\nkey = \"abc\"\nname = \"alice\"\n"), "is no pin"),
        (of(&ca, &format!("{user}uri = \"x:*\"\n")), "one kind of name"),
    ] {
        let text = TestGateway::configuration(&tls, app);
        let found = config::parse(&text, &folder.path().join("gateway.toml")).unwrap_err();
        let found = config::ConfigError::Invalid(found).to_string();
        assert!(found.contains(problem), "{tls}: {found}");
    }
}

/// Opens a connection, sends a request, and reads until a ticket has come with the response.
fn shake_hands(visitor: &Visitor) -> HandshakeKind {
    let mut stream = visitor.raw();
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", visitor.host());
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok();
    assert!(response.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&response));
    stream.conn.handshake_kind().unwrap()
}

/// Tickets of every host, offered to every host.
#[derive(Debug)]
struct AnyHost(ClientSessionMemoryCache);

fn any() -> ServerName<'static> {
    ServerName::try_from("any.example").unwrap()
}

impl ClientSessionStore for AnyHost {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.0.set_kx_hint(any(), group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.kx_hint(&any())
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.0.set_tls12_session(any(), value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.0.tls12_session(&any())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.0.remove_tls12_session(&any());
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.0.insert_tls13_ticket(any(), value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.0.take_tls13_ticket(&any())
    }
}
