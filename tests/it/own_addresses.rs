//! Addresses in redirects of an application, and in the headers that it compares with its own address.

use crate::support::{
    client::{RawClient, RawResponse, sign_in},
    gateway::TestGateway,
    upstream::{Upstream, public_app},
};

/// An upstream that responds with these header fields, in which `PORT` is its own port.
fn redirecting(lines: &'static str) -> Upstream {
    Upstream::scripted(move |conn| {
        let port = conn.socket().local_addr()?.port().to_string();
        while conn.request()?.is_some() {
            let lines = lines.replace("PORT", &port);
            conn.send(format!("HTTP/1.1 302 Found\r\n{lines}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
        }
        Ok(())
    })
}

fn response(gateway: &TestGateway, host: &str) -> RawResponse {
    let mut client = RawClient::connect(gateway);
    client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

#[test]
fn a_location_at_the_applications_own_address_becomes_the_public_one() {
    for (keys, sent, public) in [
        ("", "http://localhost:8443/after?x#y", "https://localhost:8443/after?x#y"),
        ("", "http://localhost/after", "https://localhost:8443/after"),
        ("", "HTTP://LocalHost:80/after", "https://localhost:8443/after"),
        // Made of the host that was asked and the port that the application listens on.
        ("", "http://localhost:PORT/after", "https://localhost:8443/after"),
        ("", "http://127.0.0.1:PORT/after", "https://localhost:8443/after"),
        ("", "//127.0.0.1:PORT/after", "https://localhost:8443/after"),
        ("host_header = \"upstream\"", "http://127.0.0.1:PORT", "https://localhost:8443"),
        ("host_header = \"app.internal:8080\"", "http://app.internal:8080/a", "https://localhost:8443/a"),
        ("host_header = \"app.internal:8080\"", "https://app.internal:8080/a", "https://localhost:8443/a"),
        ("host_header = \"app.internal\"", "http://app.internal/a", "https://localhost:8443/a"),
        ("host_header = \"app.internal\"", "https://app.internal:443/a", "https://localhost:8443/a"),
    ] {
        let line = format!("Location: {sent}\r\nContent-Location: {sent}\r\nRefresh: 5; URL={sent}");
        let upstream = redirecting(line.leak());
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        let response = response(&gateway, "localhost:8443");
        assert_eq!(response.values("location"), [public], "{sent}");
        assert_eq!(response.values("content-location"), [public], "{sent}");
        assert_eq!(response.values("refresh"), [format!("5; URL={public}")], "{sent}");
    }
}

#[test]
fn a_location_elsewhere_stays_as_it_is() {
    for (keys, sent) in [
        ("", "/after"),
        ("", "after"),
        ("", "//localhost/after"),
        ("", "https://localhost/after"),
        ("", "http://localhost:9000/after"),
        ("", "http://localhost.evil.example/after"),
        ("", "http://user@localhost/after"),
        ("", "https://other.example/after?next=http://localhost/"),
        ("host_header = \"app.internal:8080\"", "http://app.internal:9000/a"),
        ("host_header = \"app.internal\"", "http://app.internal:8080/a"),
        ("rewrite_location = false", "http://localhost/after"),
        ("rewrite_location = false\nhost_header = \"app.internal\"", "http://app.internal/after"),
    ] {
        let upstream = redirecting(format!("Location: {sent}").leak());
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        assert_eq!(response(&gateway, "localhost").values("location"), [sent], "{keys}");
    }
}

#[test]
fn a_location_behind_a_trusted_proxy_becomes_the_address_of_the_proxy() {
    let upstream = redirecting("Location: http://public.example/after");
    let gateway = TestGateway::start_trusting(&["127.0.0.0/8"], &public_app(&upstream.url, ""));
    let fields = "X-Forwarded-Host: public.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 444\r\n";
    let response = RawClient::connect(&gateway).get("/", fields);
    assert_eq!(response.values("location"), ["https://public.example:444/after"]);
}

#[test]
fn an_app_with_a_host_header_of_its_own_gets_origin_and_referer_that_match() {
    let upstream = Upstream::ok();
    let own = upstream.addr().to_string();
    for (keys, origin) in [
        ("host_header = \"upstream\"", format!("http://{own}")),
        ("host_header = \"app.internal\"", "http://app.internal".into()),
    ] {
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        gateway.add_user("alice", &[]);
        let cookie = sign_in(&gateway, "alice");
        let send = |fields: &str| {
            let mut client = RawClient::connect(&gateway);
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: localhost:8443\r\nCookie: {cookie}\r\nContent-Length: 0\r\n{fields}\r\n"
            ));
            client.response().status
        };
        let fields = "Origin: https://localhost:8443\r\nReferer: https://localhost:8443/a?b=https://localhost:8443\r\n";
        assert_eq!(send(fields), 200);
        let received = upstream.seen().pop().unwrap();
        assert_eq!(format!("http://{}", received.value("host")), origin);
        assert_eq!(received.value("origin"), origin);
        assert_eq!(received.value("referer"), format!("{origin}/a?b=https://localhost:8443"));
        // The shield has seen the true ones.
        assert_eq!(send(&format!("Origin: {origin}\r\n")), 403);
        assert_eq!(send("Origin: https://evil.example\r\n"), 403);
    }
}

#[test]
fn origin_and_referer_of_other_pages_arrive_as_they_were_sent() {
    for keys in ["", "host_header = \"upstream\""] {
        let upstream = Upstream::ok();
        let gateway = TestGateway::start(&public_app(&upstream.url, keys));
        let own = if keys.is_empty() { "https://localhost" } else { "https://localhost:1" };
        for (origin, referer) in
            [("https://other.example", "https://other.example/x"), ("null", "about:blank"), (own, own)]
        {
            let fields = format!("Origin: {origin}\r\nReferer: {referer}\r\n");
            assert_eq!(RawClient::connect(&gateway).get("/", &fields).status, 200);
            let received = upstream.seen().pop().unwrap();
            assert_eq!((received.value("origin"), received.value("referer")), (origin, referer));
        }
    }
}

#[test]
fn x_forwarded_port_is_always_a_port_of_the_gateway() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&public_app(&upstream.url, ""));
    let own = gateway.https().port().to_string();
    for (asked, host, port) in [
        ("localhost".to_owned(), "localhost".to_owned(), "443"),
        ("localhost:443".to_owned(), "localhost:443".to_owned(), "443"),
        (format!("localhost:{own}"), format!("localhost:{own}"), &own),
        ("localhost:1".to_owned(), format!("localhost:{own}"), &own),
        ("localhost:65535".to_owned(), format!("localhost:{own}"), &own),
    ] {
        assert_eq!(response(&gateway, &asked).status, 200);
        let received = upstream.seen().pop().unwrap();
        assert_eq!((received.value("x-forwarded-host"), received.value("x-forwarded-port")), (&*host, port));
        assert_eq!(received.value("host"), asked);
    }
    assert_eq!(response(&gateway, "localhost:0").status, 400);
}
