//! Debian's Prometheus, an application without a login, behind the gateway.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use http::Method;
use tempfile::TempDir;

use crate::support::{
    browser::Browser,
    gateway::{TestGateway, password},
    process::{Captured, until},
    visitor::{Protocol, Visitor},
};

#[test]
fn prometheus_gets_a_login_without_knowing_of_it() {
    let prometheus = Prometheus::start();
    let apps = format!(
        "[[app]]\nname = \"prometheus\"\nupstream = \"http://{}\"\n\
         [[app.rule]]\npath = \"/api/v1/status/**\"\nallow = {{ group = \"operators\" }}\n\
         [[app.rule]]\npath = \"/-/healthy\"\nallow = \"anyone\"",
        prometheus.addr
    );
    let gateway = TestGateway::start_with("[groups]\noperators = []", &apps);
    gateway.add_user("alice", &[]);

    let mut alice = Visitor::of(&gateway);
    for path in ["/api/v1/query?query=up", "/metrics", "/static/css/graph.css", "//api/v1/query?query=up"] {
        let refused = alice.fetch(&Method::GET, path);
        assert_eq!(refused.status, 401, "{path}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{path}");
    }
    assert_eq!(alice.fetch(&Method::GET, "/-/healthy").status, 200);
    alice.sign_in("alice", &password("alice"));
    until("the query has a result", || {
        let response = alice.fetch(&Method::GET, "/api/v1/query?query=up");
        assert_eq!((response.status.as_u16(), response.header("content-type")), (200, "application/json"));
        let json: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(json["status"], "success");
        json["data"]["result"][0]["value"][1] == "1"
    });
    let form = [("query", "sum(up) + 41")];
    assert!(alice.submit("/api/v1/query", &form).text().contains("\"42\""), "a query by POST");
    assert_eq!(alice.fetch(&Method::GET, "/api/v1/status/config").status, 403, "the rule is for operators");
    let mut alice = alice.speaking(Protocol::Http2);
    assert!(alice.fetch(&Method::GET, "/metrics").text().contains("prometheus_build_info"));

    let browser = Browser::start();
    browser.open(&format!("{}/graph?g0.expr=up&g0.tab=1", gateway.origin));
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    browser.fill_in("#username", "alice");
    browser.fill_in("#password", &password("alice"));
    browser.click("button[type=submit]");
    // The page writes further parameters into its own address.
    assert!(browser.url().contains("/graph?") && browser.url().contains("g0.expr=up"), "{}", browser.url());
    assert!(browser.title().contains("Prometheus"), "{}", browser.title());
    until("the page shows what its own query found", || browser.text().contains("job=\"itself\""));
    browser.picture_at_a_desk("prometheus");
    // One of Debian's own scripts is broken with or without a gateway; nothing was refused, though.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("SyntaxError")), "{complaints:#?}");
}

/// Prometheus on a free port, watching itself.
struct Prometheus {
    child: Child,
    addr: String,
    _folder: TempDir,
}

impl Prometheus {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = folder.path().join("prometheus.yml");
        let targets = folder.path().join("targets.json");
        let text = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs: [{{ job_name: itself, file_sd_configs: [{{ files: ['{}'], refresh_interval: 1s }}] }}]\n",
            targets.display()
        );
        fs::write(&configuration, text).expect("its configuration");
        let mut child = Command::new("prometheus")
            .arg("--web.listen-address=127.0.0.1:0")
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--config.file={}", configuration.display()))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting prometheus: {error}; tests/run installs it"));
        let output = Captured::of(child.stderr.take().expect("its standard error"));
        let addr = output.wait_for("where Prometheus listens", |text| {
            let line = text.lines().find(|line| line.contains("Listening on"))?;
            line.split_whitespace().find_map(|word| word.strip_prefix("address=")).map(str::to_owned)
        });
        let this = Self { child, addr, _folder: folder };
        output.wait_for_text("ready to receive web requests");
        // Whole, or it would be read half-written.
        let beside = targets.with_extension("new");
        fs::write(&beside, format!("[{{\"targets\": [\"{}\"]}}]", this.addr)).expect("its targets");
        fs::rename(&beside, &targets).expect("its targets");
        this
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
