//! Real programs without a session: curl, git and Python end with an error of theirs and do not retry for ever.

use std::process::{Command, Stdio};

use std::fs;

use tempfile::TempDir;

use crate::support::{
    client::curl,
    gateway::TestGateway,
    process::{Captured, until},
    upstream::Upstream,
};

/// As Mercurial speaks HTTP: with handlers for `Basic` and `Digest`, which know no password for here.
const URLLIB: &str = "
import ssl, sys, urllib.error, urllib.request as request
passwords = request.HTTPPasswordMgrWithDefaultRealm()
if len(sys.argv) > 2: passwords.add_password(None, sys.argv[1], 'alice', 'wrong')
opener = request.build_opener(
    request.ProxyHandler({}), request.HTTPSHandler(context=ssl._create_unverified_context()),
    request.HTTPBasicAuthHandler(passwords), request.HTTPDigestAuthHandler(passwords))
try: opener.open(sys.argv[1], timeout=20)
except urllib.error.HTTPError as error: print(error.code, error.headers['content-type'])
";

#[test]
fn programs_without_a_session_end_with_a_plain_error() {
    let upstream = Upstream::ok();
    let gateway =
        TestGateway::start(&format!("[[app]]\nhost = \"localhost\"\nupstream = {:?}", upstream.url));
    gateway.add_user("alice", &[]);
    let url = format!("{}/repository", gateway.origin);
    let output = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().expect("the program; tests/run installs it");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };

    for arguments in [&[&*url][..], &[&url, "with a password"]] {
        let (code, out, err) = output(Command::new("python3").args(["-c", URLLIB]).args(arguments));
        assert_eq!((code, &*out), (Some(0), "401 application/problem+json"), "urllib: {err}");
    }

    for arguments in
        [&[][..], &["--user", "alice:wrong", "--anyauth"], &["--user", "alice:wrong", "--digest"]]
    {
        let arguments = [
            &["--silent", "--show-error", "--write-out", "%{http_code}", "--output", "/dev/null"],
            arguments,
        ];
        let ended = curl(&gateway, &arguments.concat(), "/repository");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(String::from_utf8_lossy(&ended.stdout), "401", "curl {arguments:?}");
    }

    for (helper, words) in [
        ("", "could not read Username"),
        ("!echo username=alice; echo password=wrong; :", "Authentication failed"),
    ] {
        let mut git = Command::new("git");
        git.args(["-c", "http.sslVerify=false", "-c", "http.proxy=", "-c", "credential.helper="]);
        git.args(["-c", &format!("credential.helper={helper}"), "ls-remote", &url]);
        git.env("GIT_TERMINAL_PROMPT", "0")
            .env_remove("GIT_ASKPASS")
            .env_remove("SSH_ASKPASS")
            .env("LC_ALL", "C");
        let (code, _, err) = output(&mut git);
        assert!(code == Some(128) && err.contains(words), "git: {code:?} {err}");
    }
    assert!(upstream.seen().is_empty());
    let asked = gateway.drained().iter().filter(|entry| entry["path"].is_string()).count();
    // Seven programs: each asks at least once.
    assert!((7..30).contains(&asked), "{asked} requests: one of them asks again and again");
}

/// A server of git repositories over HTTP, by git's own CGI program.
const GIT_SERVER: &str = "
import http.server, os
# It would run programs as nobody, who cannot read a temporary folder.
http.server.nobody_uid = os.getuid
class Handler(http.server.CGIHTTPRequestHandler):
    def is_cgi(self):
        self.cgi_info = '/cgi', 'git' + self.path
        return True
os.chdir(os.environ['FOLDER'])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print('port', server.server_address[1], flush=True)
server.serve_forever()
";

fn git(folder: &std::path::Path, arguments: &[&str]) -> (bool, String) {
    let mut git = Command::new("git");
    git.current_dir(folder).args([
        "-c",
        "http.sslVerify=false",
        "-c",
        "http.proxy=",
        "-c",
        "init.defaultBranch=main",
    ]);
    git.args(["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]).args(arguments);
    git.env("GIT_TERMINAL_PROMPT", "0").env_remove("GIT_ASKPASS").stdin(Stdio::null());
    let output = git.output().expect("git; tests/run installs it");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn git_clones_and_pushes_with_a_token_as_the_password() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("cgi")).unwrap();
    let exec_path =
        Command::new("git").arg("--exec-path").output().expect("git; tests/run installs it").stdout;
    let backend = format!("{}/git-http-backend", String::from_utf8_lossy(&exec_path).trim());
    std::os::unix::fs::symlink(&backend, root.join("cgi/git")).unwrap();
    assert!(git(root, &["init", "--bare", "demo.git"]).0);
    assert!(git(&root.join("demo.git"), &["config", "http.receivepack", "true"]).0);
    let mut server = Command::new("python3")
        .args(["-c", GIT_SERVER])
        .env("FOLDER", root)
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3; tests/run installs it");
    let output = Captured::of(server.stdout.take().expect("its standard output"));
    let port = output.wait_for("its port", |text| {
        text.lines().find_map(|line| line.strip_prefix("port ")).map(|port| port.trim().to_owned())
    });
    let apps = format!("[[app]]\nupstream = \"http://127.0.0.1:{port}\"\nprograms = {{ tokens = true }}\n");
    let gateway = TestGateway::start(&apps);
    gateway.add_user("alice", &[]);
    let token = gateway.token_of("alice");
    let url =
        |password: &str| format!("https://anybody:{password}@localhost:{}/demo.git", gateway.https().port());

    let work = root.join("work");
    let (is_cloned, why) = git(root, &["clone", &url(&token), "work"]);
    assert!(is_cloned, "{why}");
    fs::write(work.join("file"), "content").unwrap();
    assert!(git(&work, &["add", "file"]).0 && git(&work, &["commit", "-m", "first"]).0);
    let (is_pushed, why) = git(&work, &["push", "origin", "HEAD:main"]);
    assert!(is_pushed, "{why}");
    let (is_cloned, why) = git(root, &["clone", &url(&token), "again"]);
    assert!(is_cloned && root.join("again/file").exists(), "{why}");
    let (is_cloned, why) = git(root, &["clone", &url("wrong"), "stranger"]);
    assert!(!is_cloned && why.contains("Authentication failed"), "{why}");
    server.kill().ok();
    server.wait().ok();
}

#[test]
fn curl_and_a_client_of_registries_use_a_token() {
    let upstream = Upstream::ok();
    let apps = format!("[[app]]\nupstream = {:?}\nprograms = {{ tokens = true }}\n", upstream.url);
    let gateway = TestGateway::start(&apps);
    gateway.add_user("alice", &[]);
    let token = gateway.token_of("alice");
    let status = ["--output", "/dev/null", "--write-out", "%{http_code} %header{www-authenticate}"];
    let run = |arguments: &[&str]| {
        let output = curl(&gateway, &[&status, arguments].concat(), "/v2/");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    // `docker login` asks without a credential first, and sends one when it is told how.
    assert!(run(&[]).starts_with("401 Basic realm="), "{}", run(&[]));
    assert_eq!(run(&["--user", &format!("alice:{token}")]), "200");
    assert_eq!(run(&["--user", &format!("alice:{token}"), "--anyauth"]), "200");
    assert_eq!(run(&["--header", &format!("Authorization: Bearer {token}")]), "200");
    assert_eq!(run(&["--request", "PROPFIND", "--user", &format!("alice:{token}")]), "200");
    assert!(run(&["--user", "alice:wrong"]).starts_with("401"));
}

#[test]
fn prometheus_scrapes_with_a_token_file() {
    let body = "demo_value 42\n";
    let upstream = Upstream::responding(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let apps = format!("[[app]]\nupstream = {:?}\nprograms = {{ tokens = true }}\n", upstream.url);
    let gateway = TestGateway::start(&apps);
    gateway.add_user("alice", &[]);
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("token"), gateway.token_of("alice")).unwrap();
    let port = gateway.https().port();
    let scrape = |job: &str, credentials: &str| {
        format!(
            "- {{ job_name: {job}, scheme: https, {credentials} tls_config: {{ insecure_skip_verify: true }}, \
             static_configs: [{{ targets: ['localhost:{port}'] }}] }}\n"
        )
    };
    let with = format!("authorization: {{ credentials_file: '{}' }},", path("token"));
    let text = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n{}{}",
        scrape("with", &with),
        scrape("without", "")
    );
    fs::write(path("prometheus.yml"), text).unwrap();
    let mut prometheus = Command::new("prometheus")
        .arg("--web.listen-address=127.0.0.1:0")
        .arg(format!("--storage.tsdb.path={}", path("data")))
        .arg(format!("--config.file={}", path("prometheus.yml")))
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("prometheus; tests/run installs it");
    let output = Captured::of(prometheus.stderr.take().expect("its standard error"));
    let addr = output.wait_for("where Prometheus listens", |text| {
        let line = text.lines().find(|line| line.contains("Listening on"))?;
        line.split_whitespace().find_map(|word| word.strip_prefix("address=")).map(str::to_owned)
    });
    output.wait_for_text("ready to receive web requests");
    let query = |expression: &str| {
        let url = format!("http://{addr}/api/v1/query?query={expression}");
        let output = Command::new("curl").args(["--silent", "--globoff", &url]).output().expect("curl");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_default()
    };
    until("the value is scraped", || query("demo_value")["data"]["result"][0]["value"][1] == "42");
    until("the scrape without a token fails", || {
        query("up{job=\"without\"}")["data"]["result"][0]["value"][1] == "0"
    });
    prometheus.kill().ok();
    prometheus.wait().ok();
}
