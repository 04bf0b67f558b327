//! Sign-in through a certified provider, npm's `oidc-provider`, with Chromium.
//!
//! Pictures of the gateway's pages go to `tests/output/screenshots/`, to be looked at.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;

use crate::support::{
    browser::Browser,
    gateway::TestGateway,
    process::{Captured, until},
    redis::RedisServer,
    visitor::Visitor,
};

const APPS: &str = r#"
[[app]]
host = "localhost"
upstream = "builtin:whoami"
[[app.rule]]
path = "/admin/**"
allow = { group = "admins" }
"#;
const GROUPS: &str = "[groups]\nadmins = []\nstaff = []\n";
/// With characters that have to be encoded in `client_secret_basic`.
const SECRET: &str = "pass:word &=+%";

/// The provider as a process of its own; it ends when this is dropped.
struct Provider {
    child: Child,
    output: Captured,
    issuer: String,
    secret: tempfile::NamedTempFile,
}

impl Provider {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = tools();
        assert!(
            tools.join("node_modules").exists(),
            "no oidc-provider in {}; tests/run installs it",
            tools.display()
        );
        let mut child = Command::new("node")
            .arg(root.join("tests/provider/provider.mjs"))
            .arg(&tools)
            // The gateway's certificate is its own.
            .env("NODE_TLS_REJECT_UNAUTHORIZED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("starting node: {error}; tests/run installs it"));
        let output = Captured::of(child.stdout.take().expect("its standard output"));
        let issuer = output.wait_for("the issuer", |text| Some(text.split_once('\n')?.0.to_owned()));
        let mut secret = tempfile::NamedTempFile::new().expect("a file");
        writeln!(secret, "{SECRET}").expect("writing the secret");
        Self { child, output, issuer, secret }
    }

    fn section(&self, more: &str) -> String {
        format!(
            "[[backend]]\ntype = \"local\"\n[[backend]]\ntype = \"oidc\"\nname = \"op\"\ntitle = \"Example Ltd\"\n\
             issuer = \"{}\"\ninsecure = true\nclient_id = \"portcullis\"\nclient_secret_file = \"{}\"\n\
             scopes = [\"openid\", \"email\", \"profile\", \"groups\"]\ngroups = {{ admins = \"admins\", people = \"staff\" }}\n{more}\n",
            self.issuer,
            self.secret.path().display(),
        )
    }

    /// Tells the provider where its client is. It sends logout tokens to the first gateway.
    fn serve(&mut self, gateways: &[&TestGateway]) {
        let origins: Vec<&str> = gateways.iter().map(|gateway| gateway.origin.as_str()).collect();
        let settings = json!({"id": "portcullis", "secret": SECRET, "gateways": origins, "name": "op"});
        let stdin = self.child.stdin.as_mut().expect("its standard input");
        writeln!(stdin, "{settings}").expect("writing the settings");
        self.output.wait_for("the provider", |text| text.contains("ready").then_some(()));
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where `tests/run` has installed the provider.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/provider/node")
}

/// Signs in at the provider and agrees.
fn sign_in_there(browser: &Browser, user: &str) {
    browser.fill_in("input[name=login]", user);
    browser.fill_in("input[name=password]", "any");
    browser.click("button[type=submit]");
    if browser.text().contains("Authorize") || browser.text().contains("Continue") {
        browser.click("button[type=submit]");
    }
}

#[test]
fn a_person_signs_in_through_a_provider_and_out_of_both() {
    let mut provider = Provider::start();
    let sections = format!("{GROUPS}{}", provider.section("logout = true"));
    let gateway = TestGateway::start_with(&sections, APPS);
    provider.serve(&[&gateway]);
    let browser = Browser::start();
    let at = |path: &str| format!("{}{path}", gateway.origin);

    browser.open(&at("/reports/2026?month=11"));
    assert!(browser.text().contains("Sign in with Example Ltd"), "{}", browser.text());
    browser.picture("login-provider");
    browser.click(".providers a");
    assert!(browser.url().starts_with(&provider.issuer), "{}", browser.url());
    sign_in_there(&browser, "alice");
    assert_eq!(browser.url(), at("/reports/2026?month=11"));
    let page = browser.text();
    for sent in ["alice", "alice@example.com", "Alice Example", "staff"] {
        assert!(page.contains(sent), "{sent}: {page}");
    }
    // Back to a page of the provider, and to the application again.
    browser.back();
    browser.open(&at("/page"));
    assert!(browser.text().contains("alice@example.com"), "{}", browser.text());
    browser.open(&at("/admin/"));
    assert!(browser.text().contains("403"), "{}", browser.text());

    browser.open(&at("/.gateway/logout"));
    browser.click("button[type=submit]");
    until("the provider's sign-out", || browser.url().starts_with(&provider.issuer));
    until("its question", || browser.text().to_lowercase().contains("sign-out"));
    browser.click("button[name=logout]");
    until("the way back", || browser.url() == at("/.gateway/login"));
    assert!(browser.text().contains("You have signed out."), "{}", browser.text());
    browser.picture("login-provider-signed-out");
    // The provider asks who it is now.
    browser.click(".providers a");
    assert!(browser.url().starts_with(&provider.issuer), "{}", browser.url());
    sign_in_there(&browser, "admin");
    browser.open(&at("/admin/"));
    assert!(browser.text().contains("admins"), "{}", browser.text());
    // The provider's own pages ask for fonts that this machine cannot fetch.
    let complaints = browser.complaints().into_iter();
    let ours: Vec<String> = complaints.filter(|message| message.starts_with(&gateway.origin)).collect();
    assert_eq!(ours, Vec::<String>::new());
}

#[test]
fn a_person_who_is_refused_can_use_another_account() {
    let mut provider = Provider::start();
    let allow = "allow = { group = \"admins\" }";
    let gateway = TestGateway::start_with(&format!("{GROUPS}{}", provider.section(allow)), APPS);
    provider.serve(&[&gateway]);
    let browser = Browser::start();
    browser.open(&format!("{}/page", gateway.origin));
    browser.click(".providers a");
    sign_in_there(&browser, "mallory");
    assert!(browser.text().contains("You aren’t signed in"), "{}", browser.text());
    browser.picture("provider-refused");
    // The browser stays where it is: signing in at once again would go on for ever.
    assert!(browser.url().contains("/.gateway/oidc/op/callback?"), "{}", browser.url());
    browser.reload();
    assert!(browser.text().contains("Please start again"), "{}", browser.text());
    browser.picture("provider-start-again");
}

#[test]
fn a_logout_at_the_provider_ends_the_session_on_every_gateway() {
    let mut provider = Provider::start();
    let redis = RedisServer::start();
    // A cache that believes its entries for hours: only a message can end the session in time.
    let session = format!("[session]\nstore = \"{}\"\ncache_ttl = \"10h\"\ngrace = \"0s\"\n", redis.url());
    let sections = format!("{GROUPS}{session}{}", provider.section(""));
    let here = TestGateway::start_with(&sections, APPS);
    let there = TestGateway::start_beside(&here, &sections, APPS);
    provider.serve(&[&here, &there]);
    let browser = Browser::start();
    browser.open(&format!("{}/page", here.origin));
    browser.click(".providers a");
    sign_in_there(&browser, "alice");
    assert_eq!(browser.url(), format!("{}/page", here.origin));
    let cookie = browser.cookie("__Host-Http-portcullis");
    let mut same = Visitor::of(&there);
    same.cookies.insert("__Host-Http-portcullis".to_owned(), cookie);
    assert_eq!(same.get("/page").status, 200);

    browser.open(&format!("{}/session/end", provider.issuer));
    browser.click("button[name=logout]");
    until("the session has ended on the other gateway", || same.get("/page").status == 303);
    browser.open(&format!("{}/page", here.origin));
    assert!(browser.title().starts_with("Sign in"), "{}", browser.title());
    let ended = here.log().into_iter().find(|entry| entry["event"] == "provider-logout");
    assert_eq!(ended.expect("a record")["reason"], "ok");
}

#[test]
fn a_person_with_a_provider_alone_confirms_through_it() {
    let mut provider = Provider::start();
    let apps =
        format!("{APPS}[[app.rule]]\npath = \"/vault/**\"\nallow = \"authenticated\"\nmax_age = \"50s\"\n");
    let gateway = TestGateway::start_with(&format!("{GROUPS}{}", provider.section("")), &apps);
    provider.serve(&[&gateway]);
    let browser = Browser::start();
    browser.open(&format!("{}/vault/", gateway.origin));
    browser.click(".providers a");
    sign_in_there(&browser, "alice");
    assert_eq!(browser.url(), format!("{}/vault/", gateway.origin));
    // The clock of the provider stays; the two may differ by a minute.
    gateway.clock.advance(Duration::from_secs(55));
    browser.reload();
    assert!(browser.text().contains("Confirm with Example Ltd"), "{}", browser.text());
    assert!(!browser.text().contains("Password"), "{}", browser.text());
    browser.picture("confirm-provider");
    browser.click(".providers a");
    assert!(browser.url().starts_with(&provider.issuer), "the provider asks again: {}", browser.url());
    sign_in_there(&browser, "alice");
    assert_eq!(browser.url(), format!("{}/vault/", gateway.origin));
    assert!(browser.text().contains("alice"), "{}", browser.text());
}

#[test]
fn a_second_factor_at_the_provider_counts_where_the_provider_is_trusted_in_it() {
    let mut provider = Provider::start();
    let apps = format!("{APPS}[[app.rule]]\npath = \"/two/**\"\nallow = \"authenticated\"\nfactors = 2\n");
    let [trusting, doubting] = ["trusts_second_factor = true", ""]
        .map(|keys| TestGateway::start_with(&format!("{GROUPS}{}", provider.section(keys)), &apps));
    provider.serve(&[&trusting, &doubting]);
    let browser = Browser::start();
    for (gateway, user, counts) in [
        (&trusting, "mfa-alice", true),
        (&trusting, "acr-bob", true),
        (&trusting, "carol", false),
        (&doubting, "mfa-alice", false),
    ] {
        browser.forget_cookies();
        browser.open(&format!("{}/two/x", gateway.origin));
        browser.click(".providers a");
        sign_in_there(&browser, user);
        if counts {
            assert_eq!(browser.url(), format!("{}/two/x", gateway.origin), "{user}: {}", browser.text());
        } else {
            assert!(browser.url().starts_with(&format!("{}/.gateway/confirm", gateway.origin)), "{user}");
            assert!(browser.text().contains("you have none yet"), "{user}: {}", browser.text());
        }
    }
}
