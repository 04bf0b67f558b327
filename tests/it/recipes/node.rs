//! Node-RED and `TiddlyWiki`.

use http::Method;
use tokio_tungstenite::tungstenite::Message;

use super::{
    document::Recipe,
    running::{Folder, ends, gateway, open_socket, send, signed_in, signs_out, wait_for},
};
use crate::support::process::until;

#[test]
fn node_red_takes_flows_and_knows_who_edits_them() {
    let recipe = Recipe::of("Node-RED");
    let folder = Folder::new();
    let node_red = folder.start("node-red", |port| {
        let settings = recipe.block("javascript").with("uiPort: 1880", &format!("uiPort: {port}"));
        folder.write("settings.js", settings.text());
        folder.command(recipe.block("sh").with("/etc/node-red", ".").text())
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:1880", &node_red);
    let mut visitor = signed_in(&gateway, "alice");

    until("Node-RED knows alice", || {
        visitor.fetch(&Method::GET, "/settings").text().contains("\"user\":{\"username\":\"alice\"")
    });
    let mut socket = open_socket(&visitor, "/comms");
    socket.send(Message::text("{\"subscribe\": \"notification/#\"}")).expect("it is sent");
    let flows = r#"[
        {"id": "tab", "type": "tab", "label": "Flow"},
        {"id": "in", "z": "tab", "type": "http in", "url": "/away", "method": "get", "wires": [["out"]]},
        {"id": "out", "z": "tab", "type": "http response", "statusCode": "302", "headers": {"location": "/settings"}, "wires": []}
    ]"#;
    let json = [("content-type", "application/json")];
    assert_eq!(send(&mut visitor, "POST", "/flows", &json, flows).status, 204);
    wait_for(&mut socket, "notification/runtime-deploy");
    until("the flow has started", || visitor.fetch(&Method::GET, "/away").location() == "/settings");
    let out = send(&mut visitor, "POST", "/auth/revoke", &json, "{\"token\": \"\"}");
    assert!(out.text().contains("/.gateway/logout"), "{} {}", out.status, out.text());

    signs_out(&mut visitor, "/settings");
    ends(&mut socket);
}

#[test]
fn tiddlywiki_saves_what_somebody_writes() {
    let recipe = Recipe::of("TiddlyWiki");
    let folder = Folder::new();
    folder.run("tiddlywiki mywiki --init server");
    let tiddlywiki = folder.start("tiddlywiki", |port| {
        folder.command(recipe.block("sh").with("port=8080", &format!("port={port}")).text())
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:8080", &tiddlywiki);
    let mut visitor = signed_in(&gateway, "alice");

    let status = visitor.fetch(&Method::GET, "/status").text();
    assert!(status.contains("\"username\":\"alice\"") && status.contains("\"read_only\":false"), "{status}");
    assert_eq!(visitor.get("/login-basic").location(), "/");
    let tiddler = "/recipes/default/tiddlers/Hello";
    let body = "{\"title\": \"Hello\", \"text\": \"there\"}";
    let written = send(&mut visitor, "PUT", tiddler, &[("x-requested-with", "TiddlyWiki")], body);
    assert_eq!(written.status, 204, "{}", written.text());
    assert!(visitor.fetch(&Method::GET, tiddler).text().contains("there"));

    signs_out(&mut visitor, "/status");
}
