//! Two users share one HTTP/2 connection, as behind a proxy, and take turns on it.
//!
//! No user is remembered on a connection: each response belongs to the user whose cookie came with the
//! request, through sign-out, a disabled user, a change of groups and a reload.

use http::{
    Request, StatusCode,
    header::{ACCEPT, COOKIE},
};
use portcullis::{
    identity::{GroupName, UserName},
    users::{ListChange, UserChange},
};

use crate::support::{
    gateway::{TestGateway, password},
    process::until,
    upstream::Upstream,
    visitor::{Connection, Protocol, Response, Visitor},
};

#[test]
fn users_who_alternate_on_one_http2_connection_get_responses_of_their_own_through_every_change() {
    let stage = Stage::new();
    let mut connection = stage.connection();
    let (mut alice, bob) = (stage.sign_in("alice"), stage.sign_in("bob"));
    let (alices, bobs) = (&alice.cookie_line(), &bob.cookie_line());
    for _ in 0..3 {
        connection.serves("alice", "team", alices);
        connection.serves("bob", "team", bobs);
        connection.serves_nobody("a=b");
    }

    // A change of groups: bob has left the group that /team/ asks for.
    let change = UserChange {
        groups: ListChange {
            replace: Some(vec![GroupName::parse("guests").unwrap()]),
            ..ListChange::default()
        },
        ..UserChange::default()
    };
    stage.gateway.users().update(&name("bob"), &change).unwrap();
    until("bob's new group is known", || {
        connection.serves("alice", "team", alices);
        connection.get("/", bobs).header("x-groups") == "guests"
    });
    for _ in 0..2 {
        connection.serves("alice", "team", alices);
        connection.serves("bob", "guests", bobs);
        assert_eq!(connection.get("/team/", alices).header("x-user"), "alice");
        assert_eq!(connection.get("/team/", bobs).status, StatusCode::FORBIDDEN);
    }

    // A reload: the app gets other identity headers, and /team/ is for guests.
    stage.reload(&stage.apps().replace("remote-user", "x-forwarded").replace("\"team\" }", "\"guests\" }"));
    for _ in 0..2 {
        connection.serves("alice", "team", alices);
        connection.serves("bob", "guests", bobs);
        assert_eq!(connection.get("/team/", alices).status, StatusCode::FORBIDDEN);
        assert_eq!(connection.get("/team/", bobs).header("x-user"), "bob");
    }

    // Alice signs out on a connection of her own; bob's next requests change nothing for her.
    assert_eq!(alice.sign_out().status, 303);
    for _ in 0..2 {
        connection.serves_nobody(alices);
        connection.serves("bob", "guests", bobs);
    }

    // Alice signs in again; an administrator disables bob.
    let again = stage.sign_in("alice").cookie_line();
    connection.serves("alice", "team", &again);
    stage.gateway.users().set_active(&name("bob"), false).unwrap();
    until("bob is disabled", || {
        connection.serves("alice", "team", &again);
        connection.get("/", bobs).status == StatusCode::UNAUTHORIZED
    });
    for _ in 0..2 {
        connection.serves_nobody(bobs);
        connection.serves("alice", "team", &again);
        connection.serves_nobody(alices);
    }
}

/// A gateway with two users, before an app that puts into its response the identity headers that it got.
struct Stage {
    gateway: TestGateway,
    upstream: Upstream,
}

impl Stage {
    fn new() -> Self {
        let upstream = Upstream::scripted(|conn| {
            while let Some(request) = conn.request()? {
                let values = |names: [&str; 2]| -> String {
                    names.iter().flat_map(|name| request.values(name)).collect::<Vec<_>>().join(" ")
                };
                let (user, groups) = (
                    values(["remote-user", "x-forwarded-user"]),
                    values(["remote-groups", "x-forwarded-groups"]),
                );
                let head = format!("x-user: {user}\r\nx-groups: {groups}\r\ncontent-length: 0\r\n\r\n");
                conn.send(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes())?;
            }
            Ok(())
        });
        let gateway = TestGateway::start_with(GROUPS, &Self::apps_of(&upstream));
        gateway.add_user("alice", &["team"]);
        gateway.add_user("bob", &["team"]);
        Self { gateway, upstream }
    }

    fn apps(&self) -> String {
        Self::apps_of(&self.upstream)
    }

    fn apps_of(upstream: &Upstream) -> String {
        format!(
            "[[app]]\nupstream = \"{}\"\nidentity = \"remote-user\"\n\
             [[app.rule]]\npath = \"/team/**\"\nallow = {{ group = \"team\" }}\n",
            upstream.url
        )
    }

    fn reload(&self, apps: &str) {
        self.gateway.reload(GROUPS, apps);
    }

    fn sign_in(&self, name: &str) -> Visitor {
        let mut visitor = Visitor::of(&self.gateway);
        visitor.sign_in(name, &password(name));
        visitor
    }

    fn connection(&self) -> SharedConnection {
        let visitor = Visitor::of(&self.gateway).speaking(Protocol::Http2);
        let connection = visitor.connect();
        SharedConnection { visitor, connection }
    }
}

/// The connection that both users' requests come on.
struct SharedConnection {
    visitor: Visitor,
    connection: Connection,
}

impl SharedConnection {
    fn get(&mut self, path: &str, cookie: &str) -> Response {
        let request = Request::get(path).header(ACCEPT, "*/*").header(COOKIE, cookie);
        self.visitor.send_over(&mut self.connection, request.body(String::new()).unwrap())
    }

    #[track_caller]
    fn serves(&mut self, name: &str, group: &str, cookie: &str) {
        let response = self.get("/", cookie);
        assert_eq!(response.status, StatusCode::OK, "{name}");
        assert_eq!((response.header("x-user"), response.header("x-groups")), (name, group));
    }

    #[track_caller]
    fn serves_nobody(&mut self, cookie: &str) {
        let response = self.get("/", cookie);
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        assert_eq!(response.header("x-user"), "");
    }
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

const GROUPS: &str = "[groups]\nteam = []\nguests = []";
