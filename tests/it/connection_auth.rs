//! NTLM and Negotiate: applications that authenticate a connection instead of a request.

use crate::support::{
    client::{Http2, RawClient, full, read, request, sign_in},
    gateway::TestGateway,
    upstream::{Conn, Upstream, public_app, values},
};

/// An application as IIS is with Windows authentication: a challenge in three steps, after which the connection
/// belongs to the user who answered it. Its responses name that user.
fn windows(scheme: &'static str) -> Upstream {
    Upstream::scripted(move |conn| {
        let mut user: Option<String> = None;
        while let Some(received) = conn.request()? {
            let token = received.values("authorization").first().and_then(|value| value.split_once(' '));
            match token.map(|(_, token)| token) {
                Some("hello") => {
                    challenge(conn, &format!("{scheme} challenge-{}", conn.number))?;
                    continue;
                }
                Some(token) => {
                    let (who, answered) = token.split_once(':').expect("a name and the challenge");
                    if answered == format!("challenge-{}", conn.number) {
                        user = Some(who.to_owned());
                    }
                }
                None => {}
            }
            match &user {
                Some(user) => conn.send(
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{user}", user.len()).as_bytes(),
                )?,
                None => challenge(conn, scheme)?,
            }
        }
        Ok(())
    })
}

fn challenge(conn: &mut Conn, challenge: &str) -> std::io::Result<()> {
    conn.send(
        format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n")
            .as_bytes(),
    )
}

/// The three steps; returns what the application says then.
fn authenticate(client: &mut RawClient, scheme: &str, who: &str, more: &str) -> String {
    let first = client.get("/", more);
    assert_eq!((first.status, first.values("www-authenticate")), (401, vec![scheme]));
    let second = client.get("/", &format!("{more}Authorization: {scheme} hello\r\n"));
    let challenge = second.values("www-authenticate")[0].split_once(' ').expect("a challenge").1;
    client.get("/", &format!("{more}Authorization: {scheme} {who}:{challenge}\r\n")).text().to_owned()
}

#[test]
fn an_upstream_connection_authenticated_by_ntlm_or_negotiate_serves_its_client_alone() {
    for scheme in ["NTLM", "Negotiate"] {
        let upstream = windows(scheme);
        let gateway = TestGateway::start(&public_app(&upstream.url, ""));
        let mut alice = RawClient::connect(&gateway);
        assert_eq!(authenticate(&mut alice, scheme, "alice", ""), "alice");
        // Both workers are asked.
        let mut others: Vec<_> = (0..6).map(|_| RawClient::connect(&gateway)).collect();
        for _ in 0..3 {
            for other in &mut others {
                assert_eq!(other.get("/", "").status, 401, "{scheme}");
            }
            assert_eq!(alice.get("/", "").text(), "alice", "{scheme}");
        }
        // Each has a connection of its own, and alice has one.
        assert_eq!(upstream.connections(), 7, "{scheme}");
    }
}

#[test]
fn an_authenticated_upstream_connection_closes_with_its_client_connection() {
    let upstream = windows("NTLM");
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut alice = RawClient::connect(&gateway);
    assert_eq!(authenticate(&mut alice, "NTLM", "alice", ""), "alice");
    drop(alice);
    upstream.wait_for_close();
}

#[test]
fn an_authenticated_upstream_connection_closes_when_the_user_changes() {
    let upstream = windows("NTLM");
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    let [alice, bob] = ["alice", "bob"].map(|name| format!("Cookie: {}\r\n", sign_in(&gateway, name)));
    let mut browser = RawClient::connect(&gateway);
    assert_eq!(authenticate(&mut browser, "NTLM", "alice", &alice), "alice");
    assert_eq!(browser.get("/", &alice).text(), "alice");
    assert_eq!(browser.get("/", &bob).status, 401);
    assert_eq!(browser.get("/", "").status, 401);
    assert_eq!(browser.get("/", &alice).status, 401);
}

#[test]
fn either_side_binds_an_upstream_connection_by_naming_the_scheme() {
    for head in [
        "WWW-Authenticate: NTLM",
        "WWW-Authenticate: Basic realm=\"x\", Negotiate",
        "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: negotiate oYG2MIGzoAMKAQ==",
        "Proxy-Authenticate: NTLM",
        "Persistent-Auth: true",
    ] {
        let upstream =
            Upstream::responding(format!("HTTP/1.1 200 OK\r\n{head}\r\nContent-Length: 2\r\n\r\nok"));
        let gateway = TestGateway::start(&public_app(&upstream.url, ""));
        // All at once, so that there is more than one on a worker.
        let mut clients: Vec<_> = (0..4).map(|_| RawClient::connect(&gateway)).collect();
        for _ in 0..2 {
            for client in &mut clients {
                assert_eq!(client.get("/", "").text(), "ok");
            }
        }
        assert_eq!(upstream.connections(), 4, "{head}");
    }
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut clients: Vec<_> = (0..4).map(|_| RawClient::connect(&gateway)).collect();
    for client in &mut clients {
        client.get("/", "Authorization: Negotiate YIIJvwYGKwYBBQUCoIIJ\r\n");
    }
    assert_eq!(upstream.connections(), 4);
    for client in &mut clients {
        assert_eq!(client.get("/", "Authorization: Basic YWxpY2U6c2VjcmV0\r\n").text(), "ok");
    }
    assert_eq!(upstream.connections(), 4);
}

#[tokio::test]
async fn a_shared_client_connection_gets_no_authenticated_upstream_connection() {
    let upstream = windows("NTLM");
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let mut client = Http2::connect(&gateway).await;
    for connections in 1..=3 {
        let response = client.send(request("GET", "/").body(full("")).unwrap()).await.unwrap();
        assert_eq!(response.status(), 401);
        read(response).await.unwrap();
        assert_eq!(upstream.connections(), connections, "closed after each response");
    }
    let proxied = TestGateway::start_trusting(&["127.0.0.0/8"], &public_app(&upstream.url, ""));
    let mut proxy = RawClient::connect(&proxied);
    let before = upstream.connections();
    for connections in 1..=3 {
        assert_eq!(proxy.get("/", "X-Forwarded-For: 192.0.2.1\r\n").status, 401);
        assert_eq!(upstream.connections(), before + connections, "closed after each response");
    }
}

#[test]
fn a_request_body_ends_an_authenticated_upstream_connection_unless_the_app_reads_bodies() {
    for (keys, status) in [("", 401), ("reuse_after_body = true", 200)] {
        let upstream = windows("NTLM");
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        let mut alice = RawClient::connect(&gateway);
        assert_eq!(authenticate(&mut alice, "NTLM", "alice", ""), "alice");
        alice.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
        assert_eq!(alice.response().text(), "alice");
        assert_eq!(alice.get("/", "").status, status);
        let posted = upstream.seen().into_iter().find(|received| received.asked() == "POST /").unwrap();
        assert_eq!(values(&posted.head, "connection").is_empty(), !keys.is_empty());
    }
}
