//! Sign-ins under attack: does the response time reveal which users exist, and does a flood slow down signed-in users?
//!
//!     cargo bench --bench sign_in                  both, a minute or two
//!     cargo bench --bench sign_in -- timing 500    the time of each kind of failure, in 500 rounds
//!     cargo bench --bench sign_in -- flood 5       500 sign-ins at once, five times
//!
//! The gateway and its clients share this process, so on a small machine they compete for CPU time. Compare figures
//! within one run only.
//!
//! Timing: each round tries every kind of failure once, in random order, over one HTTP/2 connection, so that other load
//! on the machine affects all kinds alike.

#![expect(clippy::print_stdout, reason = "the program prints a table")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error ends the measurement")]

#[expect(dead_code, unused_imports, reason = "each bench uses a part of it")]
mod support;

use std::{
    env, fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::{
    Method, Request,
    header::{CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use http_body_util::Full;
use hyper::body::Bytes;
use portcullis::{
    identity::UserName,
    users::{HashSettings, NewUser, Password, PasswordHash, Passwords},
};
use support::{Client, Gateway, Protocol, paired, paired::quantile, upstream};
use tokio::runtime::{Builder, Runtime};

fn main() {
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |default: usize| wanted.get(1).map_or(default, |text| text.parse().expect("a number"));
    match wanted.first().map(String::as_str) {
        Some("timing") => timing(number(300)),
        Some("flood") => flood(number(3)),
        Some(other) => panic!("{other:?}: neither `timing` nor `flood`"),
        None => {
            timing(300);
            flood(3);
        }
    }
}

/// Reasons for a failed sign-in.
const KINDS: [&str; 6] = [
    "wrong password",
    "unknown user",
    "disabled user",
    "old: 4 MiB, 1 pass",
    "old: 9.5 MiB, 2 passes",
    "no password here",
];

fn timing(rounds: usize) {
    let gateway = gateway(1);
    // The throttle slows an account down after a hundred failures.
    let crowd = rounds.div_ceil(FAILURES_EACH);
    add_users(&gateway, crowd);
    let runtime = runtime();
    let mut guesser = runtime.block_on(Guesser::open(&gateway, Protocol::Http2));
    // The first checks fault in memory.
    for number in 0..10 {
        runtime.block_on(guesser.tries(&format!("warm-{number}")));
    }
    paired::measure(&KINDS, rounds, |round, kind| {
        let name = user(kind, round % crowd);
        assert_eq!(runtime.block_on(guesser.tries(&name)), 401, "{name}");
    });
}

fn add_users(gateway: &Gateway, crowd: usize) {
    let today = HashSettings::default();
    let old = [(4096, 1), (9728, 2)].map(|(memory, iterations)| HashSettings { memory, iterations, ..today });
    let hash = |settings| Passwords::hash_now(settings, &Password::new("correct horse".to_owned()));
    let (today, [old, half]) = (hash(today), old.map(hash));
    let mut users = gateway.users();
    let mut add = |name: String, password: Option<&PasswordHash>| {
        let name = UserName::parse(&name).unwrap();
        users.add(NewUser { password: password.cloned(), ..NewUser::named(name.clone()) }).unwrap();
        name
    };
    let mut disabled = Vec::new();
    for number in 0..crowd {
        add(user(0, number), Some(&today));
        disabled.push(add(user(2, number), Some(&today)));
        add(user(3, number), Some(&old));
        add(user(4, number), Some(&half));
        add(user(5, number), None);
    }
    for name in disabled {
        users.set_active(&name, false).unwrap();
    }
}

fn user(kind: usize, number: usize) -> String {
    format!("{}-{number:03}", ["wrong", "nobod", "disab", "older", "halfd", "other"][kind])
}

/// Measures requests of a signed-in user during 500 sign-ins at once.
fn flood(times: usize) {
    let cores = thread::available_parallelism().map_or(1, Into::into);
    let gateway = gateway(cores);
    let session = gateway.sign_in("alice", "staff");
    let runtime = runtime();
    let mut alice = runtime.block_on(Client::connect(&gateway, Protocol::Http1));
    let memory_before = resident("VmRSS:");
    let mut measure = |until: &dyn Fn() -> bool| {
        let mut samples = Vec::new();
        while !until() {
            let began = Instant::now();
            let status = runtime.block_on(alice.get("/page", Some(&session)));
            samples.push(began.elapsed().as_secs_f64() * 1e6);
            assert_eq!(status, 200);
        }
        samples
    };
    let (mut quiet, mut flooded, mut checked, mut busy) = (Vec::new(), Vec::new(), 0, 0);
    let mut memory_open = memory_before;
    for time in 0..times {
        let mut guessers = Builder::new_current_thread().enable_all().build().unwrap();
        let mut crowd = open_all(&mut guessers, &gateway);
        memory_open = memory_open.max(resident("VmRSS:"));
        let began = Instant::now();
        quiet.extend(measure(&|| began.elapsed() >= QUIET_FOR));
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flooding = scope.spawn(|| {
                let tries = crowd.iter_mut().enumerate().map(|(number, guesser)| {
                    let name = format!("nobody-{time}-{number}");
                    async move { guesser.tries(&name).await }
                });
                let statuses = guessers.block_on(join_all(tries));
                over.store(true, Ordering::SeqCst);
                statuses
            });
            flooded.extend(measure(&|| over.load(Ordering::SeqCst)));
            for status in flooding.join().unwrap() {
                match status {
                    401 => checked += 1,
                    503 => busy += 1,
                    other => panic!("{other}"),
                }
            }
        });
    }
    println!(
        "{AT_ONCE} sign-ins at once, {times} times, on {cores} cores: {checked} checked, {busy} refused (503)\n"
    );
    println!("{:28}  {:>10}  {:>10}  {:>10}", "a signed-in user's requests", "number", "p50, us", "p99, us");
    for (name, samples) in [("without", &quiet), ("with", &flooded)] {
        let (p50, p99) = (quantile(samples, 0.5), quantile(samples, 0.99));
        println!("{name:28}  {:>10}  {p50:>10.0}  {p99:>10.0}", samples.len());
    }
    let ratio = |part| quantile(&flooded, part) / quantile(&quiet, part);
    println!("{:28}  {:>10}  {:>10.2}  {:>10.2}", "ratio", "", ratio(0.5), ratio(0.99));
    println!(
        "\nresident: {memory_before} KiB at first, {memory_open} KiB with {AT_ONCE} idle connections and their clients, at most {} KiB",
        resident("VmHWM:")
    );
}

fn open_all(runtime: &mut Runtime, gateway: &Gateway) -> Vec<Guesser> {
    runtime.block_on(async {
        let mut all = Vec::new();
        for _ in 0..AT_ONCE {
            all.push(Guesser::open(gateway, Protocol::Http1).await);
        }
        all
    })
}

/// A connection with the sign-in form open.
struct Guesser {
    client: Client,
    csrf: String,
    cookie: String,
}

impl Guesser {
    async fn open(gateway: &Gateway, protocol: Protocol) -> Self {
        let mut client = Client::connect(gateway, protocol).await;
        let request = client.request(&Method::GET, "/.gateway/login").body(Full::default()).unwrap();
        let page = client.send(request).await;
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let text = String::from_utf8_lossy(page.body()).into_owned();
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").expect("a form");
        let csrf = rest.split('"').next().unwrap().to_owned();
        Self { client, csrf, cookie }
    }

    /// Sends a wrong password; returns the status.
    async fn tries(&mut self, name: &str) -> u16 {
        let fields =
            [("csrf", &*self.csrf), ("next", "/"), ("username", name), ("password", "a wrong guess")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request: Request<Full<Bytes>> = self
            .client
            .request(&Method::POST, "/.gateway/login")
            .header("accept", "text/html")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, &self.cookie)
            .body(Full::from(body))
            .unwrap();
        self.client.send(request).await.status().as_u16()
    }
}

/// A gateway whose throttle does not interfere.
fn gateway(workers: usize) -> Gateway {
    let upstream = upstream::start();
    Gateway::start(
        workers,
        &format!(
            "[throttle]\nper_account = 100\nper_address = 1000000\n[groups]\nstaff = []\n\
             [[app]]\nupstream = \"http://{upstream}\"\n"
        ),
    )
}

/// A field of `/proc/self/status` in KiB.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

const FAILURES_EACH: usize = 90;
const AT_ONCE: usize = 500;
const QUIET_FOR: Duration = Duration::from_secs(2);
