//! What the gateway's own pages tell a browser of themselves and of their fields.

use crate::support::{
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
