//! Attacks on accounts through the front door: Mallory has got hold of something of Alice's, and must not get further.

use std::{
    io::{Read, Write},
    time::Duration,
};

use portcullis::{
    identity::{BackendName, IdentityPair, UserName},
    users::{FactorName, ShownTo, TotpCode, TotpSecret, UserChange},
};

use crate::support::{
    block_on,
    gateway::{TestGateway, password},
    ldap_server::{BASE, LdapServer, Person, SERVICE_DN, SERVICE_PASSWORD},
    process::until,
    slapd::write_private,
    smtp_server::{Mail, SmtpServer},
    visitor::{Response, Visitor},
};

const APP: &str = "[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"";
const NEW: &str = "quiet otters fold umbrellas";
const OTHER: &str = "velvet turbines chase a comet";

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

fn add(gateway: &TestGateway, who: &str) {
    gateway.add_user(who, &[]);
    let change = UserChange { email: Some(format!("{who}@example.com")), ..UserChange::default() };
    gateway.users().update(&name(who), &change).unwrap();
}

/// Opens a link of a mail, and sends the form of the page that it leads to.
fn follow(visitor: &mut Visitor, mail: &Mail, fields: &[(&str, &str)]) -> Response {
    let page = visitor.get(mail.path()).location().to_owned();
    let form = visitor.get(&page);
    assert_eq!(form.status, 200, "{page}: {}", form.text());
    let csrf = form.field("csrf");
    let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
    visitor.submit(&page, &fields)
}

fn change_email(visitor: &mut Visitor, server: &SmtpServer, to: &str) {
    let csrf = visitor.get("/.gateway/account/email").field("csrf");
    assert_eq!(visitor.submit("/.gateway/account/email", &[("csrf", &csrf), ("email", to)]).status, 200);
    let mail = server.find(to, "wants this address to be that of");
    assert_eq!(follow(visitor, &mail, &[]).location(), "/.gateway/account");
}

#[test]
fn a_thief_who_undoes_her_own_change_of_address_leaves_the_owner_the_link_that_undoes_the_first() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    add(&gateway, "alice");
    let mut mallory = Visitor::of(&gateway);
    mallory.sign_in("alice", &password("alice"));
    change_email(&mut mallory, &server, "one@evil.test");
    let of_alice = server.find("alice@example.com", "has another address now");
    change_email(&mut mallory, &server, "two@evil.test");
    let of_mallory = server.find("one@evil.test", "has another address now");
    let reset = follow(&mut mallory, &of_mallory, &[]);
    assert_eq!(reset.location(), "/.gateway/reset/new");
    let csrf = mallory.get("/.gateway/reset/new").field("csrf");
    let fields = [("csrf", csrf.as_str()), ("new", NEW), ("again", NEW)];
    assert_eq!(mallory.submit("/.gateway/reset/new", &fields).location(), "/.gateway/login");
    mallory.sign_in("alice", NEW);

    let mut alice = Visitor::of(&gateway);
    assert_eq!(follow(&mut alice, &of_alice, &[]).location(), "/.gateway/reset/new");
    let csrf = alice.get("/.gateway/reset/new").field("csrf");
    let fields = [("csrf", csrf.as_str()), ("new", OTHER), ("again", OTHER)];
    assert_eq!(alice.submit("/.gateway/reset/new", &fields).location(), "/.gateway/login");
    alice.sign_in("alice", OTHER);
    assert_eq!(
        gateway.users().find_by_name(&name("alice")).unwrap().unwrap().user.email,
        "alice@example.com"
    );
    assert_eq!(mallory.get("/page").status, 303, "her session has ended");
}

/// The thief disconnects while the gateway waits for the database to store her address.
#[test]
fn the_owner_gets_the_link_that_undoes_a_change_whose_sender_has_disconnected() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    add(&gateway, "alice");
    let mut mallory = Visitor::of(&gateway);
    mallory.sign_in("alice", &password("alice"));
    let csrf = mallory.get("/.gateway/account/email").field("csrf");
    let fields = [("csrf", csrf.as_str()), ("email", "mallory@evil.test")];
    assert_eq!(mallory.submit("/.gateway/account/email", &fields).status, 200);
    let mail = server.find("mallory@evil.test", "wants this address to be that of");
    let page = mallory.get(mail.path()).location().to_owned();
    let body = format!("csrf={}", mallory.get(&page).field("csrf"));
    let email = || gateway.users().find_by_name(&name("alice")).unwrap().unwrap().user.email.clone();
    let users = rusqlite::Connection::open(gateway.folder().join("state/users.db")).unwrap();
    let open = || gateway.counted("portcullis_connections_open");
    let before = open();
    // The gateway waits for the database for a quarter of a second, in which she has to disconnect. A slow machine needs
    // another try.
    for _ in 0..20 {
        users.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut socket = mallory.raw();
        write!(
            socket,
            "POST {page} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            mallory.host(),
            mallory.cookie_line(),
            body.len()
        )
        .unwrap();
        socket.sock.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        socket.read_exact(&mut [0]).ok();
        drop(socket);
        until("the gateway has closed her connection", || open() <= before);
        users.execute_batch("ROLLBACK").unwrap();
        // A job that came earlier is done when this one is.
        block_on(gateway.shared.directory.has_users()).unwrap();
        if email() == "mallory@evil.test" {
            break;
        }
    }
    assert_eq!(email(), "mallory@evil.test");
    let undo = server.find("alice@example.com", "has another address now");
    assert!(gateway.log().iter().any(|entry| entry["event"] == "email-change" && entry["reason"] == "ok"));
    assert_eq!(follow(&mut Visitor::of(&gateway), &undo, &[]).location(), "/.gateway/reset/new");
    assert_eq!(email(), "alice@example.com");
}

/// Adds an authenticator app, whose first code is a minute old when this returns.
fn enrol(gateway: &TestGateway, who: &str) -> TotpSecret {
    let mut store = gateway.users();
    let account = store.find_by_name(&name(who)).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(gateway.clock.now()).unwrap());
    let phone = FactorName::parse("Phone").unwrap();
    store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    gateway.clock.advance(Duration::from_mins(1));
    let directory = &gateway.shared.directory;
    until("the gateway knows of the factor", || {
        directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
    });
    shown.secret
}

#[test]
fn the_password_alone_makes_no_way_around_a_second_factor() {
    let secret_of_client = secret_file("a secret of the provider");
    let sections = format!(
        "[[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"oidc\"\nname = \"idp\"\nissuer = \"https://127.0.0.1:1\"\nclient_id = \"x\"\n\
         client_secret_file = \"{}\"\nsecond_factor = false\n",
        secret_of_client.path().join("secret").display(),
    );
    let app = "[[app]]\nupstream = \"builtin:whoami\"\nprograms = { tokens = true }";
    let gateway = TestGateway::start_with(&sections, app);
    gateway.add_user("alice", &[]);
    let backend = BackendName::parse("company").unwrap();
    let pair = IdentityPair { backend, authority: "dc=example".into(), subject: "1".into() };
    gateway.users().link_pair(&name("alice"), &pair).unwrap();
    let secret = enrol(&gateway, "alice");
    let mut alice = Visitor::of(&gateway);
    alice.sign_in_to("/", "alice", &password("alice"));
    let step = "/.gateway/login/second-step";
    let csrf = alice.get(step).field("csrf");
    let code = secret.code_at(gateway.clock.now()).unwrap();
    assert_eq!(alice.submit(step, &[("csrf", &csrf), ("code", &code)]).location(), "/");

    // Alice leaves her computer unlocked, and Mallory, who knows her password, confirms with it.
    gateway.clock.advance(Duration::from_mins(11));
    let form = alice.get("/.gateway/confirm");
    let (csrf, right) = (form.field("csrf"), password("alice"));
    let fields = [("csrf", csrf.as_str()), ("next", "/"), ("password", &right)];
    assert_eq!(alice.submit("/.gateway/confirm", &fields).location(), "/");
    let csrf = alice.get("/.gateway/account").field("csrf");
    let key = pair.to_string();
    for (path, field) in [
        ("/.gateway/oidc/idp/link", ("unused", "")),
        ("/.gateway/account/tokens", ("name", "Mallory's")),
        ("/.gateway/account/connections", ("disconnect", key.as_str())),
    ] {
        let refused = alice.submit(path, &[("csrf", &csrf), field]);
        let to = refused.location();
        assert!(to.starts_with("/.gateway/confirm?") && to.contains("totp"), "{path}: {refused:?}");
    }
    let account = gateway.users().find_by_name(&name("alice")).unwrap().unwrap();
    assert_eq!((account.tokens.len(), account.identities.len()), (0, 1));
}

#[test]
fn a_change_of_the_password_does_not_put_off_the_second_factor_that_has_become_required() {
    const LIMITS: &str = "[session]\nlifetime = \"2h\"\nidle_timeout = \"90m\"\n";
    const REQUIRED: &str = "[accounts]\nsecond_factor = \"required\"\n";
    const ADMINS: &str = "[groups]\nadmins = []\n[accounts]\nrequired_for = [\"admins\"]\n";
    for (accounts, is_prolonged) in [("", true), (REQUIRED, false), (ADMINS, false)] {
        let gateway = TestGateway::start_with(LIMITS, APP);
        gateway.add_user("alice", &["admins"]);
        let mut alice = Visitor::of(&gateway);
        alice.sign_in("alice", &password("alice"));
        gateway.reload(&format!("{LIMITS}{accounts}"), APP);
        let mut current = password("alice");
        for (minutes, new) in [(80, NEW), (39, OTHER)] {
            gateway.clock.advance(Duration::from_mins(minutes));
            let csrf = alice.get("/.gateway/account/password").field("csrf");
            let fields = [("csrf", csrf.as_str()), ("current", &current), ("new", new), ("again", new)];
            let changed = alice.submit("/.gateway/account/password", &fields);
            assert_eq!(changed.location(), "/.gateway/account", "{accounts}: {}", changed.text());
            assert_eq!(alice.get("/page").status, 200, "{accounts}");
            new.clone_into(&mut current);
        }
        gateway.clock.advance(Duration::from_mins(2));
        assert_eq!(alice.get("/page").status == 200, is_prolonged, "{accounts}");
        let signed_in = Visitor::of(&gateway).sign_in_to("/", "alice", OTHER);
        let step = if is_prolonged { "/" } else { "/.gateway/login/second-factor" };
        assert_eq!(signed_in.location(), step, "{accounts}");
    }
}

#[test]
fn sign_ins_of_one_account_do_not_fill_the_queue_of_mail() {
    let server = SmtpServer::start();
    let gateway = TestGateway::start_with(&server.section(""), APP);
    add(&gateway, "mallory");
    let count = || {
        let mails = (1..=server.taken()).map(|number| server.mail(number));
        mails.filter(|mail| mail.text.contains("on a device that was not used before")).count()
    };
    for _ in 0..8 {
        Visitor::of(&gateway).sign_in("mallory", &password("mallory"));
    }
    let mut visitor = Visitor::of(&gateway);
    let csrf = visitor.get("/.gateway/reset").field("csrf");
    visitor.submit("/.gateway/reset", &[("csrf", &csrf), ("account", "mallory")]);
    server.find("mallory@example.com", "asked for a new password");
    assert_eq!(count(), 5, "the last mail has arrived, and these before it");
    // After an hour there is a notice again.
    gateway.clock.advance(Duration::from_hours(1));
    Visitor::of(&gateway).sign_in("mallory", &password("mallory"));
    until("one more", || count() == 6);
}

#[test]
fn a_registration_takes_no_name_that_passes_for_somebody_else() {
    let (server, directory) = (SmtpServer::start(), LdapServer::start([Person::new("carol", "her secret")]));
    let secret = secret_file(SERVICE_PASSWORD);
    let sections = format!(
        "[accounts]\nregistration = \"open\"\n{}\
         [[backend]]\ntype = \"local\"\n\
         [[backend]]\ntype = \"ldap\"\nname = \"company\"\npreset = \"openldap\"\nurl = \"{}\"\nbase = \"{BASE}\"\n\
         bind_dn = \"{SERVICE_DN}\"\nbind_password_file = \"{}\"\n",
        server.section(""),
        directory.url(),
        secret.path().join("secret").display(),
    );
    let gateway = TestGateway::start_with(&sections, APP);
    gateway.add_user("alice", &[]);
    let mut mallory = Visitor::of(&gateway);
    let csrf = mallory.get("/.gateway/register").field("csrf");
    mallory.submit("/.gateway/register", &[("csrf", &csrf), ("email", "mallory@evil.test")]);
    let mail = server.mail(1);
    for (typed, why) in [
        ("alice", "This name is taken"),
        ("Carol", "This name is taken"),
        ("\u{430}lice", "without accents"),
        ("bob@example.com", "if it is your own"),
        ("--all", "begin with a letter or a digit"),
    ] {
        let fields = [("username", typed), ("new", NEW), ("again", NEW)];
        let refused = follow(&mut mallory, &mail, &fields);
        assert_eq!(refused.status, 422, "{typed}");
        assert!(refused.text().contains(why), "{typed}: {}", refused.text());
    }
    let fields = [("username", "mallory@evil.test"), ("new", NEW), ("again", NEW)];
    assert_eq!(follow(&mut mallory, &mail, &fields).location(), "/.gateway/login");
}

#[test]
fn a_link_makes_no_account_once_its_address_may_register_no_more() {
    let server = SmtpServer::start();
    let sections = |accounts: &str| format!("[accounts]\n{accounts}\n{}", server.section(""));
    let open = sections("registration = \"open\"\nregistration_domains = [\"evil.test\", \"example.com\"]");
    let gateway = TestGateway::start_with(&open, APP);
    let mut mallory = Visitor::of(&gateway);
    let csrf = mallory.get("/.gateway/register").field("csrf");
    mallory.submit("/.gateway/register", &[("csrf", &csrf), ("email", "mallory@evil.test")]);
    let page = mallory.get(server.mail(1).path()).location().to_owned();
    let csrf = mallory.get(&page).field("csrf");
    let fields = [("csrf", csrf.as_str()), ("username", "mallory"), ("new", NEW), ("again", NEW)];
    for (accounts, status) in [
        ("registration = \"open\"\nregistration_domains = [\"example.com\"]", 410),
        ("registration = \"invitation\"", 410),
        ("registration = \"off\"", 404),
    ] {
        gateway.reload(&sections(accounts), APP);
        // The browser forgets the link when it is told that it is void.
        let cookies = mallory.cookies.clone();
        assert_eq!(mallory.submit(&page, &fields).status, status, "{accounts}");
        mallory.cookies = cookies;
    }
    assert!(gateway.users().find_by_name(&name("mallory")).unwrap().is_none());
    gateway.reload(&open, APP);
    assert_eq!(mallory.submit(&page, &fields).location(), "/.gateway/login");
}

#[test]
fn a_network_asks_for_ten_registrations_in_an_hour_and_fills_no_mailbox() {
    let server = SmtpServer::start();
    let sections = format!("[accounts]\nregistration = \"open\"\n{}", server.section(""));
    let gateway = TestGateway::start_with(&sections, APP);
    let mut mallory = Visitor::of(&gateway);
    let csrf = mallory.get("/.gateway/register").field("csrf");
    let mut ask = |number: usize| {
        let email = format!("person{number}@example.com");
        mallory.submit("/.gateway/register", &[("csrf", &csrf), ("email", &email)]).status
    };
    for number in 1..=10 {
        assert_eq!(ask(number), 200, "{number}");
    }
    assert_eq!(ask(11), 429);
    gateway.clock.advance(Duration::from_hours(1));
    assert_eq!(ask(12), 200);
    server.find("person12@example.com", "");
    assert_eq!(server.taken(), 11, "none to the one that was refused");
}

#[test]
fn a_password_of_a_registration_is_not_made_of_the_persons_own_words() {
    let server = SmtpServer::start();
    let sections = format!("[accounts]\nregistration = \"open\"\n{}", server.section(""));
    let gateway = TestGateway::start_with(&sections, APP);
    let mut person = Visitor::of(&gateway);
    let csrf = person.get("/.gateway/register").field("csrf");
    person.submit("/.gateway/register", &[("csrf", &csrf), ("email", "kwartalnoszczyk@example.com")]);
    let page = person.get(server.mail(1).path()).location().to_owned();
    let csrf = person.get(&page).field("csrf");
    let mut finish = |password: &str| {
        let fields = [
            ("csrf", csrf.as_str()),
            ("username", "zubrowkiewicz"),
            ("full_name", "Jo Trzebiatowska"),
            ("new", password),
            ("again", password),
        ];
        person.submit(&page, &fields).status
    };
    for own in ["zubrowkiewicz7", "trzebiatowska7", "kwartalnoszczyk7"] {
        assert_eq!(finish(own), 422, "{own}");
    }
    assert!(gateway.users().find_by_name(&name("zubrowkiewicz")).unwrap().is_none());
    assert_eq!(finish("niewyobrazalna7"), 303, "as long, and not hers");
}

/// Mallory's page has Alice's browser send a form, without its token, with one of Mallory's own browser, or with the right one.
#[test]
fn a_form_of_a_registration_or_of_an_address_is_taken_from_its_own_page_alone() {
    let server = SmtpServer::start();
    let sections = format!("[accounts]\nregistration = \"open\"\n{}", server.section(""));
    let gateway = TestGateway::start_with(&sections, APP);
    add(&gateway, "alice");
    let refused = |visitor: &mut Visitor, page: &str, fields: &[(&str, &str)]| {
        let own = visitor.get(page).field("csrf");
        let foreign = Visitor::of(&gateway).get("/.gateway/login").field("csrf");
        let origin = visitor.origin();
        let here = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin")];
        let elsewhere = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
        for (csrf, headers) in [("", here), (foreign.as_str(), here), (own.as_str(), elsewhere)] {
            let sent = [&[("csrf", csrf)], fields].concat();
            let response = visitor.submit_with(page, &sent, &headers);
            assert_eq!(response.status, 403, "{page} {csrf} {headers:?}: {}", response.text());
        }
        own
    };
    let taken = |visitor: &mut Visitor, page: &str, fields: &[(&str, &str)]| {
        let csrf = refused(visitor, page, fields);
        visitor.submit(page, &[&[("csrf", csrf.as_str())], fields].concat())
    };
    let email = || gateway.users().find_by_name(&name("alice")).unwrap().unwrap().user.email.clone();
    let differs = [("new", NEW), ("again", OTHER)];

    let mut bob = Visitor::of(&gateway);
    assert_eq!(taken(&mut bob, "/.gateway/register", &[("email", "bob@example.com")]).status, 200);
    let page = bob.get(server.find("bob@example.com", "").path()).location().to_owned();
    refused(&mut bob, &page, &[("username", "bob"), ("new", NEW), ("again", NEW)]);
    let csrf = bob.get(&page).field("csrf");
    let unequal = [&[("csrf", csrf.as_str()), ("username", "bob")], &differs[..]].concat();
    assert_eq!(bob.submit(&page, &unequal).status, 422);
    assert!(gateway.users().find_by_name(&name("bob")).unwrap().is_none());
    let made = taken(&mut bob, &page, &[("username", "bob"), ("new", NEW), ("again", NEW)]);
    assert_eq!(made.location(), "/.gateway/login");

    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let asked = taken(&mut alice, "/.gateway/account/email", &[("email", "new@example.com")]);
    assert_eq!(asked.status, 200, "{}", asked.text());
    let page = alice.get(server.find("new@example.com", "").path()).location().to_owned();
    refused(&mut alice, &page, &[]);
    assert_eq!(email(), "alice@example.com");
    assert_eq!(taken(&mut alice, &page, &[]).location(), "/.gateway/account");

    let undo = server.find("alice@example.com", "has another address now");
    let mut alice = Visitor::of(&gateway);
    let page = alice.get(undo.path()).location().to_owned();
    refused(&mut alice, &page, &[]);
    assert_eq!(email(), "new@example.com");
    assert_eq!(taken(&mut alice, &page, &[]).location(), "/.gateway/reset/new");
    assert_eq!(email(), "alice@example.com");
    let page = "/.gateway/reset/new";
    let csrf = alice.get(page).field("csrf");
    assert_eq!(alice.submit(page, &[&[("csrf", csrf.as_str())], &differs[..]].concat()).status, 422);
    assert_eq!(taken(&mut alice, page, &[("new", NEW), ("again", NEW)]).location(), "/.gateway/login");
    alice.sign_in("alice", NEW);
    // No mail has come of a form that was refused.
    let mails: Vec<Mail> = (1..=server.taken()).map(|number| server.mail(number)).collect();
    for (to, words) in [("bob@example.com", ""), ("new@example.com", "wants this address to be that of")] {
        let of_form = mails.iter().filter(|mail| mail.to == to && mail.text.contains(words));
        assert_eq!(of_form.count(), 1, "{to}");
    }
}

/// A folder with a file `secret` that only its owner can read.
fn secret_file(secret: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("secret"), secret);
    folder
}
