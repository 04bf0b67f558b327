//! Upstreams that are configured by name: slow name servers, names with several addresses, addresses that change.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
};

use portcullis::forward::ResolveError;
use socket2::{Domain, Socket, Type};

use crate::support::{
    client::RawClient,
    gateway::TestGateway,
    upstream::{Gate, PATIENCE, Upstream, app_below},
};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An app below `/NAME/` whose upstream is reached by this name.
fn app(name: &str, host: &str, port: u16) -> String {
    app_below(name, &format!("http://{host}:{port}"), "connect_timeout = \"1h\"\ntimeout = \"1h\"")
}

#[test]
fn a_name_server_that_does_not_answer_slows_no_other_app() {
    let upstream = Upstream::ok();
    let port = upstream.addr().port();
    let (hangs, gate) = Gate::closed();
    let (at_once, most, dead) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)), "dead.example.test");
    let (sender, begun) = channel();
    let highest = Arc::clone(&most);
    let look_up = move |host: &str| {
        if host == dead {
            highest.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sender.send(()).unwrap();
            gate.wait();
            at_once.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(vec![LOCAL])
    };
    let apps = [app("bad", dead, port), app("good", "good.example.test", port)].concat();
    let gateway = TestGateway::start_with_names(look_up, &apps);
    // More than any pool of threads for blocking work had.
    let mut waiting: Vec<RawClient> = (0..24)
        .map(|number| {
            let mut client = RawClient::connect(&gateway);
            client.send(format!("GET /bad/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            client
        })
        .collect();
    begun.recv_timeout(PATIENCE).expect("a look-up, which hangs");
    // Each on a connection of its own, so that several need a new one to the upstream.
    for number in 0..6 {
        assert_eq!(RawClient::connect(&gateway).get(&format!("/good/{number}"), "").status, 200);
    }
    drop(hangs);
    for client in &mut waiting {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 1, "look-ups of one name at a time");
}

/// A listener whose queue is full: whoever connects to it waits.
struct Hole {
    _listener: Socket,
    _queued: Vec<Socket>,
}

impl Hole {
    fn at(addr: SocketAddr) -> Self {
        let socket = || Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
        let listener = socket();
        listener.set_reuse_address(true).unwrap();
        listener.bind(&addr.into()).unwrap();
        listener.listen(0).unwrap();
        let queued = (0..4).map(|_| {
            let client = socket();
            client.set_nonblocking(true).unwrap();
            client.connect(&addr.into()).ok();
            client
        });
        Self { _queued: queued.collect(), _listener: listener }
    }
}

#[test]
fn the_next_address_of_a_name_is_tried_while_the_first_hangs() {
    let upstream = Upstream::ok();
    let port = upstream.addr().port();
    let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    // An address of the same family, and one of the other where this machine has it.
    let firsts = [Some(IpAddr::from([127, 0, 0, 2])), has_v6.then_some(Ipv6Addr::LOCALHOST.into())];
    for first in firsts.into_iter().flatten() {
        let _hole = Hole::at((first, port).into());
        let apps = app("two", "two.example.test", port);
        let gateway = TestGateway::start_with_names(move |_| Ok(vec![first, LOCAL]), &apps);
        assert_eq!(RawClient::connect(&gateway).get("/two/", "").status, 200, "{first}");
    }
}

#[test]
fn the_next_address_of_a_name_is_tried_when_the_first_refuses() {
    let upstream = Upstream::ok();
    let port = upstream.addr().port();
    let refusing = IpAddr::from([127, 0, 0, 3]);
    let apps = app("two", "two.example.test", port);
    let gateway = TestGateway::start_with_names(move |_| Ok(vec![refusing, LOCAL]), &apps);
    assert_eq!(RawClient::connect(&gateway).get("/two/", "").status, 200);
    let gateway = TestGateway::start_with_names(move |_| Ok(vec![refusing]), &apps);
    assert_eq!(RawClient::connect(&gateway).get("/two/", "").status, 502);
}

#[test]
fn an_upstream_that_has_moved_is_found_by_a_new_look_up() {
    let upstream = Upstream::scripted(|conn| {
        conn.request()?;
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    });
    let port = upstream.addr().port();
    let asked = AtomicUsize::new(0);
    let look_up = move |_: &str| match asked.fetch_add(1, Ordering::SeqCst) {
        // No server listens there any more.
        0 => Ok(vec![IpAddr::from([127, 0, 0, 4])]),
        _ => Ok(vec![LOCAL]),
    };
    let gateway = TestGateway::start_with_names(look_up, &app("moved", "moved.example.test", port));
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/moved/", "").status, 502, "what was looked up just now is believed");
    assert_eq!(client.get("/moved/", "").status, 200);
}

#[test]
fn a_name_that_does_not_exist_is_502_and_is_looked_up_again() {
    let upstream = Upstream::ok();
    let port = upstream.addr().port();
    let asked = AtomicUsize::new(0);
    let look_up = move |_: &str| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Err(ResolveError::NotFound),
        _ => Ok(vec![LOCAL]),
    };
    let gateway = TestGateway::start_with_names(look_up, &app("new", "new.example.test", port));
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/new/", "").status, 502);
    assert_eq!(client.get("/new/", "").status, 200);
}
