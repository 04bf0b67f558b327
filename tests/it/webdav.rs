//! `WebDAV` requests with a second path in `Destination`.

use std::cell::RefCell;

use crate::support::{
    client::{Http2, RawClient, full, request, sign_in},
    gateway::TestGateway,
    in_process::InProcess,
    upstream::{Received, Upstream},
};

/// The apps: bob may write below `/drop`, and read `/read`; alice of the staff may do everything.
fn apps(upstream: &str, keys: &str) -> String {
    let staff = "allow = { group = \"staff\" }";
    let rule = |path: &str, more: &str| format!("[[app.rule]]\npath = \"{path}\"\n{more}\n");
    [
        format!("[[app]]\nname = \"dav\"\nupstream = {upstream:?}\n{keys}\n"),
        rule("/**", staff),
        rule("/drop/**", "allow = \"authenticated\""),
        rule("/drop/team/**", staff),
        rule("/read/**", "methods = [\"GET\", \"COPY\", \"MOVE\"]\nallow = \"authenticated\""),
        rule("/keep/**", "methods = [\"GET\", \"PUT\", \"COPY\", \"MOVE\"]\nallow = \"authenticated\""),
        format!("[[app]]\nname = \"other\"\npath = \"/other\"\nupstream = {upstream:?}\n"),
        rule("/other/**", "allow = \"authenticated\""),
    ]
    .concat()
}

const GROUPS: &str = "[groups]\nstaff = []";

/// A gateway in process before the built-in app, with bob and alice.
struct Stage {
    gateway: RefCell<InProcess>,
    /// The request that the app received last.
    received: RefCell<Option<Received>>,
    bob: String,
    alice: String,
}

impl Stage {
    fn new(keys: &str) -> Self {
        let gateway = InProcess::start_with(GROUPS, &apps("builtin:whoami", keys));
        gateway.add_user("alice", &["staff"]);
        gateway.add_user("bob", &[]);
        let (bob, alice) = (gateway.session_of("bob"), gateway.session_of("alice"));
        Self { gateway: RefCell::new(gateway), received: RefCell::default(), bob, alice }
    }

    fn send(&self, cookie: &str, request: &str, fields: &str) -> u16 {
        let fields = format!("Cookie: {cookie}\r\n{fields}");
        let response = self.gateway.borrow_mut().request(request, &fields);
        let received = response.status.is_success().then(|| response.received_request());
        self.received.replace(received);
        response.status.as_u16()
    }

    /// The status that bob's request gets.
    fn bobs(&self, request: &str, destination: &str) -> u16 {
        self.send(&self.bob, request, &format!("Destination: {destination}\r\n"))
    }

    #[track_caller]
    fn last(&self) -> Received {
        self.received.borrow().clone().expect("the app received it")
    }
}

#[test]
fn a_destination_needs_the_permission_to_put_it() {
    let stage = Stage::new("");
    assert_eq!(stage.send(&stage.bob, "PUT /team/x", "Content-Length: 0\r\n"), 403);
    for method in ["MOVE", "COPY", "REBIND", "X-ANYTHING"] {
        for destination in [
            "/team/x",
            "https://localhost/team/x",
            "HTTPS://LOCALHOST:443/team/x",
            "http://localhost/team/x",
            "/drop%2f..%2fteam/x",
            "/TEAM/x",
            "//team/x",
            "/%74eam/x",
            "/%2574eam/x",
            "/team%2fx",
            "/drop/../team/x",
            "https://localhost/drop;x/../team",
            "/",
        ] {
            let status = stage.bobs(&format!("{method} /drop/x"), destination);
            assert!(matches!(status, 400 | 403), "{method} to {destination}: {status}");
        }
        assert_eq!(stage.bobs(&format!("{method} /drop/x"), "https://localhost/drop/y"), 200, "{method}");
        assert_eq!(stage.last().value("destination"), "https://localhost/drop/y");
        assert_eq!(stage.bobs(&format!("{method} /drop/x"), "/drop/%C3%A9%20z"), 200, "{method}");
        assert_eq!(stage.last().value("destination"), "/drop/%C3%A9%20z");
        let fields = "Destination: /team/x\r\n";
        assert_eq!(stage.send(&stage.alice, &format!("{method} /drop/x"), fields), 200, "{method}");
    }
}

#[test]
fn a_move_needs_the_permission_to_delete_its_source_and_a_copy_to_get_it() {
    let stage = Stage::new("");
    assert_eq!(stage.send(&stage.bob, "DELETE /read/x", ""), 403);
    assert_eq!(stage.bobs("MOVE /read/x", "/drop/x"), 403);
    assert_eq!(stage.bobs("COPY /read/x", "/drop/x"), 200);
    assert_eq!(stage.bobs("COPY /team/x", "/drop/x"), 403);
}

#[test]
fn a_copied_folder_needs_the_permissions_of_everything_within_it() {
    let stage = Stage::new("");
    // `/drop/team/**` is for the staff.
    assert_eq!(stage.bobs("COPY /drop/team/x", "/drop/y"), 403);
    assert_eq!(stage.bobs("COPY /drop", "/drop/y"), 403);
    assert_eq!(stage.bobs("COPY /DROP//", "/drop/y"), 403);
    assert_eq!(stage.bobs("MOVE /drop/y", "/drop"), 403);
    assert_eq!(stage.bobs("COPY /drop/other/", "/drop/y"), 200);
    assert_eq!(stage.send(&stage.alice, "COPY /drop", "Destination: /drop/y\r\n"), 200);
}

#[test]
fn an_overwritten_destination_needs_the_permission_to_delete_it() {
    let stage = Stage::new("");
    for overwrite in ["", "Overwrite: T\r\n", "Overwrite: f\r\n", "Overwrite: F\r\nOverwrite: T\r\n"] {
        let fields = format!("Destination: /keep/x\r\n{overwrite}");
        assert_eq!(stage.send(&stage.bob, "COPY /drop/x", &fields), 403, "{overwrite}");
    }
    let fields = "Destination: /keep/x\r\nOverwrite: F\r\n";
    assert_eq!(stage.send(&stage.bob, "COPY /drop/x", fields), 200);
}

#[test]
fn a_destination_elsewhere_is_refused() {
    let stage = Stage::new("");
    for destination in [
        "https://evil.example/drop/x",
        "https://localhost:8443/drop/x",
        "https://localhost@evil.example/drop/x",
        "ftp://localhost/drop/x",
        "drop/x",
        "/drop/x#y",
        "",
    ] {
        assert_eq!(stage.bobs("MOVE /drop/x", destination), 400, "{destination}");
    }
    let twice = "Destination: /drop/x\r\nDestination: /drop/y\r\n";
    assert_eq!(stage.send(&stage.bob, "MOVE /drop/x", twice), 400);
    // For another app: its rules are for another upstream.
    assert_eq!(stage.bobs("MOVE /drop/x", "/other/x"), 403);
    assert_eq!(stage.gateway.borrow().forwarded(), 0);
}

#[test]
fn a_destination_under_another_method_does_not_arrive() {
    let stage = Stage::new("underscore_headers = true");
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let fields = "Destination: /team/x\r\nDestination.: /team/x\r\nContent-Length: 0\r\n";
        assert_eq!(stage.send(&stage.bob, &format!("{method} /drop/x"), fields), 200, "{method}");
        assert!(stage.last().values("destination").is_empty(), "{method}");
    }
}

/// With real connections.
#[tokio::test]
async fn a_destination_is_judged_over_http1_and_http2() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_with(GROUPS, &apps(&upstream.url, ""));
    gateway.add_user("bob", &[]);
    let bob = sign_in(&gateway, "bob");
    let mut http2 = Http2::connect(&gateway).await;
    for (destination, status) in [
        ("https://localhost/team/x", 403),
        ("https://evil.example/drop/x", 400),
        ("https://localhost/drop/y", 200),
    ] {
        let mut http1 = RawClient::connect(&gateway);
        http1.send(format!(
            "MOVE /drop/x HTTP/1.1\r\nHost: localhost\r\nCookie: {bob}\r\nDestination: {destination}\r\n\r\n"
        ));
        assert_eq!(http1.response().status, status, "{destination}");
        let moving = request("MOVE", "/drop/x").header("cookie", &bob).header("destination", destination);
        let response = http2.send(moving.body(full("")).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{destination}");
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    for received in seen {
        assert_eq!(received.value("destination"), "https://localhost/drop/y");
    }
}

#[test]
fn an_app_with_a_host_header_of_its_own_gets_a_destination_that_matches() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_with(GROUPS, &apps(&upstream.url, "host_header = \"upstream\""));
    gateway.add_user("bob", &[]);
    let bob = sign_in(&gateway, "bob");
    let mut client = RawClient::connect(&gateway);
    client.send(format!(
        "MOVE /drop/x HTTP/1.1\r\nHost: localhost\r\nCookie: {bob}\r\nDestination: https://localhost/drop/a%20b\r\n\r\n"
    ));
    assert_eq!(client.response().status, 200);
    let received = upstream.only();
    let own = upstream.addr().to_string();
    assert_eq!(received.value("host"), own);
    assert_eq!(received.value("destination"), format!("http://{own}/drop/a%20b"));
}
