//! The test kills the process at random moments while users sign in and out and change their passwords.
//!
//! After each start everything that was acknowledged holds: an acknowledged sign-in opens its session, an acknowledged
//! sign-out has ended it. A request that the kill cut off may have had its effect or not; the test finds out.
//!
//! `PORTCULLIS_CRASH_ROUNDS=500` kills that many times (80 otherwise), `PORTCULLIS_CRASH_SEED=N` repeats the
//! choices of a run that failed, though not its moments.

use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use http::Request;
use portcullis::{clock::Clock, session::Which};

use crate::support::{
    cookies::{SESSION, key_of},
    end_sessions,
    process::{Process, Workplace},
    visitor::{Connection, Response, Visitor, form},
};

const WHOAMI: &str = "[[app]]\nupstream = \"builtin:whoami\"";
const PEOPLE: usize = 4;

#[test]
fn acknowledged_sign_ins_and_sign_outs_survive_a_kill_at_any_moment() {
    let rounds = number("PORTCULLIS_CRASH_ROUNDS").unwrap_or(80);
    let seed = number("PORTCULLIS_CRASH_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    // A password attempt whose check the kill cuts off counts as a failed one; that is not what is tried here.
    let place = Workplace::new("[throttle]\nper_account = 100\nper_address = 1000", WHOAMI);
    let people: Vec<_> = (0..PEOPLE).map(|index| Arc::new(Mutex::new(Person::new(&place, index)))).collect();
    let mut chance = Chance(seed);
    let mut process = place.start();
    let door = Arc::new(Door {
        where_to: RwLock::new(Address::of(&process, &place)),
        closed: AtomicBool::new(false),
    });
    let (acknowledged, acknowledgements) = channel();
    let clients: Vec<_> = people
        .iter()
        .map(|person| {
            let (person, door, acknowledged) = (Arc::clone(person), Arc::clone(&door), acknowledged.clone());
            let chance = Chance(chance.next());
            thread::spawn(move || live(&person, &door, &acknowledged, chance))
        })
        .collect();
    let (mut done, mut checked) = (0, 0);
    for round in 0..rounds {
        done += some_happens(&acknowledgements, chance.below(16));
        // Anywhere within what is going on now.
        thread::sleep(Duration::from_micros(chance.below(30_000)));
        process.signal("KILL");
        process.wait();
        process = place.start();
        let mut where_to = door.where_to.write().unwrap();
        *where_to = Address::of(&process, &place);
        let mut visitor = where_to.visitor();
        let mut connection = visitor.connect();
        for person in &people {
            let mut person = person.lock().unwrap();
            person.settle(&mut visitor, &mut connection);
            checked += person.check(&mut visitor, &mut connection, &format!("seed {seed}, kill {round}"));
        }
    }
    assert!(checked >= rounds * 4, "only {checked} sessions were looked at: the test tests nothing");
    door.closed.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    drop(acknowledged);
    done += acknowledgements.iter().count() as u64;
    assert!(done >= rounds * 4, "only {done} things were done: the test tests nothing");
    let (status, _, err) = process.stop();
    assert_eq!(status.code(), Some(0), "{err}");
    let database = rusqlite::Connection::open(place.path("state/sessions.db")).unwrap();
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Waits for this many acknowledgements.
fn some_happens(acknowledgements: &Receiver<()>, count: u64) -> u64 {
    for _ in 0..count {
        acknowledgements.recv_timeout(PATIENCE).expect("somebody gets something done");
    }
    acknowledgements.try_iter().count() as u64 + count
}

/// Where the gateway is; nobody goes in while it is looked at.
struct Door {
    where_to: RwLock<Address>,
    closed: AtomicBool,
}

struct Address {
    origin: String,
    https: SocketAddr,
    certificate: PathBuf,
    sessions: PathBuf,
}

impl Address {
    fn of(process: &Process, place: &Workplace) -> Self {
        Self {
            origin: process.origin(),
            https: process.https,
            certificate: place.path("certs/self-signed.pem"),
            sessions: place.path("state/sessions.db"),
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor::new(&self.origin, self.https, &self.certificate, Clock::system())
    }
}

/// One user, with every session and password that was acknowledged.
struct Person {
    name: String,
    passwords: u64,
    /// A change of password that was under way: the one that was to be.
    next_password: Option<String>,
    password: String,
    alive: Vec<String>,
    dead: Vec<String>,
    /// May be either.
    unknown: Vec<String>,
}

impl Person {
    fn new(place: &Workplace, index: usize) -> Self {
        let name = format!("person{index}");
        let password = password(index as u64, 0);
        place.run_well(&["user", "add", &name], &password);
        let (alive, dead, unknown) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, passwords: 0, next_password: None, password, alive, dead, unknown }
    }

    /// After a change of password that nobody heard the end of, one of the two is right, and says which
    /// sessions are over.
    fn settle(&mut self, visitor: &mut Visitor, connection: &mut Connection) {
        let Some(next) = self.next_password.take() else { return };
        visitor.cookies.clear();
        let response = sign_in(visitor, connection, &self.name, &next).expect("a response");
        if response.status == 303 {
            self.password = next;
            self.dead.append(&mut self.alive);
            self.dead.append(&mut self.unknown);
        } else {
            assert_eq!(response.status, 401, "{response:?}");
            visitor.cookies.clear();
            let response = sign_in(visitor, connection, &self.name, &self.password).expect("a response");
            assert_eq!(response.status, 303, "neither password is right: {response:?}");
        }
        self.alive.push(cookie_of(visitor));
    }

    /// Looks at each session, and says how many there were.
    fn check(&mut self, visitor: &mut Visitor, connection: &mut Connection, when: &str) -> u64 {
        let count = (self.alive.len() + self.dead.len()) as u64;
        for (cookies, expected, wrong) in [(&self.alive, 200, "is lost"), (&self.dead, 401, "is alive again")]
        {
            for cookie in cookies {
                let request = Request::get("/").header("cookie", format!("{SESSION}={cookie}"));
                let status = visitor.send_over(connection, request.body(String::new()).unwrap()).status;
                let (key, name) = (key_of(cookie), &self.name);
                assert_eq!(status, expected, "{when}: session {key} of {name} {wrong}");
            }
        }
        let old = self.dead.len().saturating_sub(20);
        self.dead.drain(..old);
        count
    }
}

/// Does one thing after the other until the test is over.
fn live(person: &Mutex<Person>, door: &Door, acknowledged: &Sender<()>, mut chance: Chance) {
    while !door.closed.load(Ordering::Relaxed) {
        let where_to = door.where_to.read().unwrap();
        let mut person = person.lock().unwrap();
        // Which password is right is found out at the next start.
        if person.next_password.is_some() {
            drop((person, where_to));
            thread::yield_now();
            continue;
        }
        let done = match chance.below(10) {
            0..4 => signs_in(&mut person, &where_to),
            4..7 => signs_out(&mut person, &where_to),
            7 => is_ended_elsewhere(&mut person, &where_to.sessions),
            _ => changes_password(&mut person, &where_to, chance.next()),
        };
        if done.is_some() {
            acknowledged.send(()).ok();
        }
        drop((person, where_to));
        // The one who looks waits for a moment without anybody in there.
        thread::yield_now();
    }
}

fn signs_in(person: &mut Person, where_to: &Address) -> Option<()> {
    if person.alive.len() >= 6 {
        return None;
    }
    let mut visitor = where_to.visitor();
    let mut connection = visitor.try_connect().ok()?;
    let response = sign_in(&mut visitor, &mut connection, &person.name, &person.password)?;
    assert_eq!(response.status, 303, "{response:?}");
    person.alive.push(cookie_of(&visitor));
    Some(())
}

fn signs_out(person: &mut Person, where_to: &Address) -> Option<()> {
    let cookie = person.alive.pop()?;
    person.unknown.push(cookie.clone());
    let mut visitor = where_to.visitor();
    visitor.cookies.insert(SESSION.into(), cookie.clone());
    let mut connection = visitor.try_connect().ok()?;
    let csrf = page(&mut visitor, &mut connection, "/.gateway/logout")?.field("csrf");
    let response = submit(&mut visitor, &mut connection, "/.gateway/logout", &[("csrf", &csrf)])?;
    assert_eq!(response.status, 303, "{response:?}");
    person.unknown.pop();
    person.dead.push(cookie);
    Some(())
}

/// As the command line does, beside the gateway, whether that runs or has just been killed.
fn is_ended_elsewhere(person: &mut Person, sessions: &Path) -> Option<()> {
    let cookie = person.alive.pop()?;
    let ended = end_sessions(sessions, Which::One(key_of(&cookie)));
    assert_eq!(ended, [key_of(&cookie)], "it was not there any more");
    person.dead.push(cookie);
    Some(())
}

fn changes_password(person: &mut Person, where_to: &Address, salt: u64) -> Option<()> {
    let cookie = person.alive.first()?.clone();
    let mut visitor = where_to.visitor();
    visitor.cookies.insert(SESSION.into(), cookie);
    let mut connection = visitor.try_connect().ok()?;
    let csrf = page(&mut visitor, &mut connection, "/.gateway/account/password")?.field("csrf");
    person.passwords += 1;
    let new = password(salt, person.passwords);
    person.next_password = Some(new.clone());
    let fields = [("csrf", &*csrf), ("current", &person.password), ("new", &new), ("again", &new)];
    let response = submit(&mut visitor, &mut connection, "/.gateway/account/password", &fields)?;
    assert_eq!(response.status, 303, "{response:?}");
    person.next_password = None;
    person.password = new;
    person.dead.append(&mut person.alive);
    person.dead.append(&mut person.unknown);
    person.alive.push(cookie_of(&visitor));
    Some(())
}

fn sign_in(
    visitor: &mut Visitor,
    connection: &mut Connection,
    name: &str,
    password: &str,
) -> Option<Response> {
    let csrf = page(visitor, connection, "/.gateway/login")?.field("csrf");
    let fields = [("csrf", &*csrf), ("next", "/"), ("username", name), ("password", password)];
    submit(visitor, connection, "/.gateway/login", &fields)
}

fn page(visitor: &mut Visitor, connection: &mut Connection, path: &str) -> Option<Response> {
    let request = Request::get(path).header("accept", "text/html").body(String::new()).unwrap();
    let response = visitor.try_send_over(connection, request)?;
    assert_eq!(response.status, 200, "{path}: {response:?}");
    Some(response)
}

fn submit(
    visitor: &mut Visitor,
    connection: &mut Connection,
    path: &str,
    fields: &[(&str, &str)],
) -> Option<Response> {
    let origin = visitor.origin();
    visitor.try_send_over(
        connection,
        form(path, fields, &[("origin", &origin), ("sec-fetch-site", "same-origin")]),
    )
}

fn cookie_of(visitor: &Visitor) -> String {
    visitor.cookies.get(SESSION).expect("a session").clone()
}

fn password(salt: u64, count: u64) -> String {
    format!("{salt:x} umbrella lanterns {count}")
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Choices that can be made again (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

const PATIENCE: Duration = Duration::from_mins(1);
