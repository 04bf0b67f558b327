//! Applications for developers: Buildbot, Roundup, Trac.

use http::Method;
use tokio_tungstenite::tungstenite::Message;

use super::{
    document::{Block, Recipe},
    running::{Folder, development_tools, ends, gateway, open_socket, send, signed_in, signs_out, wait_for},
};
use crate::support::{
    gateway::{TestGateway, password},
    process::until,
};

#[test]
fn buildbot_builds_what_a_user_asks_for_and_tells_it_by_its_websocket() {
    let recipe = Recipe::of("Buildbot");
    let folder = Folder::new();
    let (gateway, socket) = gateway_before_socket(&folder, recipe.block("toml"), "http://127.0.0.1:8010");
    let mut visitor = signed_in(&gateway, "alice");
    let origin = visitor.origin();
    folder.run(recipe.nth("sh", 0).text());
    let configuration = recipe
        .block("python")
        .with("https://ci.example.com", &origin)
        .with("tcp:8010:interface=127.0.0.1", &format!("unix:address={socket}"));
    folder.write("ci/master.cfg", configuration.text());
    let _buildbot = folder.start_on_socket("buildbot", SOCKET, folder.command(recipe.nth("sh", 1).text()));

    assert_eq!(visitor.get("/").status, 200);
    let configuration = visitor.fetch(&Method::GET, "/config").text();
    assert!(configuration.contains("\"username\": \"alice\""), "{configuration}");
    let mut socket = open_socket(&visitor, "/ws");
    socket
        .send(Message::text(r#"{"cmd":"startConsuming","path":"builds/*/*","_id":1}"#))
        .expect("it is sent");
    wait_for(&mut socket, "\"code\":200");
    let json = [("content-type", "application/json")];
    let order = r#"{"jsonrpc":"2.0","method":"force","id":1,"params":{"builderid":1,"reason":"test"}}"#;
    let made = send(&mut visitor, "POST", "/api/v2/forceschedulers/force", &json, order);
    assert_eq!(made.status, 200, "{}", made.text());
    wait_for(&mut socket, "builds/1/finished");
    let owner = visitor.fetch(&Method::GET, "/api/v2/builds/1/properties").text();
    assert!(owner.contains("\"alice\""), "the build is alice's: {owner}");

    let site = [("sec-fetch-site", "same-origin")];
    let out = send(&mut visitor, "GET", "/auth/logout", &site, "");
    assert_eq!((out.status.as_u16(), out.location()), (302, &*format!("{origin}/#/")));
    assert_eq!(visitor.fetch(&Method::GET, "/config").status, 401, "its sign-out is the gateway's");
    ends(&mut socket);
    visitor.sign_in("bob", &password("bob"));
    visitor.get("/");
    let configuration = visitor.fetch(&Method::GET, "/config").text();
    assert!(configuration.contains("\"username\": \"bob\""), "the next person in the same browser");
    signs_out(&mut visitor, "/config");
}

#[test]
fn roundup_takes_issues_of_the_users_that_it_has() {
    let recipe = Recipe::of("Roundup");
    let folder = Folder::new();
    let (gateway, socket) = gateway_before_socket(&folder, recipe.block("toml"), "http://127.0.0.1:8000");
    let mut visitor = signed_in(&gateway, "alice");
    let origin = visitor.origin();
    folder.run(recipe.nth("sh", 0).with("https://issues.example.com", &origin).text());
    folder.run(&format!("{} secret", recipe.nth("sh", 1).text().trim()));
    folder.run(recipe.nth("sh", 2).text());
    folder.write("issues.py", recipe.block("python").text());
    let _roundup = folder.start_on_socket("roundup", SOCKET, {
        let line = recipe.nth("sh", 3).with("127.0.0.1:8000", &format!("unix:{socket}"));
        let mut command = folder.command(&own(line.text()));
        command.env("SENDMAILDEBUG", folder.text("mail.txt"));
        command
    });

    let page = visitor.get("/issue?@template=item").text();
    assert!(page.contains("Hello, alice"), "{page}");
    let csrf =
        page.split_once("name=\"@csrf\" type=\"hidden\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (csrf, _) = csrf.unwrap_or_else(|| panic!("no @csrf: {page}"));
    let fields = [
        ("@csrf", csrf),
        ("@action", "new"),
        ("title", "A door that sticks"),
        ("priority", "1"),
        ("@note", "Since the autumn."),
        ("@required", "title,priority"),
    ];
    let made = visitor.submit("/issue", &fields);
    assert!(made.location().starts_with(&format!("{origin}/issue1")), "{:?} {}", made.status, made.text());
    let page = visitor.get("/issue1").text();
    assert!(page.contains("A door that sticks") && page.contains("alice"), "{page}");

    let page = signed_in(&gateway, "bob").get("/issue1").text();
    assert!(!page.contains("Hello, bob"), "bob has no account there: {page}");

    signs_out(&mut visitor, "/issue1");
}

#[test]
fn trac_takes_pages_and_signs_out_of_both() {
    let recipe = Recipe::of("Trac");
    let folder = Folder::new();
    folder.run(recipe.nth("sh", 0).with("/srv/trac", "trac").text());
    folder.write("wiki.py", recipe.block("python").with("/srv/trac", &folder.text("trac")).text());
    let trac = folder.start("trac", |port| {
        let line = recipe.nth("sh", 1).with("127.0.0.1:8000", &format!("127.0.0.1:{port}"));
        folder.command(&own(line.text()))
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8000", &trac);
    let mut visitor = signed_in(&gateway, "alice");
    let origin = visitor.origin();

    let page = visitor.get("/wiki/Notes?action=edit");
    assert!(page.text().contains("<span class=\"trac-author-user\">alice</span>"), "{}", page.text());
    let csrf = page.field("__FORM_TOKEN");
    let fields = [
        ("__FORM_TOKEN", &*csrf),
        ("action", "edit"),
        ("version", "0"),
        ("from_editor", "1"),
        ("text", "written behind a gateway"),
        ("comment", ""),
        ("save", "Submit changes"),
    ];
    let saved = visitor.submit("/wiki/Notes", &fields);
    assert!(
        saved.location().starts_with(&format!("{origin}/wiki/Notes")),
        "{} {}",
        saved.status,
        saved.text()
    );
    assert!(visitor.get("/wiki/Notes").text().contains("written behind a gateway"));
    assert!(visitor.get("/wiki/Notes?action=history").text().contains("alice"));

    let out = visitor.submit("/logout", &[("__FORM_TOKEN", &csrf)]);
    assert_eq!((out.status.as_u16(), out.location()), (303, &*origin));
    assert_eq!(visitor.fetch(&Method::GET, "/wiki").status, 401, "its sign-out is the gateway's");
    visitor.sign_in("bob", &password("bob"));
    until("Trac knows the next person in the same browser", || {
        visitor.get("/wiki/Notes").text().contains("<span class=\"trac-author-user\">bob</span>")
    });
    signs_out(&mut visitor, "/wiki");
}

/// A gateway in front of a UNIX socket of the folder, and the socket's path. Applications that compare `Origin` with their own
/// address can be told of the gateway's port then, before they start.
fn gateway_before_socket(folder: &Folder, configuration: Block, example: &str) -> (TestGateway, String) {
    let socket = folder.text(SOCKET);
    let gateway = TestGateway::start(configuration.with(example, &format!("unix:{socket}")).text());
    gateway.add_user("alice", &[]);
    gateway.add_user("bob", &[]);
    (gateway, socket)
}

/// A command line whose program is that of the virtual environment for these applications, and not of the other one.
fn own(line: &str) -> String {
    format!("{}/python/bin/{line}", development_tools().display())
}

const SOCKET: &str = "application.sock";
