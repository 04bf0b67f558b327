//! Registration, approval, invitations and changed addresses, in a browser and through a real mail server.

use portcullis::{
    identity::UserName,
    users::{LinkDelivery, NewUser, UserChange},
};

use crate::support::{
    browser::Browser,
    gateway::{TestGateway, password},
    process::until,
    smtp_server::SmtpServer,
    visitor::Visitor,
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"\n\
                   [[app.rule]]\npath = \"/special/**\"\nallow = { user = \"carol\" }";
const PASSWORD: &str = "quiet otters fold umbrellas";

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn gateway(server: &SmtpServer, accounts: &str) -> TestGateway {
    let sections = format!("[groups]\nstaff = []\n[accounts]\n{accounts}\n{}", server.section(""));
    TestGateway::start_with(&sections, APP)
}

fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.fill_in("#username", name);
    browser.fill_in("#password", password);
    browser.click("button[type=submit]");
}

#[test]
fn a_person_registers_checks_the_mail_waits_and_signs_in() {
    let server = SmtpServer::start();
    let gateway = gateway(
        &server,
        "registration = \"approval\"\nregistration_groups = [\"staff\"]\napprovers = [\"admin@example.com\"]",
    );
    gateway.add_user("root", &[]);
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);
    browser.open(&at("/.gateway/login"));
    browser.picture("login-with-registration");
    browser.open(&at("/.gateway/register"));
    browser.picture("register");
    browser.fill_in("#email", "bob@example.com");
    browser.click("button[type=submit]");
    assert!(browser.text().contains("A mail with a link is on its way"), "{}", browser.text());
    browser.picture("register-sent");
    assert!(gateway.users().find_by_name(&name("bob")).unwrap().is_none(), "no account before the mail");
    browser.open(&at(server.mail(1).path()));
    assert_eq!(browser.url(), at("/.gateway/register/finish"), "the secret is in no address");
    browser.picture("register-finish");
    for (taken, expected) in [("root", "This name is taken"), ("carol", "This name is taken")] {
        browser.fill_in("#username", taken);
        browser.fill_in("#new", PASSWORD);
        browser.fill_in("#again", PASSWORD);
        browser.click("button[type=submit]");
        assert!(browser.text().contains(expected), "{taken}: {}", browser.text());
    }
    browser.fill_in("#username", "bob");
    browser.fill_in("#full_name", "Bob");
    browser.fill_in("#new", PASSWORD);
    browser.fill_in("#again", PASSWORD);
    browser.click("button[type=submit]");
    assert!(browser.text().contains("waits for approval"), "{}", browser.text());
    browser.picture("register-waiting");
    let told = server.mail(2);
    assert!(
        told.to == "admin@example.com" && told.text.contains("portcullis user approve bob"),
        "{}",
        told.text
    );
    browser.open(&at("/.gateway/login"));
    sign_in(&browser, "bob", PASSWORD);
    assert!(browser.text().contains("Wrong user name or password."), "{}", browser.text());
    gateway.users().set_active(&name("bob"), true).unwrap();
    until("bob signs in", || {
        browser.open(&at("/.gateway/login?next=/page"));
        sign_in(&browser, "bob", PASSWORD);
        browser.url() == at("/page")
    });
    assert!(browser.text().contains("staff"), "{}", browser.text());
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_registration_fills_in_own_fields_and_sets_nothing_of_operators() {
    let server = SmtpServer::start();
    let fields = "[[user_field]]\nname = \"team\"\ntitle = \"Team\"\ntype = \"choice\"\nchoices = [\"red\", \"blue\"]\n\
                  required = true\neditable_by = \"user\"\n[[user_field]]\nname = \"born\"\ntype = \"date\"\neditable_by = \"user\"\n\
                  [[user_field]]\nname = \"rank\"\nrequired = true\neditable_by = \"admin\"";
    let gateway = gateway(&server, &format!("registration = \"approval\"\n{fields}"));
    gateway.add_user("root", &[]);
    let mut bob = Visitor::of(&gateway);
    let csrf = bob.get("/.gateway/register").field("csrf");
    // Values that come before the mail is checked are not kept.
    let early = [
        ("csrf", csrf.as_str()),
        ("email", "bob@example.com"),
        ("field.team", "red"),
        ("field.rank", "general"),
    ];
    assert_eq!(bob.submit("/.gateway/register", &early).status, 200);
    let mail = server.mail(1);
    bob.get(mail.path());
    let form = bob.get("/.gateway/register/finish");
    let page = form.text();
    assert!(
        page.contains("name=\"field.team\"") && page.contains("name=\"field.born\" type=\"date\""),
        "{page}"
    );
    assert!(!page.contains("rank"), "{page}");
    assert!(page.contains("digits and . _ - + are possible"), "{page}");
    let csrf = form.field("csrf");
    let fixed = [("csrf", csrf.as_str()), ("username", "bob"), ("new", PASSWORD), ("again", PASSWORD)];
    let mut send = |values: &[(&str, &str)]| {
        let fields: Vec<_> = fixed.iter().copied().chain(values.iter().copied()).collect();
        bob.submit("/.gateway/register/finish", &fields)
    };
    for (values, problem) in [
        (&[][..], "Team: please enter a value."),
        (&[("field.team", "green")], "Team: please choose one of the values."),
        (&[("field.team", "red"), ("field.born", "2026-02-30")], "born: please enter a day"),
        (&[("field.team", "red\r\nRemote-User: root")], "Team: please enter one line"),
    ] {
        let response = send(values);
        assert_eq!(response.status, 422, "{values:?}");
        assert!(response.text().contains(problem), "{values:?}: {}", response.text());
        assert!(!response.text().contains("no longer offered"), "{values:?}: nothing is stored yet");
        assert!(gateway.users().find_by_name(&name("bob")).unwrap().is_none());
    }
    let forged = [
        ("field.team", "blue"),
        ("field.born", "1990-02-28"),
        ("field.rank", "general"),
        ("field.email", "root@example.com"),
        ("email", "root@example.com"),
        ("groups", "staff"),
        ("superuser", "true"),
        ("active", "true"),
    ];
    assert_eq!(send(&forged).status, 200);
    let made = gateway.users().find_by_name(&name("bob")).unwrap().unwrap();
    let attributes: Vec<_> =
        made.user.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(attributes, ["born=1990-02-28", "team=blue"]);
    assert_eq!(made.user.email, "bob@example.com");
    assert!(
        !made.active && made.waiting_since.is_some() && !made.user.superuser && made.user.groups.is_empty()
    );
}

#[test]
fn an_invited_person_chooses_a_password() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    let new = NewUser { email: "bob@example.com".into(), ..NewUser::named(name("bob")) };
    let (_, token) = gateway.users().invite(new, LinkDelivery::Operator).unwrap();
    let browser = Browser::start();
    browser.open(&format!("{}/.gateway/invite?token={}", gateway.origin, *token.to_text()));
    assert!(browser.text().contains("Your user name is bob"), "{}", browser.text());
    browser.picture("invite");
    browser.fill_in("#new", PASSWORD);
    browser.fill_in("#again", PASSWORD);
    browser.click("button[type=submit]");
    assert!(browser.text().contains("Your account is ready"), "{}", browser.text());
    sign_in(&browser, "bob", PASSWORD);
    browser.open(&format!("{}/.gateway/invite?token={}", gateway.origin, *token.to_text()));
    assert!(browser.text().contains("This link is not valid"), "{}", browser.text());
    browser.picture("link-void");
}

#[test]
fn a_changed_address_is_confirmed_and_undone() {
    let server = SmtpServer::start();
    let gateway = gateway(&server, "");
    gateway.add_user("alice", &[]);
    let change = UserChange { email: Some("alice@example.com".into()), ..UserChange::default() };
    gateway.users().update(&name("alice"), &change).unwrap();
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);
    browser.open(&at("/.gateway/account/email"));
    sign_in(&browser, "alice", &password("alice"));
    browser.picture("email");
    browser.fill_in("#email", "new@example.com");
    browser.click("button[type=submit]");
    let confirm = server.find("new@example.com", "wants this address to be that of");
    // Somebody else who is signed in cannot use it.
    gateway.add_user("eve", &[]);
    let mut eve = Visitor::of(&gateway);
    eve.sign_in("eve", &password("eve"));
    eve.get(confirm.path());
    assert_eq!(eve.get("/.gateway/confirm-email").status, 403);
    browser.open(&at(confirm.path()));
    browser.picture("confirm-email");
    browser.click("button[type=submit]");
    assert!(browser.text().contains("Your email address has been changed."), "{}", browser.text());
    let alice = || gateway.users().find_by_name(&name("alice")).unwrap().unwrap();
    assert_eq!((alice().user.email.as_str(), alice().email_verified), ("new@example.com", true));
    let undo = server.find("alice@example.com", "has another address now");
    let elsewhere = Browser::start();
    elsewhere.open(&at(undo.path()));
    elsewhere.picture("undo-email");
    elsewhere.click("button[type=submit]");
    assert!(elsewhere.text().contains("Set a new password"), "{}", elsewhere.text());
    elsewhere.picture("new-password");
    assert_eq!(alice().user.email, "alice@example.com");
    browser.open(&at("/page"));
    assert!(browser.title().starts_with("Sign in"), "the other browser is signed out: {}", browser.title());
    elsewhere.fill_in("#new", PASSWORD);
    elsewhere.fill_in("#again", PASSWORD);
    elsewhere.click("button[type=submit]");
    sign_in(&elsewhere, "alice", PASSWORD);
    assert_eq!(elsewhere.complaints(), Vec::<String>::new());
}
