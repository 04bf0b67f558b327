//! Limits on requests in flight, of each client and to each app: they bound the upstream connections, descriptors and
//! memory that a client costs, and other clients are served meanwhile.

use std::{io, process::Command};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::support::{
    client::{RawClient, sign_in},
    frames::{
        DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block,
        frame, get,
    },
    gateway::TestGateway,
    process::{Process, Workplace, text, until},
    upstream::{Conn, Gate, OK, Upstream, app_below, public_app},
};

fn limited(limits: &str, keys: &str, upstream: &Upstream) -> TestGateway {
    TestGateway::start_with(&format!("[limits]\n{limits}"), &public_app(&upstream.url, keys))
}

/// An upstream that responds to `/waits` once it is let through, and to anything else at once.
fn waiting() -> (Upstream, std::sync::mpsc::Sender<()>) {
    let (go_on, gate) = Gate::closed();
    let upstream = Upstream::scripted(move |conn| {
        while let Some(request) = conn.request()? {
            if request.asked() == "GET /waits" {
                conn.note("waits");
                gate.wait();
            }
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    (upstream, go_on)
}

fn ask(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&get(path)))
}

/// The first bytes of the heads that come for so many streams; RFC 7541 appendix A: 0x88 is `:status: 200`.
fn heads(client: &mut Frames, count: usize) -> Vec<u8> {
    let mut heads = Vec::new();
    while heads.len() < count {
        let frame = client.next().expect("a frame");
        match frame.kind {
            HEADERS => heads.push(frame.payload[0]),
            RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
    heads
}

#[test]
fn requests_beyond_those_of_an_address_are_refused_and_reach_no_upstream() {
    let (upstream, go_on) = waiting();
    let gateway = limited("requests_per_address = 2", "", &upstream);
    let mut client = Frames::connect(&gateway);
    client.send([ask(1, "/waits"), ask(3, "/waits")].concat());
    upstream.wait_for_note("waits");
    upstream.wait_for_note("waits");
    // On another connection, and on another worker perhaps.
    let mut others: Vec<_> = (0..3).map(|_| RawClient::connect(&gateway)).collect();
    for other in &mut others {
        other.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for other in &mut others {
        let response = other.response();
        assert_eq!(
            (response.status, response.values("retry-after")),
            (503, vec!["2"]),
            "{}",
            response.text()
        );
    }
    assert_eq!(upstream.connections(), 2);
    gateway.wait_until_reached("requests_per_address", 3);
    drop(go_on);
    assert_eq!(heads(&mut client, 2), [0x88, 0x88]);
    // The connection that was refused goes on.
    assert_eq!(others[0].get("/", "").status, 200);
}

#[test]
fn a_request_that_finds_no_slot_waits_a_little_for_one() {
    let (upstream, go_on) = waiting();
    // In its turn a request waits for one that ends within a moment.
    let gateway = limited("requests_per_address = 1", "", &upstream);
    let mut client = Frames::connect(&gateway);
    client.send([ask(1, "/waits"), ask(3, "/")].concat());
    upstream.wait_for_note("waits");
    go_on.send(()).unwrap();
    assert_eq!(heads(&mut client, 2), [0x88, 0x88]);
    assert_eq!(gateway.reached("requests_per_address"), 0);
}

#[test]
fn a_signed_in_user_has_slots_of_their_own_beside_strangers_at_the_same_address() {
    let (upstream, go_on) = waiting();
    let gateway = limited("requests_per_address = 1", "", &upstream);
    for name in ["alice", "bob"] {
        gateway.add_user(name, &[]);
    }
    let (alice, bob) = (sign_in(&gateway, "alice"), sign_in(&gateway, "bob"));
    let mut stranger = RawClient::connect(&gateway);
    stranger.send("GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n");
    upstream.wait_for_note("waits");
    assert_eq!(RawClient::connect(&gateway).get("/", "").status, 503);
    for cookie in [&alice, &bob] {
        assert_eq!(RawClient::connect(&gateway).get("/", &format!("Cookie: {cookie}\r\n")).status, 200);
    }
    let mut busy = RawClient::connect(&gateway);
    busy.send(format!("GET /waits HTTP/1.1\r\nHost: localhost\r\nCookie: {alice}\r\n\r\n"));
    upstream.wait_for_note("waits");
    assert_eq!(RawClient::connect(&gateway).get("/", &format!("Cookie: {alice}\r\n")).status, 503);
    assert_eq!(RawClient::connect(&gateway).get("/", &format!("Cookie: {bob}\r\n")).status, 200);
    drop(go_on);
}

#[test]
fn clients_of_a_trusted_proxy_are_counted_by_their_own_addresses() {
    let (upstream, go_on) = waiting();
    let gateway = TestGateway::start_trusting(
        &["127.0.0.0/8"],
        &format!("[limits]\nrequests_per_address = 1\n{}", public_app(&upstream.url, "")),
    );
    let mut proxy = Frames::connect(&gateway);
    let ask_for = |stream: u32, path: &str, client: &str| {
        let fields = [&get(path)[..], &[("x-forwarded-for", client.as_bytes())]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&fields))
    };
    proxy.send([ask_for(1, "/waits", "192.0.2.1"), ask_for(3, "/waits", "2001:db8::1")].concat());
    upstream.wait_for_note("waits");
    upstream.wait_for_note("waits");
    for (stream, client, is_served) in [
        (5, "192.0.2.1", false),
        (7, "192.0.2.2", true),
        (9, "2001:db8::2", false),
        (11, "2001:db8:0:1::1", true),
        // The proxy itself may have any number.
        (13, "127.0.0.1", true),
    ] {
        proxy.send(ask_for(stream, "/", client));
        assert_eq!(heads(&mut proxy, 1) == [0x88], is_served, "{client}");
    }
    drop(go_on);
}

#[test]
fn requests_beyond_those_of_an_app_are_refused_and_other_apps_go_on() {
    let upstream = Upstream::ok();
    let (waits, gate) = Gate::closed();
    let slow = Upstream::scripted(move |conn| {
        while conn.request()?.is_some() {
            conn.note("waits");
            gate.wait();
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let apps =
        [app_below("slow", &slow.url, "max_requests = 1"), app_below("other", &upstream.url, "")].concat();
    let gateway = TestGateway::start(&apps);
    let mut first = RawClient::connect(&gateway);
    first.send("GET /slow/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    slow.wait_for_note("waits");
    assert_eq!(RawClient::connect(&gateway).get("/slow/", "").status, 503);
    gateway.wait_until_reached("max_requests", 1);
    assert_eq!(slow.connections(), 1);
    assert_eq!(RawClient::connect(&gateway).get("/other/", "").status, 200);
    // A reload forgets nothing of it.
    gateway.reload("", &apps);
    assert_eq!(RawClient::connect(&gateway).get("/slow/", "").status, 503);
    drop(waits);
    assert_eq!(first.response().status, 200);
    until("there is room again", || RawClient::connect(&gateway).get("/slow/", "").status == 200);
}

#[test]
fn a_tunnel_is_a_request_in_flight_until_it_ends() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            if request.asked() == "GET /up" {
                conn.send(
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhi",
                )?;
                conn.until_close();
                return Ok(());
            }
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let gateway = limited("requests_per_address = 1", "", &upstream);
    let mut tunnel = RawClient::connect(&gateway);
    tunnel.send("GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    assert!(tunnel.head().unwrap().starts_with("HTTP/1.1 101 "));
    assert_eq!(tunnel.bytes(2).unwrap(), b"hi");
    assert_eq!(RawClient::connect(&gateway).get("/", "").status, 503);
    drop(tunnel);
    until("there is room again", || RawClient::connect(&gateway).get("/", "").status == 200);
}

#[test]
fn a_response_without_room_at_its_http2_client_is_in_flight() {
    const BODY: usize = 20_000;
    let upstream = Upstream::scripted(|conn| {
        while conn.request()?.is_some() {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
            conn.send(&[head.as_bytes(), &vec![b'x'; BODY]].concat())?;
        }
        Ok(())
    });
    let gateway = limited("requests_per_address = 1", "", &upstream);
    let mut client = Frames::silent(&gateway);
    // SETTINGS_INITIAL_WINDOW_SIZE of 1.
    client.send([PREFACE, &frame(SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1]), &ask(1, "/")].concat());
    while client.next().unwrap().kind != DATA {}
    assert_eq!(RawClient::connect(&gateway).get("/", "").status, 503);
    client.send(frame(WINDOW_UPDATE, 0, 1, 100_000_u32.to_be_bytes()));
    let mut left = BODY - 1;
    while left > 0 {
        let frame = client.next().unwrap();
        left -= if frame.kind == DATA { frame.payload.len() } else { 0 };
    }
    until("there is room again", || RawClient::connect(&gateway).get("/", "").status == 200);
}

/// Memory and descriptors of a process.
#[derive(Clone, Copy, Debug)]
struct Usage {
    memory: usize,
    descriptors: usize,
}

impl Usage {
    fn of(process: &Process) -> Self {
        let proc = std::path::PathBuf::from(format!("/proc/{}", process.id()));
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory: usize = memory.trim().trim_end_matches(" kB").parse().unwrap();
        let descriptors = std::fs::read_dir(proc.join("fd")).unwrap().count();
        Self { memory: memory << 10, descriptors }
    }
}

/// A client of the process that sends frames, with windows of this size.
fn frames_to(process: &Process, window: u32) -> Frames {
    let certificates = [process.certificate().to_owned()];
    let mut client = Frames(RawClient::connect_to(process.https, "localhost", &[b"h2"], &certificates));
    let settings = frame(SETTINGS, 0, 0, [&[0, 4][..], &window.to_be_bytes()].concat());
    client.send([PREFACE, &settings].concat());
    client
}

/// Responds to `/big/BYTES` with a body of that size, as fast as it is read.
fn big(conn: &mut Conn) -> io::Result<()> {
    while let Some(request) = conn.request()? {
        let length: usize =
            request.asked().rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes())?;
        let piece = vec![b'x'; 64 << 10];
        let mut left = length;
        while left > 0 {
            let now = left.min(piece.len());
            conn.send(&piece[..now])?;
            left -= now;
        }
    }
    Ok(())
}

fn start(upstream: &Upstream) -> (Workplace, Process) {
    let workplace = Workplace::new("", &public_app(&upstream.url, ""));
    workplace.run_well(&["user", "add", "alice"], "correct horse battery\n");
    let process = workplace.start();
    (workplace, process)
}

fn alice_is_served(process: &Process, path: &str) {
    let mut alice = process.visitor();
    alice.sign_in("alice", "correct horse battery");
    assert_eq!(alice.get(path).status, 200);
}

/// 8 connections with 128 streams each, for a large page, without room for it.
#[test]
fn mistake_12_streams_without_room_hold_little_and_others_are_served() {
    let upstream = Upstream::scripted(big);
    let (_workplace, process) = start(&upstream);
    // Whatever is made once is there.
    alice_is_served(&process, "/big/100000");
    let before = Usage::of(&process);
    let mut clients: Vec<_> = (0..8).map(|_| frames_to(&process, 1)).collect();
    for client in &mut clients {
        client.send((0..128).flat_map(|number| ask(2 * number + 1, "/big/10000000")).collect::<Vec<_>>());
    }
    // Each stream has its head, whatever that is, as soon as its request is served or refused.
    let served: usize =
        clients.iter_mut().flat_map(|client| heads(client, 128)).filter(|head| *head == 0x88).count();
    let after = Usage::of(&process);
    assert!(served <= REQUESTS_PER_ADDRESS, "{served}");
    assert!(upstream.connections() <= REQUESTS_PER_ADDRESS + 2, "{}", upstream.connections());
    assert!(after.descriptors <= before.descriptors + REQUESTS_PER_ADDRESS + 8 + 2);
    assert!(after.memory <= before.memory + (48 << 20), "{before:?}, {after:?}");
    alice_is_served(&process, "/big/100000");
}

/// 8 connections with 128 streams each, for a page that takes its time.
#[test]
fn requests_for_a_slow_page_take_few_connections_and_others_are_served() {
    let upstream = Upstream::scripted(|conn| {
        while let Some(request) = conn.request()? {
            if request.asked() == "GET /slow" {
                conn.until_close();
                return Ok(());
            }
            conn.send(OK.as_bytes())?;
        }
        Ok(())
    });
    let (_workplace, process) = start(&upstream);
    alice_is_served(&process, "/");
    let mut clients: Vec<_> = (0..8).map(|_| frames_to(&process, 65_535)).collect();
    for client in &mut clients {
        client.send((0..128).flat_map(|number| ask(2 * number + 1, "/slow")).collect::<Vec<_>>());
    }
    until("the slots are taken", || upstream.connections() >= REQUESTS_PER_ADDRESS);
    alice_is_served(&process, "/");
    assert!(upstream.connections() <= REQUESTS_PER_ADDRESS + 4, "{}", upstream.connections());
    let mut alice_again = process.visitor();
    alice_again.sign_in("alice", "correct horse battery");
    assert_eq!(alice_again.get("/").status, 200);
}

/// The program, started by a shell with these limits on file descriptors.
fn with_descriptors(workplace: &Workplace, soft: u32, hard: u32, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let limited = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
    command.current_dir(workplace.path("")).args(["-c", &limited]);
    command.arg(workplace.command(&[]).get_program()).args(arguments);
    command
}

#[test]
fn the_limit_on_descriptors_is_raised_and_too_few_are_warned_of() {
    let upstream = Upstream::ok();
    let workplace = Workplace::new("", &public_app(&upstream.url, ""));
    let process = workplace.start_command(with_descriptors(&workplace, 128, 600, &[]));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["600", "600"]);
    process
        .stderr
        .wait_for_text("may have 600 file descriptors, enough for 172 connections at a time, while `connections` of [limits] may need 24352");
    assert_eq!(process.visitor().get("/").status, 200);
    let mut check = with_descriptors(&workplace, 128, 600, &["check"]);
    let checked = check.output().unwrap();
    assert!(checked.status.success());
    assert!(
        text(&checked.stderr).contains("in this shell, a process may have 600 file descriptors"),
        "{}",
        text(&checked.stderr)
    );
    workplace.write(&Workplace::configuration("[limits]\nconnections = 100", &public_app(&upstream.url, "")));
    let mut check = with_descriptors(&workplace, 128, 600, &["check"]);
    let checked = check.output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert!(!text(&checked.stderr).contains("file descriptors"), "{}", text(&checked.stderr));
}

#[derive(Clone, Debug)]
struct Attack {
    window: u32,
    /// For each connection, the sizes that its streams ask for.
    connections: Vec<Vec<usize>>,
    /// Room that is made for each stream afterwards.
    update: u32,
}

fn attack() -> impl Strategy<Value = Attack> {
    let window = prop_oneof![Just(0_u32), Just(1), 2..1000_u32, Just(65_535), Just(0x7fff_0000)];
    let size = prop_oneof![0..500_usize, 3000..6000_usize, 10_000..100_000_usize, Just(2_000_000)];
    let connections = prop::collection::vec(prop::collection::vec(size, 1..100), 1..4);
    (window, connections, 1..2000_u32).prop_map(|(window, connections, update)| Attack {
        window,
        connections,
        update,
    })
}

/// The cost of a client is bounded by the bytes that it has sent and by its slots.
#[test]
fn memory_descriptors_and_upstream_connections_are_bounded_whatever_windows_a_client_has() {
    let upstream = Upstream::scripted(big);
    let (_workplace, process) = start(&upstream);
    alice_is_served(&process, "/big/100000");
    let before = Usage::of(&process);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let held = runner.run(&attack(), |attack| {
        let connected = upstream.connections();
        let mut clients = Vec::new();
        let mut sent = 0;
        for sizes in &attack.connections {
            let mut client = frames_to(&process, attack.window);
            let streams = (0..).map(|number| 2 * number + 1).zip(sizes);
            let asked: Vec<u8> =
                streams.flat_map(|(stream, size)| ask(stream, &format!("/big/{size}"))).collect();
            sent += asked.len();
            client.send(asked);
            clients.push((client, sizes.len()));
        }
        for (client, count) in &mut clients {
            heads(client, *count);
            let updates = (0..*count).flat_map(|number| {
                frame(WINDOW_UPDATE, 0, u32::try_from(2 * number + 1).unwrap(), attack.update.to_be_bytes())
            });
            client.send(updates.collect::<Vec<_>>());
            // Half of them are gone then, and the rest stays.
            client.send(
                (0..*count / 2)
                    .flat_map(|number| {
                        frame(RST_STREAM, 0, u32::try_from(2 * number + 1).unwrap(), [0, 0, 0, 8])
                    })
                    .collect::<Vec<_>>(),
            );
        }
        let after = Usage::of(&process);
        let streams: usize = attack.connections.iter().map(Vec::len).sum();
        let most = streams.min(REQUESTS_PER_ADDRESS);
        prop_assert!(upstream.connections() - connected <= streams, "{:?}", upstream.connections());
        prop_assert!(
            after.descriptors <= before.descriptors + 2 * REQUESTS_PER_ADDRESS + clients.len(),
            "{:?}",
            after
        );
        prop_assert!(
            after.memory <= before.memory + (24 << 20) + 1000 * sent + most * (128 << 10),
            "{:?}, {:?}",
            before,
            after
        );
        Ok(())
    });
    held.unwrap_or_else(|error| panic!("{error}"));
    alice_is_served(&process, "/big/100000");
}

/// The default.
const REQUESTS_PER_ADDRESS: usize = 256;
