//! People of an Active Directory at the sign-in page, against a real domain controller by Samba.
//!
//! Samba needs root; without it the tests fail and say so.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use crate::support::{
    gateway::TestGateway,
    process::{Workplace, text, until},
    samba::{ROOT, SERVICE, Samba, dn, password},
    visitor::Visitor,
};

const RULES: &str = "[[app]]\nupstream = \"builtin:whoami\"\n\
                     [[app.rule]]\npath = \"/edit/**\"\nallow = { group = \"editors\" }\n";
const NEVER: &str = "refresh = \"10h\"\n";
const OFTEN: &str = "refresh = \"200ms\"\n";
/// More than a test lets go wrong on purpose.
const NO_THROTTLE: &str = "[throttle]\nper_account = 100\nper_address = 1000\n";

#[test]
fn a_user_of_the_domain_signs_in_by_either_name_with_groups_of_groups() {
    let samba = Samba::start(&["alice", "bob"]);
    samba.add_group("Inner", &[&dn("alice")]);
    samba.add_group("Middle", &[&dn("Inner")]);
    samba.add_group("Wiki Editors", &[&dn("Middle")]);
    // A cycle.
    samba.modify(&format!(
        "dn: {}\nchangetype: modify\nadd: member\nmember: {}\n",
        dn("Inner"),
        dn("Wiki Editors")
    ));
    let groups = "groups = { \"Wiki Editors\" = \"editors\", \"Domain Users\" = \"staff\" }\n";
    let gateway = start(&samba, &format!("{NEVER}{groups}"));
    for spelling in ["alice", "ALICE", " alice ", "alice@example.test", "Alice@Example.Test"] {
        let mut alice = Visitor::of(&gateway);
        alice.sign_in(spelling, &password("alice"));
        let page = alice.get("/").text().to_lowercase();
        for expected in
            ["remote-user: alice", "remote-email: alice@example.test", "remote-groups: editors,staff"]
        {
            assert!(page.contains(expected), "{expected}:\n{page}");
        }
        assert_eq!(alice.get("/edit/").status, 200);
    }
    assert_eq!(gateway.users().list().unwrap().len(), 1, "all spellings are one account");
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    let page = bob.get("/").text().to_lowercase();
    assert!(page.contains("remote-groups: staff"), "the primary group alone:\n{page}");
    // Neither a computer nor a wildcard signs in.
    for name in ["*", "dc$", "a*"] {
        assert_eq!(Visitor::of(&gateway).sign_in_to("/", name, &password("alice")).status, 401, "{name}");
    }
}

#[test]
fn the_reason_of_a_refused_sign_in_is_in_the_audit_stream_and_not_on_the_page() {
    let samba = Samba::start(&["alice", "disabled", "expired", "must"]);
    samba.replace("disabled", "userAccountControl", "514");
    samba.replace("expired", "accountExpires", "116444736000000001");
    samba.replace("must", "pwdLastSet", "0");
    let gateway = start(&samba, &format!("{NEVER}{NO_THROTTLE}"));
    let mut pages = Vec::new();
    let mut expected = Vec::new();
    for (name, typed, reason) in [
        ("alice", "wrong", "wrong-password"),
        ("nobody", "wrong", "unknown-user"),
        ("disabled", "wrong", "wrong-password"),
        ("disabled", &*password("disabled"), "disabled-at-source"),
        ("expired", &password("expired"), "expired-at-source"),
    ] {
        let response = Visitor::of(&gateway).sign_in_to("/", name, typed);
        assert_eq!(response.status, 401, "{name}");
        pages.push(without_name_and_token(&response.text(), name));
        expected.push(reason);
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "the pages differ: {pages:#?}");
    let response = Visitor::of(&gateway).sign_in_to("/", "must", "wrong");
    assert_eq!(response.status, 401);
    expected.push("wrong-password");
    let response = Visitor::of(&gateway).sign_in_to("/", "must", &password("must"));
    assert_eq!(response.status, 401);
    assert!(response.text().contains("Your password has to be changed first"), "{}", response.text());
    expected.push("must-change-password");
    assert_eq!(sign_in_failures(&gateway), expected);
}

#[test]
fn a_change_in_the_domain_holds_on_two_gateways_and_closes_a_websocket() {
    let users = ["disabled", "expired", "removed", "moved", "ungrouped", "stays"];
    let samba = Samba::start(&users);
    samba.modify(&format!("dn: OU=Left,{ROOT}\nchangetype: add\nobjectClass: organizationalUnit\n"));
    let members = users.map(dn);
    samba.add_group("Wiki Editors", &members.each_ref().map(String::as_str));
    let keys =
        format!("{OFTEN}user_base = \"CN=Users,{ROOT}\"\ngroups = {{ \"Wiki Editors\" = \"editors\" }}\n");
    let stream = endless_websocket();
    let apps = format!("{RULES}[[app]]\npath = \"/ws\"\nupstream = \"http://{stream}\"\n");
    let here = TestGateway::start_with(&backend(&samba, &keys), &apps);
    let there = TestGateway::start_beside(&here, &backend(&samba, &keys), &apps);
    let mut visitors = users.map(|name| {
        let (mut one, mut other) = (Visitor::of(&here), Visitor::of(&there));
        one.sign_in(name, &password(name));
        other.sign_in(name, &password(name));
        assert_eq!((one.get("/edit/").status.as_u16(), other.get("/edit/").status.as_u16()), (200, 200));
        (one, other)
    });
    let sockets = visitors.each_ref().map(|(one, _)| open_websocket(one));

    samba.replace("disabled", "userAccountControl", "514");
    samba.replace("expired", "accountExpires", "116444736000000001");
    samba.modify(&format!("dn: {}\nchangetype: delete\n", dn("removed")));
    samba.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: CN=moved\ndeleteoldrdn: 1\nnewsuperior: OU=Left,{ROOT}\n",
        dn("moved")
    ));
    samba.modify(&format!(
        "dn: {}\nchangetype: modify\ndelete: member\nmember: {}\n",
        dn("Wiki Editors"),
        dn("ungrouped")
    ));

    let [disabled, expired, removed, moved, ungrouped, stays] = &mut visitors;
    for (who, (one, other)) in
        [("disabled", disabled), ("expired", expired), ("removed", removed), ("moved", moved)]
    {
        until(&format!("who is {who} is signed out here"), || one.get("/").status == 303);
        until(&format!("who is {who} is signed out there"), || other.get("/").status == 303);
    }
    until("the group is gone here", || ungrouped.0.get("/edit/").status == 403);
    until("the group is gone there", || ungrouped.1.get("/edit/").status == 403);
    assert_eq!((ungrouped.0.get("/").status.as_u16(), stays.0.get("/edit/").status.as_u16()), (200, 200));
    let [disabled, expired, removed, moved, ..] = sockets;
    for (who, mut socket) in
        [("disabled", disabled), ("expired", expired), ("removed", removed), ("moved", moved)]
    {
        // Its end, in good order or not, and not the time-out of the socket.
        match socket.read(&mut [0; 16]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
            goes_on => panic!("the WebSocket of {who} goes on: {goes_on:?}"),
        }
    }
}

#[test]
fn the_test_of_a_backend_says_what_is_wrong() {
    let samba = Samba::start(&["alice"]);
    samba.add_group("Wiki Editors", &[&dn("alice")]);
    let groups = "groups = { \"Wiki Editors\" = \"editors\", \"No Such Group\" = \"staff\" }\n";
    let right = backend(&samba, groups);
    let tls = format!("url = \"{}\"", samba.tls_url());
    let ca = format!("ca = \"{}\"\n", samba.authority().display());
    let report = |section: &str, succeeds: bool| {
        let place = Workplace::new(section, RULES);
        let output = place.command(&["backend", "test", "company", "--user", "alice"]).output().unwrap();
        let report = text(&output.stdout) + &*text(&output.stderr);
        assert_eq!(output.status.success(), succeeds, "{report}");
        report
    };
    let said = report(&right, true);
    for expected in [
        "connection: ok",
        "it is an Active Directory",
        "no group is called \"no such group\"",
        &format!("entry: {}", dn("alice")),
        &format!("{} → editors", dn("Wiki Editors")),
        "Domain Users",
        "groups here: editors",
    ] {
        assert!(said.contains(expected), "{expected}:\n{said}");
    }
    // No TLS, which the domain controller wants.
    let said = report(&right.replace(&tls, &format!("url = \"{}\"", samba.url())), false);
    assert!(said.contains("strongerAuthRequired (8)") && said.contains("start_tls = true"), "{said}");
    let said = report(&right.replace(&ca, ""), false);
    assert!(said.contains("TLS with") && said.contains("`ca`"), "{said}");
    let said = report(&right.replace(SERVICE, "nobody@example.test"), false);
    assert!(said.contains("invalidCredentials (49)") && said.contains("bind_dn"), "{said}");
    let said = report(&right.replace(":636", "").replace(&tls, "url = \"ldaps://127.83.0.1:9\""), false);
    assert!(said.contains("no connection to ldaps://127.83.0.1:9"), "{said}");
}

fn start(samba: &Samba, keys: &str) -> TestGateway {
    TestGateway::start_with(&backend(samba, keys), RULES)
}

fn backend(samba: &Samba, keys: &str) -> String {
    format!(
        "[groups]\neditors = []\nstaff = []\n\
         [[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"active-directory\"\nurl = \"{}\"\n\
         ca = \"{}\"\nbind_dn = \"{SERVICE}\"\nbind_password_file = \"{}\"\nbase = \"{ROOT}\"\n{keys}",
        samba.tls_url(),
        samba.authority().display(),
        samba.password_file().display()
    )
}

/// The reasons of failed sign-ins in the audit stream.
fn sign_in_failures(gateway: &TestGateway) -> Vec<String> {
    let log = gateway.log();
    let failed = log.iter().filter(|entry| entry["event"] == "sign-in-failed");
    failed.filter_map(|entry| entry["reason"].as_str().map(str::to_owned)).collect()
}

/// A page without what differs from visit to visit.
fn without_name_and_token(page: &str, name: &str) -> String {
    let lines = page.lines().filter(|line| !line.contains("csrf"));
    lines.map(|line| line.replace(&format!("\"{name}\""), "NAME")).collect::<Vec<_>>().join("\n")
}

/// An upstream that accepts upgrades, and sends nothing after.
fn endless_websocket() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && matches!(socket.read(&mut byte), Ok(1)) {
                    head.extend(byte);
                }
                let response = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
                socket.write_all(response.as_bytes()).ok();
                socket.read_to_end(&mut Vec::new()).ok();
            });
        }
    });
    addr
}

/// The connection of a WebSocket that has been opened.
fn open_websocket(visitor: &Visitor) -> impl Read + use<> {
    let mut connection = visitor.raw();
    let host = visitor.origin().replace("https://", "");
    write!(
        connection,
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        visitor.cookie_line()
    )
    .unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    connection
}
