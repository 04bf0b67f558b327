//! Links and new passwords: does a response time reveal whose a link was or who has an account, and what does a look-up in
//! the list of breached passwords take?
//!
//!     cargo bench --bench accounts                     all of it
//!     cargo bench --bench accounts -- links 1000       links that do nothing, each for another reason
//!     cargo bench --bench accounts -- reset 1000       “forgotten password” for known and unknown names
//!     cargo bench --bench accounts -- breached 1000000 a list of so many passwords
//!
//! The gateway and its client share this process. Compare figures within one run only.

#![expect(clippy::print_stdout, reason = "the program prints a table")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error ends the measurement")]

#[expect(dead_code, unused_imports, reason = "each bench uses a part of it")]
mod support;

use std::{
    env,
    net::TcpListener,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use http::{
    Method,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use http_body_util::Full;
use portcullis::{
    clock::{Clock, Timestamp},
    identity::UserName,
    session::cookie::CookieNames,
    users::{
        Breached, BreachedList, BreachedListWriter, HashRecord, HashSettings, LinkDelivery, LinkToken,
        NewUser, Password, PasswordHash, PasswordOwner, PasswordRules, Passwords, UserChange, UserStore,
    },
};
use support::{Client, Gateway, Protocol, paired, paired::quantile, upstream};
use tokio::runtime::{Builder, Runtime};

fn main() {
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |default: usize| wanted.get(1).map_or(default, |text| text.parse().expect("a number"));
    match wanted.first().map(String::as_str) {
        Some("links") => links(number(1000)),
        Some("reset") => reset(number(1000)),
        Some("breached") => breached(number(1_000_000)),
        Some(other) => panic!("{other:?}: not `links`, `reset` or `breached`"),
        None => {
            links(1000);
            reset(1000);
            breached(1_000_000);
        }
    }
}

/// Why a link does nothing.
const DEAD: [&str; 10] = [
    "random",
    "used",
    "for another purpose",
    "password changed",
    "address changed",
    "deactivated",
    "removed",
    "cut off",
    "upper case",
    // The last one: a new link removes those that have expired.
    "expired",
];

fn links(rounds: usize) {
    let gateway = gateway();
    let tokens: Vec<String> = DEAD.iter().enumerate().map(|(kind, _)| dead_token(&gateway, kind)).collect();
    let runtime = runtime();
    let mut client = runtime.block_on(Client::connect(&gateway, Protocol::Http2));
    let cookies = tokens.iter().map(|token| format!("{}={token}", CookieNames::default().link()));
    let cookies: Vec<String> = cookies.collect();
    let mut open = |_: usize, kind: usize| {
        let status = runtime.block_on(client.get("/.gateway/reset/new", Some(&cookies[kind])));
        assert_eq!(status, 410, "{}", DEAD[kind]);
    };
    for round in 0..20 {
        open(round, round % DEAD.len());
    }
    paired::measure(&DEAD, rounds, open);
}

/// The secret of a link that does nothing for this reason.
fn dead_token(gateway: &Gateway, kind: usize) -> String {
    let mut users = gateway.users();
    let name = UserName::parse(&format!("user-{kind}")).unwrap();
    let hash = hash();
    let new = NewUser {
        email: format!("user-{kind}@example.com"),
        password: Some(hash.clone()),
        ..NewUser::named(name.clone())
    };
    users.add(new).unwrap();
    let text = |token: &LinkToken| token.to_text().as_str().to_owned();
    let link = |users: &mut UserStore| users.link_for(&name, LinkDelivery::Operator).unwrap().2;
    let token = match DEAD[kind] {
        "random" => LinkToken::generate().unwrap(),
        "expired" => {
            let then =
                Clock::manual(Timestamp::from_millis(Clock::system().now().as_millis() - 31 * 60 * 1000));
            link(&mut gateway.users_at(then))
        }
        "for another purpose" => {
            let new = NewUser {
                email: "eve@example.com".into(),
                ..NewUser::named(UserName::parse("eve").unwrap())
            };
            users.invite(new, LinkDelivery::Operator).unwrap().1
        }
        _ => link(&mut users),
    };
    match DEAD[kind] {
        "used" | "password changed" => drop(users.set_password(&name, &hash).unwrap()),
        "address changed" => {
            let change = UserChange { email: Some("another@example.com".into()), ..UserChange::default() };
            users.update(&name, &change).unwrap();
        }
        "deactivated" => drop(users.set_active(&name, false).unwrap()),
        "removed" => drop(users.remove(&name).unwrap()),
        "cut off" => return text(&token).chars().take(42).collect(),
        "upper case" => return text(&token).to_uppercase(),
        _ => {}
    }
    text(&token)
}

/// Names and addresses that a link is asked for with.
const ASKED: [&str; 6] =
    ["known address", "known name", "unknown address", "unknown name", "inactive", "without a password"];

fn reset(rounds: usize) {
    let gateway = gateway();
    let mut users = gateway.users();
    let hash = hash();
    // An account and a client get a bounded number of links in an hour: each round is for other ones.
    for number in 0..rounds {
        for kind in [0, 1, 4, 5] {
            let name = UserName::parse(&format!("user-{kind}-{number}")).unwrap();
            let email = format!("user-{kind}-{number}@example.com");
            let password = (kind != 5).then(|| hash.clone());
            users.add(NewUser { email, password, active: kind != 4, ..NewUser::named(name) }).unwrap();
        }
    }
    let runtime = runtime();
    let mut client = runtime.block_on(Client::connect(&gateway, Protocol::Http2));
    let request = client.request(&Method::GET, "/.gateway/reset").body(Full::default()).unwrap();
    let page = runtime.block_on(client.send(request));
    let cookie = page.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let text = String::from_utf8_lossy(page.body()).into_owned();
    let csrf =
        text.split_once("name=\"csrf\" value=\"").expect("a form").1.split('"').next().unwrap().to_owned();
    paired::measure(&ASKED, rounds, |round, kind| {
        let typed = match kind {
            0 | 2 => format!("user-{kind}-{round}@example.com"),
            _ => format!("user-{kind}-{round}"),
        };
        let fields = [("csrf", csrf.as_str()), ("account", typed.as_str())];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let number = round * ASKED.len() + kind;
        let request = client
            .request(&Method::POST, "/.gateway/reset")
            .header("accept", "text/html")
            .header("x-forwarded-for", format!("10.{}.{}.1", number / 250, number % 250))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, &cookie)
            .body(Full::from(body))
            .unwrap();
        assert_eq!(runtime.block_on(client.send(request)).status(), 200, "{typed}");
        // The work for the link comes after the response, and must not fall into the time of the next request.
        std::thread::sleep(Duration::from_millis(3));
    });
}

fn breached(number: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    let password = |number: usize| Password::new(format!("velvet turbine {number} oyster"));
    let hash = |number: usize| -> HashRecord {
        let text = format!("velvet turbine {number} oyster");
        digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref().try_into().unwrap()
    };
    let mut hashes: Vec<HashRecord> = (0..number).map(hash).collect();
    hashes.sort_unstable();
    let mut writer = BreachedListWriter::create(&path).unwrap();
    for hash in hashes {
        assert!(writer.push(hash).unwrap());
    }
    writer.finish().unwrap();
    let list = BreachedList::open(&path).unwrap();
    println!("a list of {number} passwords\n");
    println!("{:28}  {:>10}  {:>10}  {:>10}", "look-up", "p50, us", "p99, us", "max, us");
    let report = |what: &str, samples: &[f64]| {
        let part = |part| quantile(samples, part);
        println!("{what:28}  {:>10.1}  {:>10.1}  {:>10.1}", part(0.5), part(0.99), part(1.0));
    };
    for (what, first, is_listed) in [("of a listed password", 0, true), ("of another one", number, false)] {
        let samples: Vec<f64> = (0..LOOK_UPS)
            .map(|_| {
                let password = password(first + paired::below(number));
                let began = Instant::now();
                let found = list.contains(&password).unwrap();
                let took = began.elapsed().as_secs_f64() * 1e6;
                assert_eq!(found, is_listed);
                took
            })
            .collect();
        report(what, &samples);
    }
    let owner = PasswordOwner::new(UserName::parse("alice").unwrap(), "", "");
    let checks = |rules: &PasswordRules| -> Vec<f64> {
        let one = |_| {
            let password = password(number + paired::below(number));
            let began = Instant::now();
            rules.check(&password, &owner).unwrap();
            began.elapsed().as_secs_f64() * 1e6
        };
        (0..LOOK_UPS / 10).map(one).collect()
    };
    report("all rules without the list", &checks(&PasswordRules::default()));
    let with = Breached { list: list.into(), required: true };
    report(
        "all rules with the list",
        &checks(&PasswordRules { breached: Some(with), ..PasswordRules::default() }),
    );
    println!();
}

fn hash() -> PasswordHash {
    Passwords::hash_now(HashSettings::default(), &Password::new("correct horse".to_owned()))
}

/// A gateway with mail, whose mail server takes connections and says nothing.
fn gateway() -> Gateway {
    let upstream = upstream::start();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    // It listens until the end of the process.
    std::mem::forget(silent);
    let mail = format!(
        "[mail]\nsmtp = \"smtp://localhost:{port}\"\nfrom = \"gateway@example.com\"\norigin = \"https://localhost\"\n"
    );
    let apps = format!("{mail}[[app]]\nupstream = \"http://{upstream}\"\n");
    Gateway::start_with(1, "trusted_proxies = [\"127.0.0.1\"]", &apps)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

const LOOK_UPS: usize = 20_000;
