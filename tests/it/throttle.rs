//! The throttle of failed sign-ins: its budgets and waits, over HTTPS and in its two stores. Known and unknown users
//! are throttled alike, and a stranger locks no user out of their own browser.

use std::{collections::BTreeSet, fmt::Write as _, io::Write as _, time::Duration};

use http::{Request, header::CONTENT_TYPE};
use portcullis::{
    clock::{Clock, Timestamp},
    identity::UserId,
    session::{Invalidator, RedisSettings, RedisStore, StoreSurroundings},
    store::redis::{RedisAddress, RedisConfig},
    throttle::{Attempt, AttemptedAccount, PasswordAttempt, Throttle, ThrottleFiles, ThrottleLimits},
    users::{HashSettings, Passwords},
};
use serde_json::Value;

use crate::support::{
    block_on,
    cookies::DEVICE,
    gateway::{TestGateway, password},
    process::{Workplace, mode, text, until, wait_for_entries},
    redis::{RedisServer, Relay},
    visitor::{Response, Visitor, form},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const MINUTE: Duration = Duration::from_mins(1);

/// A gateway that trusts forwarded addresses, with alice and bob.
fn gateway(section: &str) -> TestGateway {
    let gateway = TestGateway::start_trusting(&["127.0.0.1"], &format!("{section}\n{WHOAMI}"));
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    gateway
}

/// The sign-in form, open in a browser at an address.
struct SignInForm {
    visitor: Visitor,
    csrf: String,
    from: String,
}

impl SignInForm {
    fn open(gateway: &TestGateway, from: &str) -> Self {
        Self::with(Visitor::of(gateway), from)
    }

    fn with(mut visitor: Visitor, from: &str) -> Self {
        let csrf = visitor.get("/.gateway/login").field("csrf");
        Self { visitor, csrf, from: from.to_owned() }
    }

    fn submit(&mut self, name: &str, password: &str) -> Response {
        let request = self.request(name, password);
        self.visitor.send(request)
    }

    fn request(&self, name: &str, password: &str) -> Request<String> {
        let fields = [("csrf", &*self.csrf), ("next", "/"), ("username", name), ("password", password)];
        form(
            "/.gateway/login",
            &fields,
            &[("x-forwarded-for", &self.from), ("sec-fetch-site", "same-origin")],
        )
    }
}

fn statuses(responses: impl IntoIterator<Item = Response>) -> Vec<u16> {
    responses.into_iter().map(|response| response.status.as_u16()).collect()
}

/// Fails five times, which has to be the budget.
fn use_up(form: &mut SignInForm, name: &str) {
    for _ in 0..5 {
        assert_eq!(form.submit(name, "wrong").status, 401);
    }
}

#[test]
fn asvs_6_3_1_failed_sign_ins_wait_in_growing_steps_and_the_wait_is_shown() {
    let gateway = gateway("");
    let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
    use_up(&mut mallory, "alice");
    for (minutes, words) in [(1_u64, "1 minute"), (5, "5 minutes"), (15, "15 minutes"), (60, "60 minutes")] {
        // The right password as well, and from wherever.
        for (from, tried) in
            [("192.0.2.1", "wrong"), ("192.0.2.1", &*password("alice")), ("192.0.2.9", "wrong")]
        {
            let refused = SignInForm::open(&gateway, from).submit("alice", tried);
            assert_eq!(refused.status, 429, "{from} {tried}");
            assert_eq!(refused.header("retry-after"), (minutes * 60).to_string());
            let text = refused.text();
            let wait = format!("Too many attempts with a wrong password. Please try again in {words}.");
            assert!(text.contains(&wait), "{text}");
            assert!(
                text.contains("name=\"password\"") && text.contains("value=\"alice\""),
                "no form: {text}"
            );
        }
        gateway.clock.advance(Duration::from_secs(minutes * 60 - 1));
        assert_eq!(mallory.submit("alice", "wrong").header("retry-after"), "1");
        gateway.clock.advance(Duration::from_secs(1));
        assert_eq!(mallory.submit("alice", "wrong").status, 401, "one more after {words}");
    }
    gateway.clock.advance(MINUTE * 60);
    let mut alice = SignInForm::open(&gateway, "192.0.2.7");
    assert_eq!(alice.submit("alice", &password("alice")).status, 303);
    assert_eq!(statuses((0..4).map(|_| mallory.submit("alice", "wrong"))), [401; 4], "a success forgives");

    let log = gateway.log();
    let audit = |event: &str, reason: &str| {
        log.iter().filter(|entry| entry["event"] == event && entry["reason"] == reason).collect::<Vec<_>>()
    };
    assert_eq!(audit("blocked", "account").len(), 5, "{log:?}");
    let throttled = audit("sign-in-failed", "throttled");
    assert_eq!(throttled.len(), 16);
    assert!(throttled.iter().all(|entry| entry["user"] == "alice" && entry["client"] != Value::Null));
}

#[test]
fn asvs_2_4_1_many_names_from_one_address_wait_in_spite_of_a_success() {
    let gateway = gateway("[throttle]\nper_address = 10\nper_account = 100");
    let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
    for number in 0..9 {
        assert_eq!(mallory.submit(&format!("user{number}"), "wrong").status, 401);
        // An account of one's own does not make one trustworthy.
        assert_eq!(SignInForm::open(&gateway, "192.0.2.1").submit("bob", &password("bob")).status, 303);
    }
    assert_eq!(mallory.submit("user9", "wrong").status, 401);
    let refused = mallory.submit("alice", "wrong");
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    assert_eq!(
        SignInForm::open(&gateway, "192.0.2.2").submit("alice", "wrong").status,
        401,
        "another address"
    );
    let log = gateway.log();
    let blocked: Vec<_> = log.iter().filter(|entry| entry["event"] == "blocked").collect();
    assert_eq!((blocked.len(), &blocked[0]["reason"]), (1, &"address".into()), "{blocked:?}");
    assert!(blocked[0].get("user").is_none(), "a name that is nobody's is logged: {blocked:?}");
}

#[test]
fn an_ipv6_client_is_counted_by_its_first_64_bits() {
    let gateway = gateway("[throttle]\nper_address = 5");
    for number in 0..5 {
        let mut mallory = SignInForm::open(&gateway, &format!("2001:db8:0:1:{number}::{number}"));
        assert_eq!(mallory.submit(&format!("user{number}"), "wrong").status, 401);
    }
    assert_eq!(SignInForm::open(&gateway, "2001:db8:0:1:ffff::1").submit("alice", "wrong").status, 429);
    assert_eq!(SignInForm::open(&gateway, "2001:db8:0:2::1").submit("alice", "wrong").status, 401);
}

#[test]
fn advisory_52_spellings_of_one_account_share_one_budget() {
    let gateway = gateway("");
    let spellings = ["alice", "ALICE", " alice ", "\u{ff21}\u{ff2c}\u{ff29}\u{ff23}\u{ff25}", "\u{ff41}lice"];
    for (number, name) in spellings.into_iter().enumerate() {
        let from = format!("192.0.2.{number}");
        assert_eq!(SignInForm::open(&gateway, &from).submit(name, "wrong").status, 401, "{name}");
    }
    for name in spellings {
        assert_eq!(
            SignInForm::open(&gateway, "192.0.2.99").submit(name, &password("alice")).status,
            429,
            "{name}"
        );
    }
    // And of a name that nobody has.
    for name in ["zelda", "ZELDA", " zelda", "Zelda", "\u{ff5a}elda"] {
        assert_eq!(SignInForm::open(&gateway, "192.0.2.98").submit(name, "wrong").status, 401);
    }
    assert_eq!(SignInForm::open(&gateway, "192.0.2.97").submit("zelda", "wrong").status, 429);
    assert_eq!(SignInForm::open(&gateway, "192.0.2.97").submit("bob", "wrong").status, 401, "others go on");
}

#[test]
fn advisory_53_every_entrance_takes_from_one_budget() {
    let gateway = gateway("");
    // A stolen session, without the device that it was opened on.
    let mut thief = Visitor::of(&gateway);
    thief.sign_in("alice", &password("alice"));
    thief.cookies.remove(DEVICE);
    let csrf = thief.get("/.gateway/account/password").field("csrf");
    let change = |visitor: &mut Visitor, current: &str| {
        let new = "quiet otters fold umbrellas";
        let fields = [("csrf", &*csrf), ("current", current), ("new", new), ("again", new)];
        visitor.submit("/.gateway/account/password", &fields)
    };
    let confirm = |visitor: &mut Visitor, tried: &str| {
        visitor.submit("/.gateway/confirm", &[("csrf", &csrf), ("next", "/"), ("password", tried)])
    };
    let mut stranger = SignInForm::open(&gateway, "192.0.2.1");
    assert_eq!(change(&mut thief, "wrong").status, 422);
    assert_eq!(confirm(&mut thief, "wrong").status, 401);
    assert_eq!(stranger.submit("alice", "wrong").status, 401);
    assert_eq!(change(&mut thief, "wrong again").status, 422);
    assert_eq!(confirm(&mut thief, "wrong").status, 401);
    let right = password("alice");
    for response in
        [change(&mut thief, &right), confirm(&mut thief, &right), stranger.submit("alice", &right)]
    {
        assert_eq!(
            (response.status.as_u16(), response.header("retry-after")),
            (429, "60"),
            "{}",
            response.text()
        );
        assert!(response.text().contains("try again in 1 minute"), "{}", response.text());
        assert!(response.text().contains("type=\"password\""), "no form: {}", response.text());
    }
    let log = gateway.log();
    for event in ["password-change", "confirm", "sign-in-failed"] {
        let throttled = |entry: &&Value| entry["event"] == event && entry["reason"] == "throttled";
        assert_eq!(log.iter().filter(throttled).count(), 1, "{event}");
    }
    gateway.clock.advance(MINUTE);
    assert_eq!(change(&mut thief, &right).status, 303);
}

#[test]
fn attempts_sent_at_once_do_not_exceed_the_budget() {
    let gateway = gateway("");
    for name in ["alice", "nobody-of-this-name"] {
        let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
        let requests: Vec<_> =
            (0..100).map(|number| mallory.request(name, &format!("guess {number}"))).collect();
        let responses = mallory.visitor.send_all(requests);
        let mut counts = [0; 3];
        for response in &responses {
            match response.status.as_u16() {
                401 => counts[0] += 1,
                429 => counts[1] += 1,
                503 => counts[2] += 1,
                status => panic!("{status} {}", response.text()),
            }
        }
        assert!(counts[0] <= 5 && counts[1] >= 90, "{name}: {counts:?}");
        let seconds: BTreeSet<u64> = responses
            .iter()
            .filter(|response| response.status == 429)
            .map(|response| response.header("retry-after").parse().unwrap())
            .collect();
        assert!(seconds.iter().all(|seconds| [1, 60].contains(seconds)), "{seconds:?}");
    }
    let response = SignInForm::open(&gateway, "192.0.2.2").submit("alice", &password("alice"));
    assert_eq!(response.status, 429);
}

#[test]
fn an_abandoned_attempt_counts_once_its_password_is_checked() {
    let gateway = gateway("");
    // A hash that takes long to check, so that most are broken off before the verdict; it holds for all.
    let slow = HashSettings { memory: 64 << 10, iterations: 6, parallelism: 1 };
    let name = "alice".to_owned().try_into().unwrap();
    gateway.users().set_password(&name, &Passwords::hash_now(slow, &password("alice").into())).unwrap();
    let mallory = SignInForm::open(&gateway, "192.0.2.1");
    let checks = || gateway.counted("portcullis_password_checks_total");
    let mut refused = 0;
    for _ in 0..8 {
        let before = checks();
        let (mut socket, body) = (mallory.visitor.raw(), mallory.request("alice", "wrong").into_body());
        write!(
            socket,
            "POST /.gateway/login HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-Forwarded-For: 192.0.2.1\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            gateway.origin.trim_start_matches("https://"),
            mallory.visitor.cookie_line(),
            body.len()
        )
        .unwrap();
        let throttled =
            || gateway.log().iter().filter(|entry| entry["reason"] == "throttled").count() > refused;
        until("the password is looked at, or not", || checks() > before || throttled());
        let was_refused = throttled();
        refused += usize::from(was_refused);
        drop(socket);
        // Whether this one is known to have failed or not: the next is sent when it is.
        until("the check has ended", || {
            let ended = ["abandoned", "wrong-password", "throttled"].map(Value::from);
            gateway.log().iter().filter(|entry| ended.contains(&entry["reason"])).count()
                >= usize::try_from(checks()).unwrap() + refused
        });
    }
    assert_eq!((checks(), refused), (5, 3));
    let response = SignInForm::open(&gateway, "192.0.2.2").submit("alice", &password("alice"));
    assert_eq!((response.status.as_u16(), response.header("retry-after")), (429, "60"));
    // Written by the thread that checks, which nobody has waited for.
    let log = wait_for_entries(&gateway, |log| log.iter().any(|entry| entry["event"] == "blocked"));
    let blocked: Vec<_> = log.iter().filter(|entry| entry["event"] == "blocked").collect();
    assert_eq!(
        (blocked.len(), &blocked[0]["reason"], &blocked[0]["user"]),
        (1, &"account".into(), &"alice".into())
    );
}

#[test]
fn advisory_56_and_57_a_lockout_does_not_tell_whether_a_user_exists() {
    let gateway = gateway("");
    gateway.add_user("disabled", &[]);
    gateway.users().set_active(&"disabled".to_owned().try_into().unwrap(), false).unwrap();
    let mut responses: BTreeSet<String> = BTreeSet::new();
    for (number, name) in ["alice", "nobody", "disabled", "no name at all"].into_iter().enumerate() {
        let mut mallory = SignInForm::open(&gateway, &format!("192.0.2.{number}"));
        let mut all = String::new();
        for _ in 0..7 {
            all.push_str(&normal(&mallory.submit(name, "wrong"), name));
        }
        responses.insert(all);
        gateway.clock.advance(MINUTE);
        let mut again = SignInForm::open(&gateway, &format!("198.51.100.{number}"));
        assert_eq!(statuses((0..2).map(|_| again.submit(name, "wrong"))), [401, 429], "{name}");
    }
    assert_eq!(responses.len(), 1, "{responses:#?}");
}

/// All of a response but what has to differ: the date, the request, and what was typed as a name.
fn normal(response: &Response, name: &str) -> String {
    let mut text = format!("{}\n", response.status);
    for (header, value) in &response.headers {
        if !["date", "x-request-id", "content-length"].contains(&header.as_str()) {
            writeln!(text, "{header}: {value:?}").unwrap();
        }
    }
    let body = response.text().replace(&response.field("csrf"), "…");
    text.push_str(&body.replace(&format!("value=\"{name}\""), "value=\"…\""));
    text
}

#[test]
fn advisory_50_sign_ins_at_the_same_time_give_each_their_own_identity() {
    let gateway = gateway("[throttle]\nper_account = 100\nper_address = 1000");
    let mut both = SignInForm::open(&gateway, "192.0.2.1");
    let tries = [("alice", "alice", 303), ("bob", "bob", 303), ("alice", "bob", 401), ("bob", "alice", 401)];
    let of: Vec<_> = (0..40).map(|number| tries[number % 4]).collect();
    let requests = of.iter().map(|(name, whose, _)| both.request(name, &password(whose))).collect();
    let responses = both.visitor.send_all(requests);
    for ((name, whose, expected), response) in of.into_iter().zip(responses) {
        assert_eq!(response.status, expected, "{name} with the password of {whose}");
        if expected == 303 {
            let mut visitor = Visitor::of(&gateway);
            for cookie in response.set_cookies() {
                let (name, value) = cookie.split_once(';').unwrap().0.split_once('=').unwrap();
                visitor.cookies.insert(name.to_owned(), value.to_owned());
            }
            let json = visitor.fetch(&http::Method::GET, "/.gateway/whoami").text();
            assert!(json.contains(&format!("\"{name}\"")), "{name}: {json}");
        }
    }
}

#[test]
fn a_stranger_locks_no_user_out_of_a_browser_used_before() {
    let gateway = gateway("");
    let mut alice = SignInForm::open(&gateway, "192.0.2.1");
    let signed_in = alice.submit("alice", &password("alice"));
    let device = signed_in.set_cookies().into_iter().find(|cookie| cookie.starts_with(DEVICE)).unwrap();
    let mut attributes: Vec<_> = device.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=Lax", "Secure"]);
    let device = alice.visitor.cookies[DEVICE].clone();
    alice.visitor.sign_out();
    assert_eq!(alice.visitor.cookies[DEVICE], device, "a sign-out forgets the device");
    assert_eq!(alice.visitor.get("/page").status, 303, "a device cookie is no session");

    // From the same address, too: it may be an office.
    let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
    for number in 0..10 {
        use_up(&mut mallory, &format!("user{number}"));
    }
    assert_eq!(mallory.submit("alice", "wrong").status, 429);
    let mut stranger = SignInForm::open(&gateway, "192.0.2.2");
    use_up(&mut stranger, "alice");
    assert_eq!(stranger.submit("alice", &password("alice")).status, 429);

    let at_home = |cookie: &str| {
        let mut visitor = Visitor::of(&gateway);
        visitor.cookies.insert(DEVICE.to_owned(), cookie.to_owned());
        SignInForm::with(visitor, "192.0.2.1")
    };
    let mut alice = at_home(&device);
    assert_eq!(alice.submit("alice", "a slip").status, 401);
    assert_eq!(alice.submit("alice", &password("alice")).status, 303);
    assert_eq!(alice.visitor.cookies[DEVICE], device, "one browser is one device");

    // A stolen device cookie has a budget; its successes forgive the failures of no other device.
    let mut thief = at_home(&device);
    use_up(&mut thief, "alice");
    assert_eq!(thief.submit("alice", &password("alice")).status, 429);
    assert_eq!(stranger.submit("alice", &password("alice")).status, 429);
    // A made-up cookie, and bob's, are none.
    let mut bob = SignInForm::open(&gateway, "192.0.2.3");
    assert_eq!(bob.submit("bob", &password("bob")).status, 303);
    let bobs = bob.visitor.cookies[DEVICE].clone();
    let other = if device.starts_with('A') { "B" } else { "A" };
    for cookie in [bobs, other.to_owned() + &device[1..], "x".to_owned(), String::new()] {
        let mut visitor = Visitor::of(&gateway);
        visitor.cookies.insert(DEVICE.to_owned(), cookie.clone());
        let response = SignInForm::with(visitor, "192.0.2.4").submit("alice", &password("alice"));
        assert_eq!(response.status, 429, "{cookie}");
    }
    let blocked: Vec<Value> = gateway
        .log()
        .iter()
        .filter(|entry| entry["event"] == "blocked")
        .map(|entry| entry["reason"].clone())
        .collect();
    assert!(blocked.contains(&"device".into()) && blocked.contains(&"unknown-name".into()), "{blocked:?}");
}

#[test]
fn no_application_sees_the_device_cookie() {
    let gateway = gateway("");
    let mut alice = Visitor::of(&gateway);
    alice.sign_in("alice", &password("alice"));
    let device = alice.cookies[DEVICE].clone();
    let shown = alice.get("/page").text();
    assert!(shown.contains("alice") && !shown.contains(DEVICE) && !shown.contains(&device), "{shown}");
}

#[test]
fn a_throttled_program_gets_a_problem() {
    let gateway = gateway("");
    let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
    use_up(&mut mallory, "alice");
    let csrf = mallory.csrf.clone();
    let body = form("/", &[("csrf", &csrf), ("username", "alice"), ("password", "wrong")], &[]).into_body();
    let request = Request::post("/.gateway/login").header("accept", "application/json");
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body).unwrap();
    let response = mallory.visitor.send(request);
    assert_eq!((response.status.as_u16(), response.header("retry-after")), (429, "60"));
    assert_eq!(response.header("content-type"), "application/problem+json");
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((&problem["status"], &problem["title"]), (&429.into(), &"Too many attempts".into()));
}

#[test]
fn a_reload_changes_the_limits() {
    let gateway = gateway("");
    let mut mallory = SignInForm::open(&gateway, "192.0.2.1");
    assert_eq!(mallory.submit("alice", "wrong").status, 401);
    let text = TestGateway::configuration("[throttle]\nper_account = 1\nwaits = [\"2m\"]", WHOAMI)
        .replace("workers = 2\n", "workers = 2\ntrusted_proxies = [\"127.0.0.1\"]\n");
    gateway.reload_text(&text);
    assert_eq!(mallory.submit("bob", "wrong").status, 401);
    for _ in 0..2 {
        assert_eq!(mallory.submit("bob", "wrong").header("retry-after"), "120");
        gateway.clock.advance(MINUTE * 2);
        assert_eq!(mallory.submit("bob", "wrong").status, 401);
    }
}

#[test]
fn a_wait_survives_a_restart_and_is_listed_and_cleared_from_the_command_line() {
    let place = Workplace::new("", WHOAMI);
    let right = "velvet turbine oyster";
    place.run_well(&["user", "add", "alice"], &format!("{right}\n{right}\n"));
    assert!(place.run_well(&["throttle", "list"], "").contains("there are no failed sign-ins"));
    let attempt = |visitor: Visitor, name: &str, tried: &str| {
        SignInForm::with(visitor, "192.0.2.1").submit(name, tried).status.as_u16()
    };
    let gateway = place.start();
    for name in ["alice", "zelda"] {
        for _ in 0..5 {
            assert_eq!(attempt(gateway.visitor(), name, "wrong"), 401);
        }
        assert_eq!(attempt(gateway.visitor(), name, right), 429);
    }
    let (status, _, err) = gateway.stop();
    assert!(status.success(), "{err}");
    assert_eq!(
        (mode(&place.path("state/throttle.db")), mode(&place.path("state/device.key"))),
        (0o600, 0o600)
    );

    let gateway = place.start();
    for name in ["alice", "zelda"] {
        assert_eq!(attempt(gateway.visitor(), name, right), 429, "a restart has freed the budget of {name}");
    }
    let list = |arguments: &[&str]| -> Vec<Value> {
        let words = [&["throttle", "list", "--json"], arguments].concat();
        serde_json::from_str(&place.run_well(&words, "")).unwrap()
    };
    let kinds = |listed: &[Value]| listed.iter().map(|one| one["kind"].clone()).collect::<Vec<_>>();
    let listed = list(&[]);
    assert_eq!(kinds(&listed), ["account", "unknown-name", "address"], "{listed:?}");
    assert_eq!((&listed[0]["user"], &listed[0]["waits"]), (&"alice".into(), &1.into()));
    assert!(listed[0]["blocked_until"].is_string() && listed[2]["address"] == "127.0.0.1");
    assert_eq!(listed[2]["failures"], 10);
    assert_eq!(kinds(&list(&["--user", "ALICE"])), ["account"]);
    assert_eq!(kinds(&list(&["--user", "Zelda"])), ["unknown-name"]);
    assert_eq!(kinds(&list(&["--user", "bob"])), [""; 0]);
    assert_eq!(kinds(&list(&["--address", "127.0.0.1"])), ["address"]);
    let table = place.run_well(&["throttle", "list"], "");
    assert!(
        table.contains("alice") && table.contains("BLOCKED UNTIL") && !table.contains("zelda"),
        "{table}"
    );

    let cleared = place.run_well(&["throttle", "clear", "--user", "alice"], "");
    assert_eq!(cleared, "forgot 1 count of failed sign-ins\n");
    until("alice may try again", || attempt(gateway.visitor(), "alice", "wrong") == 401);
    assert_eq!(attempt(gateway.visitor(), "zelda", "wrong"), 429, "others still wait");
    assert_eq!(place.run_well(&["throttle", "clear", "--user", "zelda", "--json"], ""), "{\"cleared\":1}\n");
    until("zelda may be tried again", || attempt(gateway.visitor(), "zelda", "wrong") == 401);
    place.run_well(&["throttle", "clear", "--address", "127.0.0.1"], "");
    until("the address is forgotten", || {
        list(&["--address", "127.0.0.1"]).iter().all(|one| one["failures"].as_u64() < Some(3))
    });
    place.run_well(&["throttle", "clear", "--all"], "");
    until("all is forgotten", || list(&[]).is_empty());
    assert_eq!(
        place.run_well(&["throttle", "clear", "--all"], ""),
        "there were no failed sign-ins to forget\n"
    );
    for wrongly in [&["throttle", "clear"][..], &["throttle", "clear", "--all", "--user", "a"], &["throttle"]]
    {
        assert_eq!(place.run(wrongly, "").status.code(), Some(2), "{wrongly:?}");
    }
}

fn redis_section(url: &str) -> String {
    format!("[session]\nstore = \"{url}\"\n")
}

#[test]
fn two_gateways_with_one_redis_count_together() {
    let redis = RedisServer::start();
    let here = TestGateway::start_with(&redis_section(&redis.url()), WHOAMI);
    here.add_user("alice", &[]);
    let there = TestGateway::start_beside(&here, &redis_section(&redis.url()), WHOAMI);
    let mut known = SignInForm::open(&here, "-");
    assert_eq!(known.submit("alice", &password("alice")).status, 303);
    for name in ["alice", "zelda"] {
        let (mut one, mut other) = (SignInForm::open(&here, "-"), SignInForm::open(&there, "-"));
        assert_eq!(statuses((0..3).map(|_| one.submit(name, "wrong"))), [401; 3]);
        assert_eq!(statuses((0..3).map(|_| other.submit(name, "wrong"))), [401, 401, 429]);
        let refused = one.submit(name, &password("alice"));
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "60"));
    }
    // The device is known to both.
    let mut same = Visitor::of(&there);
    same.cookies.insert(DEVICE.to_owned(), known.visitor.cookies[DEVICE].clone());
    let mut same = SignInForm::with(same, "-");
    assert_eq!(same.submit("alice", &password("alice")).status, 303);
    assert_eq!(same.visitor.cookies[DEVICE], known.visitor.cookies[DEVICE]);

    let elsewhere = Workplace::empty();
    let state = here.folder().join("state");
    let configuration = Workplace::configuration(&redis_section(&redis.url()), WHOAMI);
    elsewhere.write(&format!("state = \"{}\"\n{configuration}", state.display()));
    let listed: Vec<Value> =
        serde_json::from_str(&elsewhere.run_well(&["throttle", "list", "--json"], "")).unwrap();
    let kinds: Vec<_> = listed.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["account", "unknown-name", "address"], "{listed:?}");
    for name in ["alice", "zelda"] {
        elsewhere.run_well(&["throttle", "clear", "--user", name], "");
        assert_eq!(SignInForm::open(&here, "-").submit(name, "wrong").status, 401, "{name}");
        assert_eq!(SignInForm::open(&there, "-").submit(name, "wrong").status, 401, "{name}");
    }
    elsewhere.run_well(&["throttle", "clear", "--all"], "");
    assert!(elsewhere.run_well(&["throttle", "list"], "").contains("there are no failed sign-ins"));
    assert!(!text(&redis.dump()).contains("zelda"), "a name that nobody has may be a password");
}

#[test]
fn attempts_at_two_gateways_at_once_do_not_exceed_the_budget() {
    let redis = RedisServer::start();
    let here = TestGateway::start_with(&redis_section(&redis.url()), WHOAMI);
    here.add_user("alice", &[]);
    let there = TestGateway::start_beside(&here, &redis_section(&redis.url()), WHOAMI);
    let floods = [&here, &there].map(|gateway| {
        let mut form = SignInForm::open(gateway, "-");
        let requests: Vec<_> = (0..30).map(|_| form.request("alice", "wrong")).collect();
        std::thread::spawn(move || statuses(form.visitor.send_all(requests)))
    });
    let all: Vec<u16> = floods.into_iter().flat_map(|flood| flood.join().unwrap()).collect();
    let checked = all.iter().filter(|status| **status == 401).count();
    assert!((1..=5).contains(&checked) && all.contains(&429), "{all:?}");
    assert!(all.iter().all(|status| [401, 429, 503].contains(status)), "{all:?}");
}

#[test]
fn each_gateway_counts_alone_while_redis_is_away() {
    let redis = RedisServer::start();
    let relay = Relay::to(&redis);
    let gateway = TestGateway::start_with(&redis_section(&relay.url()), WHOAMI);
    gateway.add_user("alice", &[]);
    let mut mallory = SignInForm::open(&gateway, "-");
    assert_eq!(mallory.submit("alice", "wrong").status, 401);
    relay.swallow();
    assert_eq!(statuses((0..6).map(|_| mallory.submit("alice", "wrong"))), [401, 401, 401, 401, 401, 429]);
    assert_eq!(mallory.submit("bob", "wrong").status, 401, "others are not held up");
    relay.mend();
    until("Redis is back", || mallory.submit("alice", "wrong").status == 401);
}

/// The two machines, the one in memory and the one in Redis, given the same of everything.
#[test]
fn redis_counts_as_memory_does() {
    let redis = RedisServer::start();
    let clock = Clock::manual(Timestamp::from_millis(1_791_273_600_000));
    let folder = tempfile::tempdir().unwrap();
    let settings = RedisSettings {
        server: RedisConfig {
            address: RedisAddress::parse(&redis.url()).unwrap(),
            ca: None,
            prefix: "counting".to_owned(),
        },
        cache_ttl: Duration::from_secs(30),
        grace: Duration::ZERO,
    };
    let surroundings = StoreSurroundings { clock: clock.clone(), invalidator: Invalidator::none() };
    let store = RedisStore::open(&settings, surroundings).unwrap();
    let files =
        ThrottleFiles { database: folder.path().join("throttle.db"), key: folder.path().join("device.key") };
    let limits = ThrottleLimits { per_account: 7, per_address: 20, ..ThrottleLimits::default() };
    block_on(async {
        let shared = Throttle::shared(store.link(), &files, clock.clone()).await.unwrap();
        let alone = Throttle::forgetful(clock.clone()).unwrap();
        let both = [&shared, &alone];
        let devices = both.map(|throttle| throttle.device_cookie(UserId(1), None).unwrap());
        let mut random = Random(0x5eed);
        let mut open: Vec<[Attempt; 2]> = Vec::new();
        let (mut reserved, mut refused, mut blocks) = (0, 0, 0);
        for step in 0..4000 {
            match random.below(10) {
                0..4 => {
                    let account = match random.below(4) {
                        0 => AttemptedAccount::Unknown("zelda"),
                        1 => AttemptedAccount::User(UserId(2)),
                        _ => AttemptedAccount::User(UserId(1)),
                    };
                    let client_addr = [192, 0, 2, u8::try_from(random.below(2)).unwrap()].into();
                    let with_device = random.below(3) == 0;
                    let mut outcomes = Vec::new();
                    for (throttle, device) in both.iter().zip(&devices) {
                        let device = with_device.then_some(device.as_bytes());
                        outcomes.push(
                            throttle.attempt(PasswordAttempt { account, client_addr, device }, &limits).await,
                        );
                    }
                    let alone = outcomes.pop().unwrap();
                    match (outcomes.pop().unwrap(), alone) {
                        (Ok(one), Ok(other)) => {
                            reserved += 1;
                            open.push([one, other]);
                        }
                        (Err(one), Err(other)) => {
                            refused += 1;
                            assert_eq!(one, other, "step {step}");
                        }
                        (one, other) => panic!("step {step}: {one:?} {other:?}"),
                    }
                }
                4..8 if !open.is_empty() => {
                    let [one, other] = open.swap_remove(random.below(open.len()));
                    match random.below(10) {
                        0 => {
                            one.succeeded().await;
                            other.succeeded().await;
                        }
                        // Given back, counted, or counted against the address alone.
                        1 => drop((one, other)),
                        2 => {
                            let (mut one, mut other) = (one, other);
                            one.start();
                            other.start();
                            drop((one, other));
                        }
                        3 => {
                            let (mut one, mut other) = (one, other);
                            one.fits();
                            other.fits();
                            drop((one, other));
                        }
                        _ => {
                            let both = [one.failed().await, other.failed().await];
                            let [one, other] = both.map(|blocked| {
                                blocked.iter().map(|one| (one.kind(), one.wait)).collect::<Vec<_>>()
                            });
                            blocks += one.len();
                            assert_eq!(one, other, "step {step}");
                        }
                    }
                }
                8 => clock.advance(Duration::from_millis(1 + random.below(90_000) as u64)),
                9 if random.below(10) == 0 => clock.advance(Duration::from_hours(random.below(30) as u64)),
                _ => {}
            }
        }
        assert!(reserved > 100 && refused > 100 && blocks > 30, "{reserved} {refused} {blocks}");
    });
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).unwrap()
    }
}
