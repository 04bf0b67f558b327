//! Names of the gateway's cookies: no script can set them, and gateways that share a host have names of their own.

use crate::support::{
    browser::Browser,
    cookies::{FORM, SESSION},
    gateway::{TestGateway, password},
    upstream::Upstream,
    visitor::Visitor,
};

fn gateway(sections: &str, upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start_with(sections, &format!("[[app]]\nupstream = {:?}", upstream.url));
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

/// Browsers keep cookies by host, and not by port (RFC 6265bis §8.5).
#[test]
fn gateways_with_different_cookie_names_keep_their_sign_ins_in_one_browser() {
    let (first_app, second_app) = (Upstream::ok(), Upstream::ok());
    let first = gateway("", &first_app);
    let second = gateway("[session]\ncookie_name = \"portcullis-lab\"\n", &second_app);
    let (mut at_first, mut at_second) = (Visitor::of(&first), Visitor::of(&second));
    at_first.sign_in("alice", &password("alice"));
    at_second.cookies = at_first.cookies.clone();
    at_second.sign_in("bob", &password("bob"));
    assert!(at_second.cookies.contains_key("__Host-Http-portcullis-lab"), "{:?}", at_second.cookies.keys());
    assert!(at_second.cookies.contains_key("__Host-Http-portcullis-lab-device"));

    at_first.cookies = at_second.cookies.clone();
    assert_eq!([at_first.get("/").status, at_second.get("/").status], [200, 200]);
    for (app, user) in [(&first_app, "alice"), (&second_app, "bob")] {
        let seen = app.only();
        assert_eq!(seen.value("remote-user"), user);
        assert!(
            seen.values("cookie").is_empty(),
            "a cookie of a gateway reached the application:\n{}",
            seen.head
        );
    }
    at_first.sign_out();
    at_second.cookies = at_first.cookies.clone();
    assert_eq!([at_first.get("/").status, at_second.get("/").status], [303, 200]);
}

#[test]
fn a_session_cookie_under_an_older_name_opens_nothing_and_reaches_no_application() {
    let upstream = Upstream::ok();
    let gateway = gateway("", &upstream);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let token = alice.cookies.remove(SESSION).expect("a session");
    for old in ["__Host-portcullis", "__Host-Http-portcullis-lab", "__Http-portcullis", "portcullis"] {
        let mut browser = Visitor::of(&gateway);
        browser.cookies.insert(old.to_owned(), token.clone());
        assert_eq!(browser.get("/").status, 303, "{old}");
        // Nor does a sign-in form that was bound to such a cookie.
        let csrf = browser.get("/.gateway/login").field("csrf");
        let form = browser.cookies.remove(FORM).expect("a form cookie");
        browser.cookies.insert(format!("{old}-form"), form);
        let right = password("alice");
        let fields = [("csrf", &*csrf), ("next", "/"), ("username", "alice"), ("password", &right)];
        assert_eq!(browser.submit("/.gateway/login", &fields).status, 403, "{old}");
    }
    alice.cookies.insert(SESSION.to_owned(), token.clone());
    alice.cookies.insert("__Host-portcullis".to_owned(), token);
    alice.cookies.insert("theirs".to_owned(), "1".to_owned());
    assert_eq!(alice.get("/").status, 200);
    assert_eq!(upstream.only().value("cookie"), "theirs=1");
}

/// Mallory, who may run scripts in an application and has an account of her own, fills Alice's cookie jar until the
/// browser drops Alice's session, and sets the cookie of her own session: what Alice types from then on is Mallory's.
#[test]
fn a_script_of_an_application_cannot_plant_another_session() {
    let gateway = TestGateway::start("[[app]]\nhost = \"localhost\"\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    let mut mallory = Visitor::of(&gateway);
    mallory.sign_in("bob", &password("bob"));
    let browser = Browser::start();
    let home = format!("{}/", gateway.origin);
    browser.open(&home);
    let sign_in = || {
        browser.fill_in("#username", "alice");
        browser.fill_in("#password", &password("alice"));
        browser.click("button[type=submit]");
    };
    sign_in();
    assert!(browser.text().contains("alice"), "{}", browser.text());

    let plant = |name: &str| {
        let token = &mallory.cookies[SESSION];
        browser.evaluate(&format!("(document.cookie = '{name}={token}; Secure; Path=/', document.cookie)"));
    };
    plant(SESSION);
    browser.reload();
    assert!(browser.text().contains("alice"), "a script replaced the session: {}", browser.text());
    browser
        .evaluate("(() => { for (let i = 0; i < 400; i++) document.cookie = `c${i}=x; Secure; Path=/`; })()");
    for name in [SESSION, &SESSION.to_lowercase(), "__Host-portcullis"] {
        plant(name);
        browser.open(&home);
        let text = browser.text();
        assert!(!text.contains("bob"), "{name}: Alice is bob now:\n{text}");
    }
    // Nor can the form be bound to a cookie of Mallory's.
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    sign_in();
    assert!(browser.text().contains("alice"), "{}", browser.text());
}
