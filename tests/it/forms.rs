//! Forms of the gateway's own pages: attributes of their fields, their types, their limits.

use std::time::Duration;

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, password},
    visitor::Visitor,
};

fn alice(gateway: &TestGateway) -> Visitor {
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(gateway);
    alice.sign_in("alice", &password("alice"));
    alice
}

/// The tag of the field with this name.
fn tag<'p>(page: &'p str, field: &str) -> &'p str {
    let tags = page.split('<').filter(|tag| tag.starts_with("input "));
    let mut of_field = tags.filter(|tag| tag.contains(&format!("name=\"{field}\"")));
    of_field.next().unwrap_or_else(|| panic!("no field {field} in {page}")).split('>').next().unwrap()
}

/// OWASP ASVS 5.0 6.2.6, 6.2.7; NIST SP 800-63B on password managers.
#[test]
fn asvs_6_2_6_passwords_are_hidden_and_managers_may_fill_them_in() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    let mut alice = alice(&gateway);
    let login = Visitor::of(&gateway).get("/.gateway/login").text();
    let change = alice.get("/.gateway/account/password").text();
    for (page, field, purpose) in [
        (&login, "password", "current-password"),
        (&change, "current", "current-password"),
        (&change, "new", "new-password"),
        (&change, "again", "new-password"),
    ] {
        let tag = tag(page, field);
        assert!(tag.contains("type=\"password\""), "{tag}");
        assert!(tag.contains(&format!("autocomplete=\"{purpose}\"")), "{tag}");
        for hindrance in ["maxlength", "onpaste", "readonly", "pattern", "autocomplete=\"off\""] {
            assert!(!tag.contains(hindrance), "{tag}");
        }
    }
    assert!(tag(&login, "username").contains("autocomplete=\"username\""));
    assert!(tag(&change, "username").contains("autocomplete=\"username\""));
}

/// OWASP ASVS 5.0 4.1.1.
#[test]
fn asvs_4_1_1_every_page_names_its_type_and_its_characters() {
    let gateway = TestGateway::start(
        "[[app]]\nupstream = \"builtin:whoami\"\n[[app.rule]]\npath = \"/closed\"\nallow = \"nobody\"\n",
    );
    let mut alice = alice(&gateway);
    for path in ["account", "account/password", "logout", "nothing"].map(|page| format!("/.gateway/{page}")) {
        assert_eq!(alice.get(&path).header("content-type"), "text/html; charset=utf-8", "{path}");
    }
    assert_eq!(alice.get("/closed").header("content-type"), "text/html; charset=utf-8");
    let login = Visitor::of(&gateway).get("/.gateway/login");
    assert_eq!(login.header("content-type"), "text/html; charset=utf-8");
    // JSON is UTF-8 and has no such parameter (RFC 8259 §11).
    assert_eq!(alice.get("/.gateway/whoami").header("content-type"), "application/json");
}

/// The head of a form that says to be so long; none of it is sent.
fn form(page: &str, lines: &str, length: usize) -> String {
    format!(
        "POST /.gateway/{page} HTTP/1.1\r\nHost: localhost\r\n{lines}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[test]
fn a_form_without_its_cookie_is_refused_before_its_body() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &[]);
    for (page, status) in [
        ("login", 403),
        ("logout", 303),
        ("confirm", 303),
        ("account/sessions", 401),
        ("account/password", 401),
        ("setup", 404),
    ] {
        let mut client = RawClient::connect(&gateway);
        client.send(form(page, "", 1000));
        // The body never comes: a gateway that waited for it would not respond.
        assert_eq!(client.response().status, status, "{page}");
    }
}

#[test]
fn a_form_is_limited_in_size_and_by_the_limits_on_bodies() {
    let limits = "[limits]\nbody_timeout = \"500ms\"\nbody_rate = \"1KiB\"\nuri_length = \"1KiB\"";
    let gateway = TestGateway::start_with(limits, "[[app]]\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &[]);
    let shown = RawClient::connect(&gateway).get("/.gateway/login", "");
    let cookie = shown.values("set-cookie")[0].split(';').next().unwrap().to_owned();
    let bound = format!("Cookie: {cookie}\r\n");
    let mut client = RawClient::connect(&gateway);
    client.send(form("login", &bound, (16 << 10) + 3 * 1024 + 1));
    assert_eq!(client.response().status, 413);
    let mut silent = RawClient::connect(&gateway);
    silent.send(form("login", &bound, 1000));
    assert_eq!(silent.response().status, 408);
    gateway.wait_until_reached("body_timeout", 1);
    let mut drips = RawClient::connect(&gateway);
    drips.send(form("login", &bound, 10_000));
    // Never silent for long, and never fast.
    while drips.is_silent_for(Duration::from_millis(50)) {
        if drips.try_send("x").is_err() {
            break;
        }
    }
    assert_eq!(drips.response().status, 408);
    gateway.wait_until_reached("body_rate", 1);
}
