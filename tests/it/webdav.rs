//! `WebDAV` requests with a second path in `Destination`.

use crate::support::{
    client::{Http2, RawClient, full, request, sign_in},
    gateway::TestGateway,
    upstream::{Received, Upstream},
};

struct Stage {
    upstream: Upstream,
    gateway: TestGateway,
    bob: String,
    alice: String,
}

impl Stage {
    /// Bob may write below `/drop`, and read `/read`; alice of the staff may do everything.
    fn new(keys: &str) -> Self {
        let upstream = Upstream::ok();
        let staff = "allow = { group = \"staff\" }";
        let rule = |path: &str, more: &str| format!("[[app.rule]]\npath = \"{path}\"\n{more}\n");
        let app = [
            format!("[[app]]\nname = \"dav\"\nupstream = {:?}\n{keys}\n", upstream.url),
            rule("/**", staff),
            rule("/drop/**", "allow = \"authenticated\""),
            rule("/drop/team/**", staff),
            rule("/read/**", "methods = [\"GET\", \"COPY\", \"MOVE\"]\nallow = \"authenticated\""),
            rule("/keep/**", "methods = [\"GET\", \"PUT\", \"COPY\", \"MOVE\"]\nallow = \"authenticated\""),
            format!("[[app]]\nname = \"other\"\npath = \"/other\"\nupstream = {:?}\n", upstream.url),
            rule("/other/**", "allow = \"authenticated\""),
        ]
        .concat();
        let gateway = TestGateway::start_with("[groups]\nstaff = []", &app);
        gateway.add_user("alice", &["staff"]);
        gateway.add_user("bob", &[]);
        let (bob, alice) = (sign_in(&gateway, "bob"), sign_in(&gateway, "alice"));
        Self { upstream, gateway, bob, alice }
    }

    fn send(&self, cookie: &str, request: &str, fields: &str) -> u16 {
        let mut client = RawClient::connect(&self.gateway);
        client.send(format!("{request} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{fields}\r\n"));
        client.response().status
    }

    /// The status that bob's request gets.
    fn bobs(&self, request: &str, destination: &str) -> u16 {
        self.send(&self.bob, request, &format!("Destination: {destination}\r\n"))
    }

    #[track_caller]
    fn last(&self) -> Received {
        self.upstream.seen().pop().expect("a request")
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
    assert_eq!(stage.upstream.connections(), 0, "nothing has arrived");
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

#[tokio::test]
async fn a_destination_is_judged_over_http2_as_well() {
    let stage = Stage::new("");
    let mut client = Http2::connect(&stage.gateway).await;
    for (destination, status) in [("https://localhost/team/x", 403), ("https://localhost/drop/y", 200)] {
        let moving =
            request("MOVE", "/drop/x").header("cookie", &stage.bob).header("destination", destination);
        assert_eq!(
            client.send(moving.body(full("")).unwrap()).await.unwrap().status(),
            status,
            "{destination}"
        );
    }
}

#[test]
fn an_app_with_a_host_header_of_its_own_gets_a_destination_that_matches() {
    let stage = Stage::new("host_header = \"upstream\"");
    assert_eq!(stage.bobs("MOVE /drop/x", "https://localhost/drop/a%20b"), 200);
    let received = stage.last();
    let own = stage.upstream.addr().to_string();
    assert_eq!(received.value("host"), own);
    assert_eq!(received.value("destination"), format!("http://{own}/drop/a%20b"));
}
