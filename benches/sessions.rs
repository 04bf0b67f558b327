//! Sessions by the million: look-ups, memory, sign-ins, start.
//!
//!     cargo bench --bench sessions              everything, a few minutes, 1 GB of disk
//!     cargo bench --bench sessions -- find      only the sections with this in their name
//!
//! Each section runs in its own process, so that memory and caches of one do not influence another. Files are made
//! under `target/`, or in the folder that `PORTCULLIS_BENCH_DIR` names. The time of a sync depends on its disk.

#![expect(clippy::print_stdout, reason = "the program prints a table")]
#![expect(clippy::unwrap_used, reason = "an error ends the measurement")]
#![expect(clippy::cast_precision_loss, reason = "figures of three digits")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64URL_NOPAD;
use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use portcullis::{
    clock::{Clock, Timestamp},
    identity::{CredentialVersion, Proofs, UserId},
    session::{
        FileStore, Invalidator, MemoryStore, NewSession, Opening, Owner, Presented, Record, SessionData,
        SessionLimits, SessionStore, SessionToken, Sessions, StoreError, StoreSurroundings, Which,
    },
};

const MANY: u64 = 1_000_000;
const FEW: u64 = 1_000;
/// Size of the session cache in the gateway.
const CACHED: u64 = 50_000;
const HOST: &str = "wiki.example.com";
/// A typical browser.
const USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                          Chrome/140.0.0.0 Safari/537.36";
const LIMITS: SessionLimits = SessionLimits {
    lifetime: Duration::from_hours(12),
    idle_timeout: Duration::from_hours(1),
    remember_lifetime: None,
    browser_session: false,
    max_per_user: None,
};

type Section = (&'static str, fn());

const SECTIONS: &[Section] = &[
    ("memory: find, 1,000 alive", || find_in_memory(FEW, FEW)),
    ("memory: find, 1,000,000 alive, 1,000 in use", || find_in_memory(MANY, FEW)),
    ("memory: find, 1,000,000 alive, 40,000 in use", || find_in_memory(MANY, 40_000)),
    ("memory: find, 1,000,000 alive, all in use", || find_in_memory(MANY, MANY)),
    ("memory: bytes a session, one for each user", || bytes_in_memory(1)),
    ("memory: bytes a session, ten for each user", || bytes_in_memory(10)),
    ("memory: sign-in past the limit", sign_in_past_the_limit),
    ("file: find, 1,000 alive", || find_in_file(FEW, FEW)),
    ("file: find, 1,000,000 alive, 1,000 in use", || find_in_file(MANY, FEW)),
    ("file: find, 1,000,000 alive, 40,000 in use", || find_in_file(MANY, 40_000)),
    ("file: find, 1,000,000 alive, all in use", || find_in_file(MANY, MANY)),
    ("file: memory of the process, 1,000 alive", || memory_of_file(FEW)),
    ("file: memory of the process, 1,000,000 alive", || memory_of_file(MANY)),
    ("file: sign-ins a second, empty", || sign_ins(0)),
    ("file: sign-ins a second, 1,000,000 alive", || sign_ins(MANY)),
    ("file: sign-ins while 1,000,000 expired ones are dropped", sign_ins_while_pruning),
    ("file: ending all 1,000,000 at once", end_all),
    ("start: to the first response, no session", || start(0)),
    ("start: to the first response, 1,000,000 sessions", || start(MANY)),
];

fn main() {
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [only, name] = &wanted[..]
        && only == "--only"
    {
        SECTIONS.iter().find(|(section, _)| section == name).unwrap().1();
        return;
    }
    for (name, _) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
            print!("{name:<58} ");
            std::io::stdout().flush().unwrap();
            let ran = Command::new(env::current_exe().unwrap()).args(["--only", name]).status().unwrap();
            assert!(ran.success(), "{name}");
        }
    }
}

fn find_in_memory(alive: u64, in_use: u64) {
    let sessions = in_memory(alive);
    measure_find(&Arc::new(sessions), in_use);
}

fn find_in_file(alive: u64, in_use: u64) {
    let file = filled(alive);
    measure_find(&Arc::new(in_file(&file)), in_use);
}

/// Looks up random sessions among those in use, on one thread and on two. Measures CPU time, which other load on the
/// machine does not influence.
fn measure_find(sessions: &Arc<Sessions>, in_use: u64) {
    let finds: u64 = if in_use > CACHED { 200_000 } else { 1_000_000 };
    let tokens: Arc<Vec<SessionToken>> = Arc::new((0..in_use).map(token).collect());
    let look = |threads: u64| {
        let all: Vec<_> = (0..threads)
            .map(|thread| {
                let (sessions, tokens) = (Arc::clone(sessions), Arc::clone(&tokens));
                thread::spawn(move || {
                    let before = cpu_nanos();
                    runtime().block_on(async {
                        let mut at = thread * 7919;
                        for _ in 0..finds {
                            at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            let index = usize::try_from((at >> 33) % in_use).unwrap();
                            let token = tokens.get(index);
                            let found = sessions.present(token, now(), &LIMITS).await.unwrap();
                            assert!(matches!(found, Presented::Alive(_)));
                        }
                    });
                    cpu_nanos() - before
                })
            })
            .collect();
        let used: u64 = all.into_iter().map(|thread| thread.join().unwrap()).sum();
        used as f64 / (finds * threads) as f64
    };
    runtime().block_on(async {
        for token in tokens.iter().take(usize::try_from(CACHED).unwrap()) {
            sessions.present(Some(token), now(), &LIMITS).await.unwrap();
        }
    });
    let (one, two) = (look(1), look(2));
    println!("{one:>8.0} ns on one thread, {two:>6.0} ns on each of two");
}

fn bytes_in_memory(each: u64) {
    let before = resident();
    let store = MemoryStore::new(2 * MANY);
    runtime().block_on(async {
        for number in 0..MANY {
            store.insert(new(record(number, number / each))).await.unwrap();
        }
    });
    println!("{:>8} bytes", (resident() - before) / MANY);
    drop(store);
}

fn sign_in_past_the_limit() {
    let store = MemoryStore::new(MANY);
    let count = 100_000;
    runtime().block_on(async {
        for number in 0..MANY {
            // The worst case: all sessions belong to one user.
            store.insert(new(record(number, 1))).await.unwrap();
        }
        let began = Instant::now();
        for number in MANY..MANY + count {
            store.insert(new(record(number, 1))).await.unwrap();
        }
        println!("{:>8.1} µs each", began.elapsed().as_micros() as f64 / count as f64);
    });
}

fn memory_of_file(alive: u64) {
    let file = filled(alive);
    let before = resident();
    let sessions = in_file(&file);
    let opened = resident() - before;
    runtime().block_on(async {
        for number in 0..alive.min(200_000) {
            // Spread over the file, and four times the size of the cache.
            let number = number * (alive / alive.min(200_000));
            let found = sessions.present(Some(&token(number)), now(), &LIMITS).await.unwrap();
            assert!(matches!(found, Presented::Alive(_)));
        }
    });
    let used = resident() - before;
    println!("{:>8.1} MB after opening, {:.1} MB after up to 200,000 were used", mb(opened), mb(used));
}

fn sign_ins(alive: u64) {
    let file = filled(alive);
    let sessions = in_file(&file);
    let (count, at_once) = (50_000, 512);
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    runtime().block_on(async {
        let one = |_| async {
            let began = Instant::now();
            sessions.open(opening(), now(), &LIMITS).await.unwrap();
            began.elapsed()
        };
        let mut running: FuturesUnordered<_> = (0..at_once).map(one).collect();
        for left in (0..count).rev() {
            slowest = slowest.max(running.next().await.unwrap());
            if left >= at_once {
                running.push(one(left));
            }
        }
    });
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    println!("{rate:>8.0} a second, {at_once} at once, the slowest after {:.0} ms", ms(slowest));
}

fn sign_ins_while_pruning() {
    let file = filled(MANY);
    let sessions = Arc::new(in_file(&file));
    let later = now() + Duration::from_hours(13);
    let pruning = {
        let sessions = Arc::clone(&sessions);
        thread::spawn(move || runtime().block_on(sessions.prune(later, &LIMITS)).unwrap())
    };
    let began = Instant::now();
    let (mut slowest, mut count) = (Duration::ZERO, 0_u32);
    runtime().block_on(async {
        while !pruning.is_finished() {
            let began = Instant::now();
            join_all((0..4).map(|_| sessions.open(opening(), later, &LIMITS))).await;
            slowest = slowest.max(began.elapsed());
            count += 4;
        }
    });
    let took = began.elapsed().as_secs_f64();
    let dropped = pruning.join().unwrap();
    println!("{:>8.0} ms the slowest of {count} sign-ins, {dropped} dropped in {took:.0} s", ms(slowest));
}

fn end_all() {
    let file = filled(MANY);
    let sessions = in_file(&file);
    let began = Instant::now();
    let ended = runtime().block_on(sessions.end_which(Which::All)).unwrap();
    println!("{:>8.1} s for {ended}", began.elapsed().as_secs_f64());
}

/// Time from the start of the process until `/readyz` gives 200, which includes a write to the session store.
fn start(alive: u64) {
    let folder = tempfile::tempdir_in(bench_folder()).unwrap();
    fs::create_dir(folder.path().join("state")).unwrap();
    fs::rename(filled(alive), folder.path().join("state/sessions.db")).unwrap();
    let text = "[server]\nhttps = [\"127.0.0.1:0\"]\nstatus = \"127.0.0.1:0\"\n\
                [[app]]\nupstream = \"builtin:whoami\"\n";
    fs::write(folder.path().join("gateway.toml"), text).unwrap();
    // The first start makes a certificate and the databases.
    start_once(folder.path());
    let mut times: Vec<f64> = (0..7).map(|_| ms(start_once(folder.path()))).collect();
    times.sort_unstable_by(f64::total_cmp);
    if let [fastest, _, _, median, _, _, slowest] = times[..] {
        println!("{median:>8.0} ms (median of 7; from {fastest:.0} to {slowest:.0})");
    }
}

fn start_once(folder: &Path) -> Duration {
    let began = Instant::now();
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .current_dir(folder)
        .env("PORTCULLIS_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gateway.stderr.take().unwrap()).lines().map_while(Result::ok);
    let status = lines.find_map(|line| {
        line.split_whitespace().find_map(|word| word.strip_prefix("status=").map(str::to_owned))
    });
    let status = status.expect("a status address");
    loop {
        let mut response = String::new();
        let mut socket = TcpStream::connect(&status).unwrap();
        socket.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        socket.read_to_string(&mut response).unwrap();
        if response.starts_with("HTTP/1.1 200") {
            break;
        }
    }
    let took = began.elapsed();
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    took
}

fn in_memory(alive: u64) -> Sessions {
    let store = MemoryStore::new(2 * MANY);
    runtime().block_on(async {
        for number in 0..alive {
            store.insert(new(record(number, number))).await.unwrap();
        }
    });
    Sessions::start(CACHED, |_| Ok::<_, StoreError>(Box::new(store) as Box<dyn SessionStore>)).unwrap()
}

fn in_file(file: &Path) -> Sessions {
    Sessions::start(CACHED, |invalidator| {
        let surroundings = StoreSurroundings { clock: Clock::manual(now()), invalidator };
        FileStore::open(file, surroundings).map(|store| Box::new(store) as Box<dyn SessionStore>)
    })
    .unwrap()
}

/// A new file with this number of sessions, copied from a pattern that is made once.
fn filled(alive: u64) -> PathBuf {
    let folder = bench_folder();
    let (pattern, copy) = (folder.join(format!("{alive}.pattern")), folder.join("sessions.db"));
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(folder.join(format!("sessions.db{suffix}"))).ok();
    }
    if !pattern.exists() {
        let made = tempfile::tempdir_in(&folder).unwrap();
        let made = made.path().join("sessions.db");
        fill(&made, alive);
        fs::rename(made, &pattern).unwrap();
    }
    fs::copy(&pattern, &copy).unwrap();
    copy
}

fn fill(file: &Path, alive: u64) {
    let surroundings = StoreSurroundings { clock: Clock::manual(now()), invalidator: Invalidator::none() };
    drop(FileStore::open(file, surroundings).unwrap());
    let mut records: Vec<Record> = (0..alive).map(|number| record(number, number)).collect();
    records.sort_unstable_by_key(|record| record.key);
    let mut connection = rusqlite::Connection::open(file).unwrap();
    let transaction = connection.transaction().unwrap();
    let mut insert = transaction
        .prepare(
            "INSERT INTO session (key, user_id, credential, signed_in, confirmed, expires, last_seen,
                                  remembered, client_addr, user_agent)
             VALUES (?1, ?2, 1, ?3, ?3, ?4, ?3, 0, '127.0.0.1', ?5)",
        )
        .unwrap();
    for record in &records {
        let user = record.owner.user().map(|user| user.0);
        let (signed_in, expires) = (record.signed_in.as_millis(), record.expires.as_millis());
        let values = rusqlite::params![record.key.as_bytes(), user, signed_in, expires, USER_AGENT];
        insert.execute(values).unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn bench_folder() -> PathBuf {
    let folder = env::var_os("PORTCULLIS_BENCH_DIR")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions"), PathBuf::from);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn opening() -> Opening<'static> {
    let owner = Owner::User { id: UserId(1), credential: CredentialVersion(1) };
    let client_addr = Ipv4Addr::LOCALHOST.into();
    let (user_agent, host) = (USER_AGENT, HOST);
    Opening {
        owner,
        proofs: Proofs::password(Timestamp::from_millis(0)),
        source: None,
        client_addr,
        user_agent,
        host,
        remember: false,
        replaces: None,
        confirms: false,
    }
}

fn new(record: Record) -> NewSession {
    NewSession { record, replaces: None, adopts: false, max_per_user: None }
}

fn record(number: u64, user: u64) -> Record {
    let id = UserId(i64::try_from(user).unwrap());
    Record {
        key: token(number).key(),
        owner: Owner::User { id, credential: CredentialVersion(1) },
        signed_in: now(),
        proofs: Proofs::password(now()),
        source: None,
        parent: None,
        expires: now() + LIMITS.lifetime,
        last_seen: now(),
        remembered: false,
        client_addr: Ipv4Addr::LOCALHOST.into(),
        user_agent: USER_AGENT.into(),
        host: HOST.into(),
        data: SessionData::new(),
    }
}

/// The same for the same number, so that nobody has to remember a million.
fn token(number: u64) -> SessionToken {
    let mut bytes = [7; 32];
    bytes.split_at_mut(8).0.copy_from_slice(&number.to_le_bytes());
    SessionToken::from_cookie(BASE64URL_NOPAD.encode(&bytes).as_bytes()).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Anonymous resident memory of this process in bytes; mapped files do not count.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// CPU time of this thread in nanoseconds.
fn cpu_nanos() -> u64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
