//! Debian's Transmission.

use http::Method;

use super::{
    document::Recipe,
    running::{Folder, gateway, send, signed_in, signs_out},
};

#[test]
fn transmission_answers_to_the_name_that_it_was_told() {
    let recipe = Recipe::of("Transmission");
    let folder = Folder::new();
    let transmission = folder.start("transmission", |port| {
        let settings = recipe.block("json").with("\"rpc-port\": 9091", &format!("\"rpc-port\": {port}"));
        folder.write("settings.json", settings.text());
        // The client stays on this machine: no discovery of other clients, no port mapping.
        folder.command(
            "transmission-daemon --foreground --config-dir . --no-dht --no-lpd --no-portmap --no-utp \
             --bind-address-ipv4 127.0.0.1 --peerport 0",
        )
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:9091", &transmission);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").location(), "/transmission/web/");
    let rpc = "/transmission/rpc";
    let question = "{\"method\": \"session-get\", \"arguments\": {\"fields\": [\"version\"]}}";
    let refused = send(&mut visitor, "POST", rpc, &[], question);
    assert_eq!(refused.status, 409, "{}", refused.text());
    let id = refused.header("x-transmission-session-id").to_owned();
    let response = send(&mut visitor, "POST", rpc, &[("x-transmission-session-id", &id)], question);
    assert!(response.text().contains("\"result\":\"success\""), "{} {}", response.status, response.text());
    assert_eq!(visitor.fetch(&Method::GET, "/transmission/web/").status, 200);

    signs_out(&mut visitor, "/transmission/web/");
}
