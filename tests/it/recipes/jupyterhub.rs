//! `JupyterHub`: the hub, and the notebook server that it starts for a user.

use std::{collections::BTreeMap, fs};

use http::Method;
use tokio_tungstenite::tungstenite::Message;

use super::{
    document::Recipe,
    running::{
        Application, Folder, ask_directly, ends, gateway, open_socket, send, signed_in, signs_out, wait_for,
    },
};
use crate::support::{
    gateway::password,
    redis::free_port,
    visitor::{Response, Visitor},
};

#[test]
fn jupyterhub_runs_a_kernel_for_the_user_whom_the_gateway_names() {
    let recipe = Recipe::of("JupyterHub");
    let folder = Folder::new();
    folder.write_secret("secret", "tulip-42\n");
    let jupyterhub = start(&recipe, &folder);
    let configuration = recipe
        .block("toml")
        .with("hub.example.com", "localhost")
        .with("/etc/portcullis/jupyterhub-secret", &folder.text("secret"));
    let gateway = gateway(configuration, "127.0.0.1:8000", &jupyterhub);

    for secret in ["", "rose-1"] {
        let forged = [("Remote-User", "alice"), ("X-Hub-Secret", secret)];
        let response = jupyterhub.ask_directly("/hub/login", &forged);
        assert!(response.starts_with("HTTP/1.1 403 "), "{response}");
    }
    let mut alice = Jar::of(signed_in(&gateway, "alice"));
    assert_eq!(alice.get("/").location(), "/hub/");
    alice.open("/hub/login?next=/hub/home");
    let forged = [("remote-user", "bob"), ("x-hub-secret", "tulip-42")];
    assert_eq!(user_of(&send(&mut alice.visitor, "GET", "/hub/home", &forged, "")), "alice");

    assert_eq!(
        alice.visitor.submit("/hub/spawn", &[]).status,
        403,
        "without its token against forged requests"
    );
    let token = alice.token("/hub/");
    let started = alice.visitor.submit("/hub/spawn", &[("_xsrf", &token)]);
    assert_eq!(started.location(), "/hub/spawn-pending/alice", "{}", started.text());
    let progress = alice.get("/hub/api/users/alice/server/progress").text();
    assert!(progress.contains("Server ready at /user/alice/"), "{progress}");
    alice.open("/user/alice/files/");
    assert!(alice.get("/user/alice/api/me").text().contains("\"username\": \"alice\""));
    let received = fs::read_to_string(folder.path("received")).expect("what her server has received");
    assert!(received.contains("Remote-User: alice"), "{received}");
    assert!(!received.contains("tulip"), "her own programs could read the secret: {received}");

    let kernels = "/user/alice/api/kernels";
    assert_eq!(send(&mut alice.visitor, "POST", kernels, &[], "{}").status, 403, "without its token");
    let token = alice.token("/user/");
    let made = send(&mut alice.visitor, "POST", kernels, &[("x-xsrftoken", &token)], "{}");
    assert_eq!(made.status, 201, "{}", made.text());
    let kernel: serde_json::Value = serde_json::from_str(&made.text()).expect("JSON");
    let kernel = kernel["id"].as_str().expect("an id");
    let mut socket = open_socket(&alice.visitor, &format!("{kernels}/{kernel}/channels"));
    // A program of a user connects to the hub and claims to be another user.
    let code = format!(
        "import http.client\n\
         hub = http.client.HTTPConnection('127.0.0.1', {})\n\
         hub.request('GET', '/hub/login', headers={{'Remote-User': 'bob'}})\n\
         print('the hub says', hub.getresponse().status)",
        jupyterhub.port
    );
    socket.send(execution_of(&code)).expect("it is sent");
    wait_for(&mut socket, "the hub says 403");

    signs_out(&mut alice.visitor, "/user/alice/api/me");
    ends(&mut socket);
    let mut next = alice;
    next.visitor.sign_in("bob", &password("bob"));
    assert_eq!(next.get("/user/alice/api/me").status, 403, "with the cookie of alice's server");
    assert_eq!(
        next.get("/hub/home").location(),
        "/hub/login?next=%2Fhub%2Fhome",
        "with alice's cookie of the hub"
    );
    next.open("/hub/login?next=/hub/home");
    assert_eq!(user_of(&next.get("/hub/home")), "bob", "the next person in the same browser");

    let site = [("sec-fetch-site", "same-origin")];
    assert_eq!(send(&mut next.visitor, "GET", "/hub/logout", &site, "").status, 200);
    assert_eq!(next.visitor.fetch(&Method::GET, "/hub/home").status, 401, "its sign-out is the gateway's");
}

/// Starts the hub as the document says, with other ports, and servers without accounts of the system.
fn start(recipe: &Recipe, folder: &Folder) -> Application {
    folder.write("gateway_identity.py", recipe.nth("python", 1).text());
    folder.append(
        "gateway_identity.py",
        &format!(
            "class Recording(GatewayIdentity):\n    \
                 async def get_user(self, handler):\n        \
                     with open('{}', 'w') as received:\n            \
                         received.write(str(handler.request.headers))\n        \
                     return await super().get_user(handler)\n",
            folder.text("received")
        ),
    );
    let is_up = |port| ask_directly(port, "/hub/api", &[]).is_ok_and(|text| text.contains("\"version\""));
    folder.start_when("jupyterhub", is_up, |port| {
        let configuration = recipe
            .nth("python", 0)
            .with("127.0.0.1:8000", &format!("127.0.0.1:{port}"))
            .with("gateway_identity.GatewayIdentity", "gateway_identity.Recording")
            .with("/etc/jupyterhub/gateway-secret", &folder.text("secret"));
        folder.write("jupyterhub_config.py", configuration.text());
        folder.append(
            "jupyterhub_config.py",
            &format!(
                "c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{}'\n\
                 c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{}'\n\
                 c.JupyterHub.spawner_class = 'simple'\n\
                 c.SimpleLocalProcessSpawner.home_dir_template = '{}/{{username}}'\n\
                 c.Spawner.args += ['--allow-root']\n",
                free_port(),
                free_port(),
                folder.text("home")
            ),
        );
        let line = recipe.block("sh").with("/etc/jupyterhub", &folder.text(""));
        folder.command_of("recipes-jupyterhub", line.text())
    })
}

/// A visitor who keeps the cookie `_xsrf` of the hub apart from that of the server, which has another path.
struct Jar {
    visitor: Visitor,
    tokens: BTreeMap<&'static str, String>,
}

impl Jar {
    fn of(visitor: Visitor) -> Self {
        Self { visitor, tokens: BTreeMap::new() }
    }

    fn get(&mut self, path: &str) -> Response {
        let part = if path.starts_with("/user/") { "/user/" } else { "/hub/" };
        self.visitor.cookies.remove("_xsrf");
        if let Some(token) = self.tokens.get(part) {
            self.visitor.cookies.insert("_xsrf".to_owned(), token.clone());
        }
        let response = self.visitor.get(path);
        if let Some(token) = self.visitor.cookies.get("_xsrf") {
            self.tokens.insert(part, token.clone());
        }
        response
    }

    /// Opens a page and follows redirects.
    fn open(&mut self, path: &str) {
        let mut path = path.to_owned();
        for _ in 0..10 {
            let response = self.get(&path);
            if !response.status.is_redirection() {
                return;
            }
            response.location().clone_into(&mut path);
        }
        panic!("too many redirects, the last one to {path}");
    }

    /// The token that a form of this part has to send.
    fn token(&self, part: &str) -> String {
        self.tokens[part].clone()
    }
}

/// The user whom a page of the hub names.
fn user_of(page: &Response) -> String {
    let text = page.text();
    let (_, rest) = text.split_once("user: \"").unwrap_or_else(|| panic!("{}: {text}", page.status));
    rest.split('"').next().expect("a first part").to_owned()
}

/// A message of Jupyter's protocol that has a kernel run a program.
fn execution_of(code: &str) -> Message {
    let message = serde_json::json!({
        "channel": "shell",
        "header": {
            "msg_id": "1", "msg_type": "execute_request", "session": "1", "username": "alice",
            "version": "5.3", "date": "2026-01-01T00:00:00Z"
        },
        "parent_header": {}, "metadata": {}, "buffers": [],
        "content": {
            "code": code, "silent": false, "store_history": false, "user_expressions": {},
            "allow_stdin": false, "stop_on_error": true
        },
    });
    Message::text(message.to_string())
}
