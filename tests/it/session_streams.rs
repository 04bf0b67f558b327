//! Long requests end with their session: upgraded connections, event streams, downloads, uploads, requests without a
//! response. They also end with the group or the rule that allowed them.
//!
//! The upstream never ends any of them, so a stream that ends was ended by the gateway.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use portcullis::{
    identity::UserName,
    session::{SessionKey, Which},
    users::{AtNextSignIn, ListChange, NewToken, TokenLimits, UserChange},
};

use crate::support::{
    block_on,
    cookies::{self, SESSION},
    end_sessions,
    gateway::{TestGateway, password, quick_hash},
    process::until,
    visitor::Visitor,
};

const PATHS: [&str; 3] = ["/ws", "/events", "/large"];
const ALL_PATHS: [&str; 5] = ["/team/ws", "/team/events", "/team/large", "/team/wait", "/team/upload"];

#[test]
fn a_sign_out_ends_the_streams_of_the_session() {
    let team = Team::new("");
    let (mut alice, streams) = team.member("alice");
    let (_bob, others) = team.member("bob");
    assert_eq!(alice.sign_out().status, 303);
    all_end(streams);
    all_go_on(&others);
    team.0.the_upstream_sees_ends(ALL_PATHS.len());
}

#[test]
fn a_sign_out_ends_the_streams_of_every_host_that_the_portal_host_signed_in() {
    for from_portal in [true, false] {
        let hosts = "host = [\"wiki.example.com\", \"shop.example.org\"]\n";
        let scene = Scene::at("[portal]\nhost = \"login.example.com\"\n", hosts);
        scene.gateway.add_user("alice", &[]);
        let [mut portal, mut wiki, mut shop] = ["login.example.com", "wiki.example.com", "shop.example.org"]
            .map(|host| scene.visitor().on_host(host));
        assert_eq!(portal.sign_in_to("/.gateway/account", "alice", &password("alice")).status, 303);
        for app in [&mut wiki, &mut shop] {
            let to_portal = path_of(&app.get("/.gateway/login?next=/x").headers["location"]);
            let to_app = path_of(&portal.get(&to_portal).headers["location"]);
            assert_eq!(app.get(&to_app).headers["location"], "/x");
        }
        let streams: Vec<Stream> = [&wiki, &shop].into_iter().flat_map(Scene::streams).collect();
        if from_portal {
            assert_eq!(portal.sign_out().status, 303);
        } else {
            let key = key_of(&wiki);
            scene.end_elsewhere(Which::One(key));
        }
        all_end(streams);
    }
}

/// The path and query of an address.
fn path_of(location: &http::HeaderValue) -> String {
    let location = location.to_str().expect("a readable location");
    let rest = location.strip_prefix("https://").expect("another host");
    rest[rest.find('/').expect("a path")..].to_owned()
}

#[test]
fn a_revoked_token_ends_its_streams() {
    let team = Team::new("programs = { tokens = true }\n");
    let (_alice, others) = team.member("alice");
    let gateway = &team.0.gateway;
    let new = NewToken {
        name: "test".to_owned(),
        expires: gateway.clock.now() + Duration::from_hours(24),
        limits: TokenLimits::default(),
    };
    let (account, token) = gateway.users().add_token(&name("alice"), &new).unwrap();
    until("the gateway notices the token", || {
        let cached = gateway.shared.directory.cached(account.user.id);
        cached.is_none_or(|account| !account.tokens.is_empty())
    });
    let credential = format!("Authorization: Bearer {}", token.expose());
    let visitor = team.0.visitor();
    let streams: Vec<Stream> =
        ALL_PATHS.map(|path| Stream::open_with(&visitor, &credential, path)).into_iter().collect();
    all_go_on(&streams);
    gateway.users().revoke_token(&name("alice"), account.tokens[0].id).unwrap();
    all_end(streams);
    all_go_on(&others);
}

#[test]
fn disabling_a_user_ends_their_streams() {
    let team = Team::new("");
    let (_alice, streams) = team.member("alice");
    let (_bob, others) = team.member("bob");
    team.0.gateway.users().set_active(&name("alice"), false).unwrap();
    all_end(streams);
    all_go_on(&others);
}

#[test]
fn a_new_password_ends_the_streams_of_the_user() {
    let team = Team::new("");
    let (_alice, streams) = team.member("alice");
    let (_bob, others) = team.member("bob");
    let hash = quick_hash("seven violet lanterns hum");
    team.0.gateway.users().set_password(&name("alice"), &hash).unwrap();
    all_end(streams);
    all_go_on(&others);
}

#[test]
fn losing_a_group_ends_the_streams_that_it_allowed() {
    let team = Team::new("");
    let (alice, streams) = team.member("alice");
    let elsewhere = Scene::streams(&alice);
    let (_bob, others) = team.member("bob");
    let groups = ListChange { replace: Some(vec![]), ..ListChange::default() };
    let change = UserChange { groups, ..UserChange::default() };
    team.0.gateway.users().update(&name("alice"), &change).unwrap();
    all_end(streams);
    all_go_on(&others);
    all_go_on(&elsewhere);
}

#[test]
fn a_reload_ends_streams_that_the_new_rules_refuse() {
    let team = Team::new("");
    let (alice, streams) = team.member("alice");
    let elsewhere = Scene::streams(&alice);
    team.reload(&team.apps("").replace("group = \"team\"", "group = \"others\""));
    all_end(streams);
    all_go_on(&elsewhere);
}

#[test]
fn a_reload_that_closes_a_public_path_ends_its_anonymous_streams() {
    let team = Team::new("");
    let stranger = team.0.visitor();
    let streams = Scene::streams_at(&stranger, ["/open/ws", "/open/events", "/open/wait", "/open/upload"]);
    team.reload(&team.apps("").replace("allow = \"anyone\"", "allow = \"authenticated\""));
    all_end(streams);
}

#[test]
fn the_session_limits_of_an_app_end_its_streams() {
    let team = Team::new("[app.session]\nlifetime = \"1h\"\n");
    let (_alice, streams) = team.member("alice");
    team.0.gateway.clock.advance(Duration::from_mins(59));
    all_go_on(&streams);
    team.0.gateway.clock.advance(Duration::from_mins(1));
    all_end(streams);
    // Changed limits hold for streams that are open, too.
    let team = Team::new("");
    let (_alice, streams) = team.member("alice");
    team.0.gateway.clock.advance(Duration::from_mins(5));
    all_go_on(&streams);
    team.reload(&team.apps("[app.session]\nlifetime = \"4m\"\n"));
    all_end(streams);
}

/// A question in the middle of a stream would go unanswered: see "Rules that ask for a factor" in docs/accounts.md. A new
/// request is asked.
#[test]
fn streams_under_a_rule_with_max_age_go_on_until_their_session_ends() {
    let upstream = Upstream::start();
    let apps = format!(
        "[[app]]\nupstream = \"http://{}\"\ntimeout = \"10m\"\n\
         [[app.rule]]\npath = \"/team/**\"\nallow = {{ group = \"team\" }}\nfactors = [\"password\"]\nmax_age = \"10m\"\n",
        upstream.addr
    );
    let team = Team(Scene { gateway: TestGateway::start_with(GROUPS, &apps), upstream });
    let (mut alice, streams) = team.member("alice");
    team.0.gateway.clock.advance(Duration::from_mins(11));
    let asked = alice.get("/team/quick");
    assert!(asked.headers["location"].to_str().unwrap().starts_with("/.gateway/confirm"), "{asked:?}");
    all_go_on(&streams);
    // A change of the account judges them again, by the time at which each of them began.
    team.0.gateway.users().set_must_change_password(&name("alice"), AtNextSignIn::ChangePassword).unwrap();
    all_go_on(&streams);
    // A rule that asks for a factor that the session never had ends them.
    team.reload(&apps.replace("factors = [\"password\"]", "factors = 2"));
    all_end(streams);
}

#[test]
fn streams_go_on_for_half_a_minute_while_users_cannot_be_looked_up() {
    let team = Team::new("");
    let (_alice, mut streams) = team.member("alice");
    // Checked only after it has waited for a while, which the clock of the test does not measure.
    streams.retain(|stream| stream.path != "/team/wait");
    let users = team.0.gateway.folder().join("state/users.db");
    let database = rusqlite::Connection::open(&users).unwrap();
    database.execute_batch("ALTER TABLE change RENAME TO c; ALTER TABLE user RENAME TO u").unwrap();
    until("the account is forgotten", || {
        let id = portcullis::identity::UserId(1);
        team.0.gateway.shared.directory.cached(id).is_none()
    });
    all_go_on(&streams);
    team.0.gateway.clock.advance(Duration::from_secs(29));
    all_go_on(&streams);
    team.0.gateway.clock.advance(Duration::from_secs(2));
    all_end(streams);
}

/// A scene with a part for members of a group.
struct Team(Scene);

impl Team {
    fn new(keys: &str) -> Self {
        let upstream = Upstream::start();
        let apps = Self::apps_of(&upstream.addr, keys);
        Self(Scene { gateway: TestGateway::start_with(GROUPS, &apps), upstream })
    }

    fn apps(&self, keys: &str) -> String {
        Self::apps_of(&self.0.upstream.addr, keys)
    }

    fn apps_of(addr: &SocketAddr, keys: &str) -> String {
        format!(
            "[[app]]\nupstream = \"http://{addr}\"\ntimeout = \"10m\"\n{keys}\
             [[app.rule]]\npath = \"/team/**\"\nallow = {{ group = \"team\" }}\n\
             [[app.rule]]\npath = \"/open/**\"\nallow = \"anyone\"\n"
        )
    }

    fn member(&self, who: &str) -> (Visitor, Vec<Stream>) {
        self.0.gateway.add_user(who, &["team"]);
        let mut visitor = self.0.visitor();
        visitor.sign_in(who, &password(who));
        let streams = Scene::streams_at(&visitor, ALL_PATHS);
        (visitor, streams)
    }

    fn reload(&self, apps: &str) {
        self.0.gateway.reload(GROUPS, apps);
    }
}

const GROUPS: &str = "[groups]\nteam = []\nothers = []";

#[test]
fn a_sign_out_ends_the_streams_of_the_session_on_other_connections() {
    let scene = Scene::new("");
    let (mut alice, streams) = scene.signed_in_with_streams("alice");
    let (_bob, others) = scene.signed_in_with_streams("bob");
    assert_eq!(alice.sign_out().status, 303);
    all_end(streams);
    all_go_on(&others);
    scene.the_upstream_sees_ends(PATHS.len());
}

#[test]
fn a_session_that_another_process_ends_ends_its_streams() {
    let scene = Scene::new("");
    let (alice, streams) = scene.signed_in_with_streams("alice");
    let (_bob, others) = scene.signed_in_with_streams("bob");
    scene.end_elsewhere(Which::One(key_of(&alice)));
    all_end(streams);
    all_go_on(&others);
}

#[test]
fn a_sign_out_everywhere_ends_the_streams_of_all_sessions_but_the_one_kept() {
    let scene = Scene::new("");
    let (alice, mine) = scene.signed_in_with_streams("alice");
    let mut elsewhere = scene.visitor();
    elsewhere.sign_in("alice", &password("alice"));
    let theirs = Scene::streams(&elsewhere);
    let user = scene.gateway.users().find_by_name(&name("alice")).unwrap().unwrap().user.id;
    scene.end_elsewhere(Which::OfUser { user, except: Some(key_of(&elsewhere)) });
    all_end(mine);
    all_go_on(&theirs);
    drop(alice);
}

#[test]
fn disabling_a_user_ends_the_streams_of_their_sessions() {
    let scene = Scene::new("");
    let (_alice, streams) = scene.signed_in_with_streams("alice");
    scene.gateway.users().set_active(&name("alice"), false).unwrap();
    all_end(streams);
}

#[test]
fn a_password_changed_by_the_user_or_an_administrator_ends_the_streams_of_the_session() {
    let scene = Scene::new("");
    let (mut alice, streams) = scene.signed_in_with_streams("alice");
    let csrf = alice.get("/.gateway/account/password").field("csrf");
    let (old, new) = (password("alice"), "seven violet lanterns hum");
    let fields = [("csrf", &*csrf), ("current", &old), ("new", new), ("again", new)];
    assert_eq!(alice.submit("/.gateway/account/password", &fields).status, 303);
    all_end(streams);

    let (_bob, streams) = scene.signed_in_with_streams("bob");
    scene.gateway.users().set_password(&name("bob"), &quick_hash(new)).unwrap();
    all_end(streams);
}

#[test]
fn streams_end_at_the_lifetime_of_their_session_in_spite_of_use() {
    let scene = Scene::new("[session]\nlifetime = \"2h\"\nidle_timeout = \"2h\"");
    let (_alice, streams) = scene.signed_in_with_streams("alice");
    scene.gateway.clock.advance(Duration::from_mins(119));
    scene.has_been_used_now();
    all_go_on(&streams);
    scene.gateway.clock.advance(Duration::from_mins(1));
    all_end(streams);
}

#[test]
fn an_open_stream_counts_as_use_of_its_session() {
    let scene = Scene::new("[session]\nlifetime = \"12h\"\nidle_timeout = \"1h\"");
    let mut idle = scene.visitor();
    scene.gateway.add_user("carol", &[]);
    idle.sign_in("carol", &password("carol"));
    let (mut alice, streams) = scene.signed_in_with_streams("alice");
    for _ in 0..4 {
        scene.gateway.clock.advance(Duration::from_mins(40));
        scene.has_been_used_now();
    }
    all_go_on(&streams);
    assert_eq!(alice.get("/quick").status, 200, "idle in spite of an open stream");
    assert_eq!(
        idle.fetch(&http::Method::GET, "/quick").status,
        401,
        "nothing was carried, and nothing ended"
    );
}

#[test]
fn a_public_stream_ends_with_the_identity_that_the_app_was_sent_and_goes_on_without_one() {
    let scene = Scene::new("");
    let stranger = scene.visitor();
    let strangers: Vec<_> = Scene::streams_at(&stranger, ["/open/ws", "/open/events"]);
    let mut alice = scene.visitor();
    scene.gateway.add_user("alice", &[]);
    alice.sign_in("alice", &password("alice"));
    let streams = Scene::streams_at(&alice, ["/open/ws", "/open/events"]);
    scene.gateway.users().set_active(&name("alice"), false).unwrap();
    all_end(streams);
    all_go_on(&strangers);
}

#[test]
fn an_ended_session_does_not_hold_up_a_drain() {
    let scene = Scene::new("");
    let (alice, streams) = scene.signed_in_with_streams("alice");
    let key = key_of(&alice);
    scene.gateway.stopper.drain();
    // A changed connection may last for ever: it does not keep a worker that has nothing else to do.
    let (changed, streams): (Vec<_>, Vec<_>) = streams.into_iter().partition(|stream| stream.path == "/ws");
    all_go_on(&streams);
    scene.end_elsewhere(Which::One(key));
    all_end(streams);
    all_end(changed);
    scene.gateway.drain().expect("a clean end");
}

/// A gateway before an upstream that streams for ever.
struct Scene {
    gateway: TestGateway,
    upstream: Upstream,
}

impl Scene {
    fn new(sections: &str) -> Self {
        Self::at(sections, "")
    }

    fn at(sections: &str, hosts: &str) -> Self {
        let upstream = Upstream::start();
        let apps = format!(
            "[[app]]\n{hosts}upstream = \"http://{}\"\n[[app.rule]]\npath = \"/open/**\"\nallow = \"anyone\"",
            upstream.addr
        );
        Self { gateway: TestGateway::start_with(sections, &apps), upstream }
    }

    fn visitor(&self) -> Visitor {
        Visitor::of(&self.gateway)
    }

    fn signed_in_with_streams(&self, who: &str) -> (Visitor, Vec<Stream>) {
        self.gateway.add_user(who, &[]);
        let mut visitor = self.visitor();
        visitor.sign_in(who, &password(who));
        let streams = Self::streams(&visitor);
        (visitor, streams)
    }

    fn streams(visitor: &Visitor) -> Vec<Stream> {
        Self::streams_at(visitor, PATHS)
    }

    fn streams_at<const N: usize>(visitor: &Visitor, paths: [&'static str; N]) -> Vec<Stream> {
        let streams = paths.map(|path| Stream::open(visitor, path)).into();
        all_go_on(&streams);
        streams
    }

    /// As the command line does.
    fn end_elsewhere(&self, which: Which) {
        let database = self.gateway.folder().join("state/sessions.db");
        assert!(!end_sessions(&database, which).is_empty());
    }

    /// Waits until the streams have been counted as a use at the time that it is now.
    fn has_been_used_now(&self) {
        until("the use is noted", || {
            let records = block_on(self.gateway.shared.sessions.list(None, None, 100)).unwrap();
            records.iter().any(|listed| listed.record.last_seen == self.gateway.clock.now())
        });
    }

    fn the_upstream_sees_ends(&self, count: usize) {
        for _ in 0..count {
            self.upstream.ends.recv_timeout(PATIENCE).expect("the upstream's connection ends, too");
        }
    }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).expect("a name")
}

fn key_of(visitor: &Visitor) -> SessionKey {
    cookies::key_of(visitor.cookies.get(SESSION).expect("a session"))
}

fn all_end(streams: Vec<Stream>) {
    for stream in streams {
        stream.ended.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{} goes on", stream.path));
    }
}

/// Bytes that the upstream sends from now on arrive. In a row, so that what was still on its way does not count.
fn all_go_on(streams: &Vec<Stream>) {
    for _ in 0..3 {
        for Stream { path, received, over, .. } in streams {
            if path.ends_with("/wait") {
                assert!(!over.load(Ordering::Relaxed), "{path} was ended");
                continue;
            }
            let before = received.load(Ordering::Relaxed);
            until(&format!("{path} goes on"), || {
                assert!(!over.load(Ordering::Relaxed), "{path} was ended");
                received.load(Ordering::Relaxed) > before
            });
        }
    }
}

/// A long request of a client, and the bytes that it has received or sent.
struct Stream {
    path: &'static str,
    received: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    ended: Receiver<()>,
}

impl Stream {
    fn open(visitor: &Visitor, path: &'static str) -> Self {
        let cookies: Vec<_> = visitor.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self::open_with(visitor, &format!("Cookie: {}", cookies.join("; ")), path)
    }

    /// With this header line as the credential.
    fn open_with(visitor: &Visitor, credential: &str, path: &'static str) -> Self {
        let mut connection = visitor.raw();
        let (is_upload, has_head) =
            (path.ends_with("/upload"), !path.ends_with("/upload") && !path.ends_with("/wait"));
        let upgrade = if path.ends_with("/ws") {
            "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        } else if is_upload {
            "Transfer-Encoding: chunked\r\n"
        } else {
            ""
        };
        let method = if is_upload { "POST" } else { "GET" };
        let host = visitor.host();
        write!(connection, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{credential}\r\n{upgrade}\r\n")
            .unwrap();
        if has_head {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                connection.read_exact(&mut byte).expect("a head");
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let expected = if upgrade.is_empty() { "HTTP/1.1 200 " } else { "HTTP/1.1 101 " };
            assert!(head.starts_with(expected), "{path}: {head}");
        }
        let (received, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (end, ended) = channel();
        let (counted, closed) = (Arc::clone(&received), Arc::clone(&over));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            if is_upload {
                connection.sock.set_read_timeout(Some(BETWEEN_PIECES)).expect("a socket option");
                let is_silent = |error: &std::io::Error| {
                    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
                };
                while connection.write_all(b"4\r\ntick\r\n").and_then(|()| connection.flush()).is_ok()
                    && connection.read(&mut buffer).is_err_and(|error| is_silent(&error))
                {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            } else {
                while let Ok(1..) = connection.read(&mut buffer)
                    && has_head
                {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
            closed.store(true, Ordering::Relaxed);
            end.send(()).ok();
        });
        Self { path, received, over, ended }
    }
}

struct Upstream {
    addr: SocketAddr,
    /// One for each stream that somebody else ended.
    ends: Receiver<()>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let (end, ends) = channel();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let end = end.clone();
                thread::spawn(move || serve(socket, &end));
            }
        });
        Self { addr, ends }
    }
}

fn serve(mut socket: TcpStream, end: &Sender<()>) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if !matches!(socket.read(&mut byte), Ok(1)) {
                return;
            }
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (opening, piece) = match path.rsplit('/').next() {
            Some("ws") => (
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                b"\x81\x04tick".to_vec(),
            ),
            Some("events") => (
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"c\r\ndata: tick\n\n\r\n".to_vec(),
            ),
            Some("wait" | "upload") => {
                while let Ok(1..) = socket.read(&mut [0; 4096]) {}
                end.send(()).ok();
                return;
            }
            Some("large") => ("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", vec![b'x'; 1024]),
            _ => {
                socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nquick").ok();
                continue;
            }
        };
        socket.write_all(opening.as_bytes()).ok();
        while socket.write_all(&piece).is_ok() {
            thread::sleep(BETWEEN_PIECES);
        }
        end.send(()).ok();
        return;
    }
}

/// A stream moves all the time, and leaves the machine to the others.
const BETWEEN_PIECES: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);
