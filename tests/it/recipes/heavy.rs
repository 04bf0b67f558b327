//! Applications that are too large to be installed for each run of the tests: Gradio, pgAdmin, Streamlit, Superset,
//! `TensorBoard`, wetty.
//!
//! `tests/heavy` installs them and runs these tests. `docs/apps.md` says that they are tried by hand.

use http::Method;
use tokio_tungstenite::tungstenite::Message;

use super::{
    document::{Block, Recipe},
    running::{Folder, ends, gateway, heavy_tools, open_socket, run, send, signed_in, signs_out, wait_for},
};
use crate::support::{browser::Browser, gateway::password, process::until, visitor::Visitor};

#[test]
#[ignore = "large; tests/heavy installs Gradio and runs it"]
fn gradio_answers_through_its_queue() {
    let recipe = Recipe::of("Gradio");
    let folder = Folder::new();
    let gradio = folder.start("gradio", |port| {
        let program = recipe.block("python").with("server_port=7860", &format!("server_port={port}"));
        folder.write("app.py", &format!("import gradio as gr\n\n\n{}", program.text()));
        let mut command = folder.command(&format!("{}/python/bin/python app.py", heavy_tools().display()));
        command.env("GRADIO_ANALYTICS_ENABLED", "False");
        command
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:7860", &gradio);
    let mut visitor = signed_in(&gateway, "alice");

    let page = visitor.get("/").text();
    assert!(page.contains(&format!("\"root\":\"{}\"", visitor.origin())), "{page}");
    let json = [("content-type", "application/json")];
    let question = r#"{"data": ["hello"], "fn_index": 0, "session_hash": "abc"}"#;
    assert_eq!(send(&mut visitor, "POST", "/gradio_api/queue/join", &json, question).status, 200);
    let events = visitor.fetch(&Method::GET, "/gradio_api/queue/data?session_hash=abc").text();
    assert!(events.contains("alice said hello"), "{events}");

    signs_out(&mut visitor, "/config");
}

#[test]
#[ignore = "large; tests/heavy installs pgAdmin and runs it"]
fn pgadmin_takes_requests_of_the_gateway_alone_and_follows_who_is_signed_in() {
    let recipe = Recipe::of("pgAdmin");
    let folder = Folder::new();
    folder.write_secret("secret", "tulip-42\n");
    let secret = folder.text("secret");
    let configuration = recipe
        .nth("python", 0)
        .with("/var/lib/pgadmin", &folder.text("data"))
        .with("/etc/pgadmin/gateway-secret", &secret);
    folder.write("config_local.py", configuration.text());
    folder.write("gateway_pgadmin.py", recipe.nth("python", 1).text());
    let mut setup = folder.command_of("recipes-pgadmin", recipe.nth("sh", 0).text());
    setup.env("PGADMIN_SETUP_EMAIL", "root@example.com").env("PGADMIN_SETUP_PASSWORD", "tulip-bulb");
    run(setup);
    let pgadmin = folder.start("pgadmin", |port| {
        let line = recipe.nth("sh", 1).with("127.0.0.1:5050", &format!("127.0.0.1:{port}"));
        folder.command_of("recipes-pgadmin", line.text())
    });
    let configuration = recipe
        .block("toml")
        .with("pgadmin.example.com", "localhost")
        .with("/etc/portcullis/pgadmin-secret", &secret);
    let gateway = gateway(configuration, "127.0.0.1:5050", &pgadmin);

    for fields in [
        &[("Remote-User", "alice")][..],
        &[("Remote-User", "alice"), ("X-Pgadmin-Webserver-Secret", "rose-1")],
    ] {
        let page = pgadmin.ask_directly("/", fields);
        assert!(page.contains("Webserver authenticate failed."), "{fields:?}: {page}");
    }
    let mut visitor = signed_in(&gateway, "alice");
    let forged = [("remote-user", "bob"), ("x-pgadmin-webserver-secret", "tulip-42")];
    assert_eq!(send(&mut visitor, "GET", "/", &forged, "").location(), "/browser/");
    assert_eq!(pgadmin_user(&mut visitor), "alice");

    let referer = format!("{}/browser/", visitor.origin());
    let page = [("content-type", "application/json"), ("referer", &*referer)];
    let csrf = pgadmin_csrf(&mut visitor);
    let made = send(&mut visitor, "POST", "/browser/server_group/obj/", &page, r#"{"name": "Ours"}"#);
    assert_eq!(made.status, 401, "without its token against forged requests: {}", made.text());
    let page = [page.as_slice(), &[("x-pga-csrftoken", &*csrf)]].concat();
    let made = send(&mut visitor, "POST", "/browser/server_group/obj/", &page, r#"{"name": "Ours"}"#);
    assert_eq!(made.status, 200, "{}", made.text());
    let mut socket = open_socket(&visitor, "/socket.io/?EIO=4&transport=websocket");
    wait_for(&mut socket, "sid");
    socket.send(Message::text("40/pty,")).expect("it is sent");
    wait_for(&mut socket, "conn_not_allow");

    signs_out(&mut visitor, "/browser/js/messages.js");
    ends(&mut socket);
    visitor.sign_in("bob", &password("bob"));
    let site = [("sec-fetch-site", "same-origin")];
    let page = send(&mut visitor, "GET", "/user_management/current_user.js", &site, "");
    assert_eq!(page.location(), "/login?next=/user_management/current_user.js", "alice's session ended");
    assert_eq!(visitor.get("/").location(), "/browser/");
    assert_eq!(pgadmin_user(&mut visitor), "bob", "the next person in the same browser");
    let csrf = pgadmin_csrf(&mut visitor);
    let page = [("x-pga-csrftoken", &*csrf), ("referer", &*referer)];
    let groups = send(&mut visitor, "GET", "/browser/server_group/nodes/", &page, "").text();
    assert!(groups.contains("\"Servers\"") && !groups.contains("Ours"), "{groups}");

    assert_eq!(send(&mut visitor, "GET", "/logout", &site, "").location(), "/");
    assert_eq!(
        visitor.fetch(&Method::GET, "/browser/js/messages.js").status,
        401,
        "its sign-out is the gateway's"
    );
}

/// The name that pgAdmin tells its own page.
fn pgadmin_user(visitor: &mut Visitor) -> String {
    let script = visitor.get("/user_management/current_user.js").text();
    script.split_once("'name': '").map_or(script.clone(), |(_, rest)| quoted(rest))
}

/// The token that pgAdmin expects in a request of its page.
fn pgadmin_csrf(visitor: &mut Visitor) -> String {
    let script = visitor.get("/browser/js/utils.js").text();
    let (_, rest) =
        script.split_once("pgAdmin['csrf_token'] = '").unwrap_or_else(|| panic!("no token: {script}"));
    quoted(rest)
}

/// The text before the next quote.
fn quoted(text: &str) -> String {
    text.split('\'').next().expect("a first part").to_owned()
}

#[test]
#[ignore = "large; tests/heavy installs Streamlit and runs it"]
fn streamlit_shows_a_page_to_whom_it_knows() {
    let recipe = Recipe::of("Streamlit");
    let folder = Folder::copy_of("heavy");
    let streamlit = folder.start("streamlit", |port| {
        let line = recipe
            .block("sh")
            .with("--server.port=8501", &format!("--server.port={port}"))
            .with("app.py", "streamlit_app.py --browser.gatherUsageStats=false");
        folder.command(line.text())
    });
    let configuration = recipe.block("toml").with("streamlit.example.com", "localhost");
    let gateway = gateway(configuration, "127.0.0.1:8501", &streamlit);

    let browser = Browser::start();
    browser.open(&gateway.origin);
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    until("its WebSocket brings the page", || browser.text().contains("hello alice"));
    signs_out(&mut signed_in(&gateway, "alice"), "/_stcore/host-config");
}

#[test]
#[ignore = "large; tests/heavy installs Superset and runs it"]
fn superset_keeps_dashboards_and_follows_who_is_signed_in() {
    let recipe = Recipe::of("Superset");
    let folder = Folder::new();
    folder.write_secret("secret-key", "tulip-tulip-tulip-tulip-tulip-tulip-42\n");
    let configuration = recipe
        .block("python")
        .with("/etc/superset/secret-key", &folder.text("secret-key"))
        .with("/var/lib/superset", &folder.text(""));
    folder.write("superset_config.py", configuration.text());
    let command = |line: Block| {
        let line = line.with("PYTHONPATH=/etc/superset", &format!("PYTHONPATH={}", folder.text("")));
        folder.command_of("recipes-superset", line.text())
    };
    run(command(recipe.nth("sh", 0)));
    run(command(recipe.nth("sh", 1)));
    let superset = folder.start("superset", |port| {
        command(recipe.nth("sh", 2).with("127.0.0.1:8088", &format!("127.0.0.1:{port}")))
    });
    let configuration = recipe.block("toml").with("superset.example.com", "localhost");
    let gateway = gateway(configuration, "127.0.0.1:8088", &superset);
    let mut visitor = signed_in(&gateway, "alice");

    let list = format!("{}/dashboard/list/", visitor.origin());
    assert_eq!(visitor.get("/dashboard/list/").location(), format!("/login/?next={list}"));
    let forged = [("remote-user", "bob")];
    let page = send(&mut visitor, "GET", "/login/?next=/dashboard/list/", &forged, "");
    assert_eq!(page.location(), "/dashboard/list/");
    assert_eq!(visitor.get("/dashboard/list/").status, 200);
    assert!(visitor.get("/api/v1/me/").text().contains("\"username\":\"alice\""));

    let csrf = visitor.get("/api/v1/security/csrf_token/").text();
    let csrf: serde_json::Value = serde_json::from_str(&csrf).expect("JSON");
    let page = [("content-type", "application/json"), ("referer", &*list)];
    let dashboard = r#"{"dashboard_title": "Ours"}"#;
    let made = send(&mut visitor, "POST", "/api/v1/dashboard/", &page, dashboard);
    assert_eq!(made.status, 400, "without its token against forged requests: {}", made.text());
    let page = [&page[..], &[("x-csrftoken", csrf["result"].as_str().expect("a token"))]].concat();
    let made = send(&mut visitor, "POST", "/api/v1/dashboard/", &page, dashboard);
    assert_eq!(made.status, 201, "{}", made.text());
    assert!(visitor.get("/api/v1/dashboard/").text().contains("Ours"));

    signs_out(&mut visitor, "/api/v1/me/");
    visitor.sign_in("bob", &password("bob"));
    assert_eq!(visitor.get("/api/v1/me/").status, 401, "alice's session of the application ended");
    visitor.get("/login/?next=/dashboard/list/");
    let user = visitor.get("/api/v1/me/").text();
    assert!(user.contains("\"username\":\"bob\""), "the next person in the same browser: {user}");
    assert!(!visitor.get("/api/v1/dashboard/").text().contains("Ours"), "it is alice's");

    let site = [("sec-fetch-site", "same-origin")];
    assert_eq!(send(&mut visitor, "GET", "/logout/", &site, "").location(), "/.gateway/logout");
    assert_eq!(visitor.fetch(&Method::GET, "/api/v1/me/").status, 401, "its sign-out is the gateway's");
    assert_eq!(visitor.fetch(&Method::GET, "/.gateway/whoami").text(), r#"{"authenticated":false}"#);
}

#[test]
#[ignore = "large; tests/heavy installs TensorBoard and runs it"]
fn tensorboard_takes_questions_by_post() {
    let recipe = Recipe::of("TensorBoard");
    let folder = Folder::new();
    folder.make(&["logs"]);
    let tensorboard = folder.start("tensorboard", |port| {
        folder.command(recipe.block("sh").with("--port 6006", &format!("--port {port}")).text())
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:6006", &tensorboard);
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").status, 200);
    let path = "/experiment/defaultExperimentId/data/plugin/timeseries/timeSeries";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let found = send(&mut visitor, "POST", path, &form, "requests=%5B%5D");
    assert_eq!((found.status.as_u16(), &*found.text()), (200, "[]"));

    signs_out(&mut visitor, "/data/environment");
}

#[test]
#[ignore = "needs a C++ compiler; tests/heavy installs wetty and runs it"]
fn wetty_runs_a_shell_over_its_websocket() {
    let recipe = Recipe::of("wetty");
    let folder = Folder::new();
    let wetty = folder.start("wetty", |port| {
        let line = recipe.block("sh").with("--port 3000", &format!("--port {port}"));
        folder.command(&format!("{} --command /bin/sh", line.text().trim()))
    });
    let gateway = gateway(recipe.block("toml"), "127.0.0.1:3000", &wetty);
    assert_eq!(signed_in(&gateway, "bob").fetch(&Method::GET, "/").status, 403, "the rule is for alice");
    let mut visitor = signed_in(&gateway, "alice");

    assert_eq!(visitor.get("/").status, 200);
    let mut socket = open_socket(&visitor, "/socket.io/?EIO=4&transport=websocket");
    wait_for(&mut socket, "sid");
    socket.send(Message::text("40")).expect("it is sent");
    wait_for(&mut socket, "[\"login\"]");
    socket.send(Message::text("42[\"input\",\"echo $((40+2))-is-it\\r\"]")).expect("it is sent");
    wait_for(&mut socket, "42-is-it");

    signs_out(&mut visitor, "/");
    ends(&mut socket);
}
