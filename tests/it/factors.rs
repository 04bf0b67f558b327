//! Second factors through the front door: sign-in in two steps, step-up of rules, enrolment, and independent programs for
//! codes and QR codes.

use std::{
    fs,
    process::{Command, Stdio},
    sync::Barrier,
    thread,
    time::Duration,
};

use portcullis::{
    clock::Timestamp,
    identity::UserName,
    users::{FactorName, RecoveryCodes, RemovedFactors, ShownTo, TotpCode, TotpSecret, UserStore},
};

use crate::support::{
    cookies::SESSION,
    gateway::{TestGateway, password},
    process::until,
    redis::RedisServer,
    visitor::{Response, Visitor},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PENDING: &str = "__Host-Http-portcullis-pending";
const SECOND_STEP: &str = "/.gateway/login/second-step";

/// Adds an authenticator app to an account; its first code is a minute old when this returns.
fn enrol(gateway: &TestGateway, name: &str) -> (TotpSecret, Option<RecoveryCodes>) {
    let mut store = store(gateway);
    let account = store.find_by_name(&UserName::parse(name).unwrap()).unwrap().unwrap();
    let shown_to = ShownTo { id: account.user.id, credential: account.credential, session: "test" };
    let shown = store.start_totp(shown_to).unwrap();
    let code = TotpCode::parse(&shown.secret.code_at(gateway.clock.now()).unwrap());
    let phone = FactorName::parse("Phone").unwrap();
    let enrolled = store.enrol_totp(shown_to, &shown.sealed, &phone, code.as_ref()).unwrap().unwrap();
    gateway.clock.advance(Duration::from_mins(1));
    // The gateway looks for changes of other processes from time to time.
    let directory = &gateway.shared.directory;
    until("the gateway knows of the factor", || {
        directory.cached(account.user.id).is_none_or(|account| !account.factors.is_empty())
    });
    (shown.secret, enrolled.codes)
}

fn store(gateway: &TestGateway) -> UserStore {
    let path = gateway.folder().join("state/users.db");
    UserStore::open(&path, gateway.clock.clone()).unwrap()
}

fn code(gateway: &TestGateway, secret: &TotpSecret) -> String {
    secret.code_at(gateway.clock.now()).unwrap().to_string()
}

/// A browser after the first step of alice's sign-in.
fn half_signed_in(gateway: &TestGateway, next: &str) -> Visitor {
    let mut alice = Visitor::of(gateway);
    let response = alice.sign_in_to(next, "alice", &password("alice"));
    assert_eq!(response.location(), SECOND_STEP, "{}", response.text());
    alice
}

fn second_step(visitor: &mut Visitor, code: &str) -> Response {
    let csrf = visitor.get(SECOND_STEP).field("csrf");
    visitor.submit(SECOND_STEP, &[("csrf", &csrf), ("code", code)])
}

fn confirm(visitor: &mut Visitor, address: &str, field: (&str, &str)) -> Response {
    let form = visitor.get(address);
    let (csrf, next) = (form.field("csrf"), form.field("next"));
    visitor.submit(address, &[("csrf", &csrf), ("next", &next), field])
}

#[test]
fn a_half_finished_sign_in_reaches_no_application_and_no_page() {
    let gateway = TestGateway::start(
        "[[app]]\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/public/**\"\nallow = \"anyone\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nfactors = 2\n",
    );
    gateway.add_user("alice", &[]);
    let (secret, _) = enrol(&gateway, "alice");
    let mut alice = half_signed_in(&gateway, "/page");
    assert!(alice.cookies.contains_key(PENDING) && !alice.cookies.contains_key(SESSION));
    for path in [
        "/",
        "/page",
        "/admin/",
        "/.gateway/account",
        "/.gateway/account/factors",
        "/.gateway/account/factors/app",
    ] {
        let response = alice.get(path);
        assert_eq!(response.status, 303, "{path}");
        assert!(response.location().starts_with("/.gateway/login"), "{path}: {}", response.location());
    }
    let public = alice.get("/public/").text();
    assert!(!public.contains("alice") && !public.contains(PENDING), "{public}");
    // The code of the pending sign-in is no session, either.
    let mut forged = Visitor::of(&gateway);
    forged.cookies.insert(SESSION.to_owned(), alice.cookies[PENDING].clone());
    assert_eq!(forged.get("/page").status, 303);
    let response = second_step(&mut alice, &code(&gateway, &secret));
    assert_eq!(response.location(), "/page");
    assert_eq!(alice.get("/page").status, 200);
}

#[test]
fn one_of_two_gateways_accepts_a_code_that_both_are_shown_at_once() {
    let redis = RedisServer::start();
    let section = format!("[session]\nstore = \"{}\"\n", redis.url());
    let here = TestGateway::start_with(&section, WHOAMI);
    here.add_user("alice", &[]);
    let there = TestGateway::start_beside(&here, &section, WHOAMI);
    let (secret, _) = enrol(&here, "alice");
    for round in 0..5 {
        let code = code(&here, &secret);
        let mut browsers: Vec<(Visitor, String)> = [&here, &there, &here, &there]
            .map(|gateway| {
                let mut browser = half_signed_in(gateway, "/page");
                let csrf = browser.get(SECOND_STEP).field("csrf");
                (browser, csrf)
            })
            .into();
        let barrier = Barrier::new(browsers.len());
        let accepted: usize = thread::scope(|scope| {
            let tries: Vec<_> = browsers
                .iter_mut()
                .map(|(browser, csrf)| {
                    let (barrier, code) = (&barrier, &code);
                    scope.spawn(move || {
                        barrier.wait();
                        let response = browser.submit(SECOND_STEP, &[("csrf", csrf), ("code", code)]);
                        usize::from(response.status == 303 && response.location() == "/page")
                    })
                })
                .collect();
            tries.into_iter().map(|tried| tried.join().unwrap()).sum()
        });
        assert_eq!(accepted, 1, "round {round}");
        here.clock.advance(Duration::from_secs(30));
    }
}

#[test]
fn a_rule_asks_for_the_factor_that_is_missing_and_for_its_own_age() {
    let gateway = TestGateway::start(
        "[[app]]\nupstream = \"builtin:whoami\"\nsession_data = true\n\
         [[app.rule]]\npath = \"/two/**\"\nallow = \"authenticated\"\nfactors = 2\n\
         [[app.rule]]\npath = \"/fresh/**\"\nallow = \"authenticated\"\nfactors = [\"totp\"]\nmax_age = \"10m\"\n\
         [[app.rule]]\npath = \"/passkey/**\"\nallow = \"authenticated\"\nfactors = [\"passkey\"]\n",
    );
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    // Without a factor: an explanation, and the way to add one.
    let to = alice.get("/two/");
    assert_eq!(
        to.location(),
        "/.gateway/confirm?next=/two/&need=provider-second-factor.totp.recovery-code.passkey.security-key.certificate"
    );
    let page = alice.get(to.location()).text();
    assert!(page.contains("you have none yet") && page.contains("/.gateway/account/factors"), "{page}");
    let (secret, codes) = enrol(&gateway, "alice");
    let before = alice.cookies[SESSION].clone();
    let address = alice.get("/two/").location().to_owned();
    let form = alice.get(&address).text();
    assert!(
        form.contains("id=\"code\"") && !form.contains("id=\"password\""),
        "only what is missing: {form}"
    );
    let confirmed = confirm(&mut alice, &address, ("code", &code(&gateway, &secret)));
    assert_eq!(confirmed.location(), "/two/");
    assert_ne!(alice.cookies[SESSION], before, "a new token");
    assert_eq!(
        (alice.get("/two/").status, alice.get("/fresh/").status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    // The password alone, however new, makes up for no factor.
    gateway.clock.advance(Duration::from_mins(11));
    let address = alice.get("/fresh/").location().to_owned();
    assert!(address.ends_with("&need=totp"), "{address}");
    let by_password = confirm(&mut alice, "/.gateway/confirm?next=/fresh/", ("password", &password("alice")));
    assert_eq!(by_password.location(), "/fresh/");
    assert_eq!(alice.get("/fresh/").location(), address);
    let recovery = codes.unwrap().iter().next().unwrap().to_groups().to_string();
    let by_recovery =
        confirm(&mut alice, "/.gateway/confirm?need=recovery-code&next=/fresh/", ("recovery", &recovery));
    assert_eq!(by_recovery.location(), "/fresh/");
    assert_eq!(alice.get("/fresh/").location(), address, "a recovery code is not the app");
    assert_eq!(confirm(&mut alice, &address, ("code", &code(&gateway, &secret))).location(), "/fresh/");
    assert_eq!(alice.get("/fresh/").status, 200);
    assert!(alice.get("/passkey/").location().ends_with("&need=passkey"));
    assert!(alice.get("/passkey/").location().starts_with("/.gateway/confirm"));
}

#[test]
fn a_program_is_told_which_page_asks_for_the_factor() {
    let gateway = TestGateway::start(
        "[[app]]\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/**\"\nallow = \"authenticated\"\nfactors = [\"totp\", \"passkey\"]\n",
    );
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let request = http::Request::builder()
        .uri("/api")
        .header("accept", "application/json")
        .header("sec-fetch-mode", "cors")
        .body(String::new())
        .unwrap();
    let response = alice.send(request);
    assert_eq!(response.status, 401, "{}", response.text());
    assert!(
        response.text().contains("\"confirm\":\"/.gateway/confirm?need=totp.passkey\""),
        "{}",
        response.text()
    );
}

#[test]
fn another_persons_code_confirms_nothing() {
    let gateway = TestGateway::start(
        "[[app]]\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/**\"\nallow = \"authenticated\"\nfactors = 2\n",
    );
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    let (_, (of_bob, bobs_codes)) = (enrol(&gateway, "alice"), enrol(&gateway, "bob"));
    let mut alice = half_signed_in(&gateway, "/page");
    assert_eq!(second_step(&mut alice, &code(&gateway, &of_bob)).status, 401);
    let recovery = bobs_codes.unwrap().iter().next().unwrap().to_groups().to_string();
    let csrf = alice.get(SECOND_STEP).field("csrf");
    let response = alice.submit(SECOND_STEP, &[("csrf", &csrf), ("recovery", &recovery)]);
    assert_eq!(response.status, 401);
    assert_eq!(alice.get("/page").status, 303);
}

#[test]
fn an_account_that_needs_a_factor_adds_one_before_anything_else() {
    let gateway =
        TestGateway::start_with("[groups]\nadmins = []\n[accounts]\nrequired_for = [\"admins\"]\n", WHOAMI);
    gateway.add_user("alice", &["admins"]);
    gateway.add_user("bob", &[]);
    let mut bob = Visitor::of(&gateway);
    bob.sign_in("bob", &password("bob"));
    let mut alice = Visitor::of(&gateway);
    let response = alice.sign_in_to("/page", "alice", &password("alice"));
    assert_eq!(response.location(), "/.gateway/login/second-factor");
    for path in ["/page", "/.gateway/account", "/.gateway/account/factors", SECOND_STEP] {
        assert!(alice.get(path).location().starts_with("/.gateway/login"), "{path}");
    }
    // The second step of somebody else is none of this one.
    let mut alice = Visitor::of(&gateway);
    alice.sign_in_to("/page", "alice", &password("alice"));
    let form = alice.get("/.gateway/login/second-factor");
    let secret = secret_of(&form.text());
    let (csrf, sealed) = (form.field("csrf"), form.field("sealed"));
    let fields =
        |code| [("csrf", csrf.as_str()), ("sealed", sealed.as_str()), ("name", "Phone"), ("code", code)];
    let wrong = alice.submit("/.gateway/login/second-factor", &fields("000000"));
    assert_eq!(wrong.status, 422);
    assert_eq!(secret_of(&wrong.text()).to_groups(), secret.to_groups(), "the app has this secret already");
    assert!(!alice.cookies.contains_key(SESSION));
    let done = alice.submit("/.gateway/login/second-factor", &fields(&code(&gateway, &secret)));
    assert_eq!(done.status, 200);
    let codes = recovery_codes_of(&done.text());
    assert_eq!(codes.len(), 10, "{}", done.text());
    assert_eq!(alice.get("/page").status, 200);
    // The next sign-in asks for it.
    gateway.clock.advance(Duration::from_mins(1));
    let mut again = half_signed_in(&gateway, "/page");
    let csrf = again.get(SECOND_STEP).field("csrf");
    let response = again.submit(SECOND_STEP, &[("csrf", &csrf), ("recovery", &codes[3])]);
    assert_eq!(response.location(), "/page");
}

#[test]
fn a_new_password_renews_the_session_of_somebody_who_has_shown_the_required_factor_before() {
    const PASSWORD: &str = "/.gateway/account/password";
    const NEW: &str = "copper lantern meadow";
    let sections = "[session]\nlifetime = \"2h\"\nidle_timeout = \"90m\"\n\
                    [accounts]\nsecond_factor = \"required\"\n";
    let gateway = TestGateway::start_with(sections, WHOAMI);
    gateway.add_user("alice", &[]);
    let (secret, _) = enrol(&gateway, "alice");
    let mut alice = half_signed_in(&gateway, "/page");
    assert_eq!(second_step(&mut alice, &code(&gateway, &secret)).location(), "/page");
    gateway.clock.advance(Duration::from_mins(80));
    let change = |alice: &mut Visitor| {
        let (csrf, current) = (alice.get(PASSWORD).field("csrf"), password("alice"));
        alice.submit(PASSWORD, &[("csrf", &csrf), ("current", &current), ("new", NEW), ("again", NEW)])
    };
    let to = change(&mut alice);
    assert!(to.location().starts_with("/.gateway/confirm?"), "{}", to.text());
    confirm(&mut alice, to.location(), ("code", &code(&gateway, &secret)));
    assert_eq!(change(&mut alice).location(), "/.gateway/account");
    gateway.clock.advance(Duration::from_mins(80));
    assert_eq!(alice.get("/page").status, 200, "more than two hours after the sign-in");
}

#[test]
fn a_person_adds_renames_and_removes_an_app_after_a_fresh_proof() {
    let gateway = TestGateway::start(WHOAMI);
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    gateway.clock.advance(Duration::from_mins(11));
    let to = alice.get("/.gateway/account/factors/app");
    assert_eq!(to.location(), "/.gateway/confirm?next=/.gateway/account/factors/app");
    let confirmed = confirm(&mut alice, to.location(), ("password", &password("alice")));
    assert_eq!(confirmed.location(), "/.gateway/account/factors/app");
    let form = alice.get("/.gateway/account/factors/app");
    let secret = secret_of(&form.text());
    let (csrf, sealed) = (form.field("csrf"), form.field("sealed"));
    let right = code(&gateway, &secret);
    let fields =
        [("csrf", csrf.as_str()), ("sealed", sealed.as_str()), ("name", "<b>Phone</b>"), ("code", &right)];
    let mut stranger = Visitor::of(&gateway);
    assert_eq!(stranger.submit("/.gateway/account/factors/app", &fields).status, 303, "not signed in");
    let added = alice.submit("/.gateway/account/factors/app", &fields);
    let codes = recovery_codes_of(&added.text());
    assert_eq!((added.status.as_u16(), codes.len()), (200, 10), "{}", added.text());
    let list = alice.get("/.gateway/account/factors").text();
    assert!(list.contains("&lt;b&gt;Phone&lt;&#x2f;b&gt;") && list.contains("10 codes are left"), "{list}");
    assert!(log_of(&gateway).contains("factor-added"));

    // A change needs the factor, and not the password alone.
    gateway.clock.advance(Duration::from_mins(11));
    let page = alice.get("/.gateway/account/factors");
    let (csrf, id) = (page.field("csrf"), page.field("rename"));
    let renaming = [("csrf", csrf.as_str()), ("rename", id.as_str()), ("name", "Tablet")];
    let refused = alice.submit("/.gateway/account/factors", &renaming);
    assert!(
        refused.location().contains("need=") && refused.location().contains("totp"),
        "{}",
        refused.location()
    );
    let address = refused.location().to_owned();
    assert_eq!(confirm(&mut alice, &address, ("code", &code(&gateway, &secret))).status, 303);
    let csrf = alice.get("/.gateway/account/factors").field("csrf");
    let renaming = [("csrf", csrf.as_str()), ("rename", id.as_str()), ("name", "Tablet")];
    alice.submit("/.gateway/account/factors", &renaming);
    assert!(alice.get("/.gateway/account/factors").text().contains("Tablet"));

    // New codes void the old ones.
    let renewed = alice.submit("/.gateway/account/factors", &[("csrf", &csrf), ("codes", "new")]);
    let new = recovery_codes_of(&renewed.text());
    assert_eq!(new.len(), 10);
    let mut recovering = half_signed_in(&gateway, "/page");
    let token = recovering.get(SECOND_STEP).field("csrf");
    let old = recovering.submit(SECOND_STEP, &[("csrf", &token), ("recovery", &codes[0])]);
    assert_eq!(old.status, 401);
    let fresh = recovering.submit(SECOND_STEP, &[("csrf", &token), ("recovery", &new[0])]);
    assert_eq!(fresh.location(), "/page");

    let removing = [("csrf", csrf.as_str()), ("remove", id.as_str()), ("others", "yes")];
    assert_eq!(alice.submit("/.gateway/account/factors", &removing).location(), "/.gateway/account/factors");
    assert_eq!(recovering.get("/page").status, 303, "the other session has ended");
    let mut plain = Visitor::of(&gateway);
    plain.sign_in("alice", &password("alice"));
    for word in ["factor-removed", "recovery-codes-made", "recovery-code-used"] {
        assert!(log_of(&gateway).contains(word), "{word}");
    }
    let log = log_of(&gateway);
    for secret in
        [&right, &codes[0], &new[0], &*secret.to_groups(), &secret.to_groups().replace(' ', ""), &sealed]
    {
        assert!(!log.contains(secret.as_str()), "the log holds {secret}");
    }
}

#[test]
fn an_operator_takes_the_factors_of_a_user_off() {
    let gateway = TestGateway::start(WHOAMI);
    gateway.add_user("alice", &[]);
    let (secret, _) = enrol(&gateway, "alice");
    let mut lost = half_signed_in(&gateway, "/page");
    assert_eq!(second_step(&mut lost, &code(&gateway, &secret)).location(), "/page");
    let mut pending = half_signed_in(&gateway, "/page");
    let alice = UserName::parse("alice").unwrap();
    let mut operator = store(&gateway).acting_as("root");
    operator.remove_factors(&alice, RemovedFactors::All).unwrap();
    until("the session in the lost phone has ended", || lost.get("/page").status == 303);
    assert!(
        pending.get(SECOND_STEP).location().starts_with("/.gateway/login"),
        "and so has a half-finished sign-in"
    );
    until("the next sign-in has one step", || {
        Visitor::of(&gateway).sign_in_to("/page", "alice", &password("alice")).location() == "/page"
    });
    until("the audit stream has it, with the operator", || {
        let is_it = |entry: &serde_json::Value| {
            entry.to_string().contains("factor-removed") && entry["actor"] == "root"
        };
        gateway.log().iter().any(is_it)
    });
}

#[test]
fn renewed_seals_leave_a_half_finished_sign_in_and_both_gateways_at_work() {
    let redis = RedisServer::start();
    let section = format!("[session]\nstore = \"{}\"\n", redis.url());
    let here = TestGateway::start_with(&section, WHOAMI);
    here.add_user("alice", &[]);
    let there = TestGateway::start_beside(&here, &section, WHOAMI);
    let (secret, codes) = enrol(&here, "alice");
    let before = half_signed_in(&here, "/page");
    let key_file = here.folder().join("state/secret.key");
    let old = fs::read_to_string(&key_file).unwrap();
    assert_eq!(store(&here).renew_seals().unwrap().sealed, 2);
    let new = fs::read_to_string(&key_file).unwrap();
    assert!(new.lines().count() == 1 && new != old);
    for (gateway, browser) in [(&here, Some(before)), (&there, None)] {
        let mut alice = browser.unwrap_or_else(|| half_signed_in(gateway, "/page"));
        gateway.clock.advance(Duration::from_secs(30));
        let response = second_step(&mut alice, &code(gateway, &secret));
        assert_eq!((response.status.as_u16(), response.location()), (303, "/page"));
    }
    let recovery = codes.unwrap().iter().next().unwrap().to_groups().to_string();
    let mut alice = half_signed_in(&there, "/page");
    let csrf = alice.get(SECOND_STEP).field("csrf");
    let response = alice.submit(SECOND_STEP, &[("csrf", &csrf), ("recovery", &recovery)]);
    assert_eq!((response.status.as_u16(), response.location()), (303, "/page"));
}

#[test]
fn no_factor_is_added_where_they_are_off_and_an_existing_one_is_asked_for() {
    let gateway = TestGateway::start_with("[accounts]\nsecond_factor = \"off\"\n", WHOAMI);
    gateway.add_user("alice", &[]);
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    assert_eq!(alice.get("/.gateway/account/factors/app").status, 404);
    assert!(!alice.get("/.gateway/account/factors").text().contains("/.gateway/account/factors/app"));
    enrol(&gateway, "alice");
    half_signed_in(&gateway, "/page");
}

#[test]
fn a_code_opens_the_app_host_of_a_portal_host_as_well() {
    let gateway = TestGateway::start_with(
        "[portal]\nhost = \"login.example.com\"\n",
        "[[app]]\nhost = \"wiki.example.com\"\nupstream = \"builtin:whoami\"\n\
         [[app.rule]]\npath = \"/admin/**\"\nallow = \"authenticated\"\nfactors = [\"totp\"]\nmax_age = \"10m\"\n",
    );
    gateway.add_user("alice", &[]);
    let (secret, _) = enrol(&gateway, "alice");
    let mut portal = Visitor::of(&gateway).on_host("login.example.com");
    let mut wiki = Visitor::of(&gateway).on_host("wiki.example.com");
    let path = |url: &str| {
        let rest = url.strip_prefix("https://").unwrap_or(url);
        rest.get(rest.find('/').unwrap()..).unwrap().to_owned()
    };
    // To the portal host, both steps there, and back.
    let login = wiki.get("/page").location().to_owned();
    let hand_over = path(wiki.get(&login).location());
    let login = portal.get(&hand_over).location().to_owned();
    let form = portal.get(&login);
    let (csrf, next) = (form.field("csrf"), form.field("next"));
    let fields = [("csrf", &*csrf), ("next", &next), ("username", "alice"), ("password", &password("alice"))];
    assert_eq!(portal.submit("/.gateway/login", &fields).location(), SECOND_STEP);
    let step = portal.get(SECOND_STEP);
    assert!(step.header("content-security-policy").contains("https://wiki.example.com"));
    let back = second_step(&mut portal, &code(&gateway, &secret));
    let arrive = path(portal.get(&path(back.location())).location());
    assert_eq!(wiki.get(&arrive).location(), "/page");
    assert_eq!(
        (wiki.get("/page").status, wiki.get("/admin/").status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    // A step-up goes the same way, and names what is missing.
    gateway.clock.advance(Duration::from_mins(11));
    let confirm_at = wiki.get("/admin/").location().to_owned();
    assert!(confirm_at.ends_with("need=totp"), "{confirm_at}");
    let hand_over = path(wiki.get(&confirm_at).location());
    let address = portal.get(&hand_over).location().to_owned();
    assert!(address.starts_with("/.gateway/confirm") && address.ends_with("need=totp"), "{address}");
    let back = confirm(&mut portal, &address, ("code", &code(&gateway, &secret)));
    let arrive = path(portal.get(&path(back.location())).location());
    assert_eq!(wiki.get(&arrive).location(), "/admin/");
    assert_eq!(wiki.get("/admin/").status, 200);
}

/// Debian's `oathtool`, another implementation of RFC 6238.
#[test]
fn oathtool_agrees_on_the_codes_of_a_thousand_secrets_and_times() {
    for round in 0..20_i64 {
        let secret = TotpSecret::generate().unwrap();
        // 50 steps in a row from anywhere between 1970 and the year 2600.
        let start = round * 1_000_000_007 + round * 17;
        let output = Command::new("oathtool")
            .args(["--totp", "--base32", "--window=49", &format!("--now=@{start}")])
            .arg(secret.to_groups().replace(' ', ""))
            .output()
            .expect("oathtool (Debian package oathtool)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let codes = String::from_utf8(output.stdout).unwrap();
        assert_eq!(codes.lines().count(), 50);
        for (step, expected) in codes.lines().enumerate() {
            let at = Timestamp::from_millis((start + 30 * i64::try_from(step).unwrap()) * 1000);
            assert_eq!(secret.code_at(at).unwrap().as_str(), expected, "{start} + {step}");
        }
    }
}

/// Debian's `zbarimg` reads the QR code from the page, drawn by Chromium.
#[test]
fn the_qr_code_of_the_page_is_read_by_zbarimg() {
    let gateway = TestGateway::start_with("", WHOAMI);
    gateway.add_user("alice", &[]);
    let browser = crate::support::browser::Browser::start();
    browser.open(&format!("{}/.gateway/account/factors/app", gateway.origin));
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    let address = browser.evaluate("document.querySelector('a[href^=otpauth]').getAttribute('href')");
    let address = address.as_str().unwrap().to_owned();
    browser.picture("add-app");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output/screenshots");
    let file = folder.join("add-app-1280-light.png");
    let output = Command::new("zbarimg")
        .args(["--raw", "--quiet"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("zbarimg (Debian package zbar-tools)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), address);
    let path = address.strip_prefix("otpauth://totp/localhost:alice?secret=").expect(&address);
    let (secret, rest) = path.split_once('&').unwrap();
    assert_eq!((secret.len(), rest), (32, "issuer=localhost&algorithm=SHA1&digits=6&period=30"));
}

fn log_of(gateway: &TestGateway) -> String {
    gateway.log().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The secret of the page, as a person would type it.
fn secret_of(page: &str) -> TotpSecret {
    let (_, rest) = page.split_once("class=\"secret\"><code>").expect(page);
    let text: String = rest.split('<').next().unwrap().chars().filter(|c| !c.is_whitespace()).collect();
    TotpSecret::from_bytes(&data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}

fn recovery_codes_of(page: &str) -> Vec<String> {
    let parts = page.split("<li><code>").skip(1);
    parts.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}
