//! Real programs without a session: curl, git and Python end with an error of theirs and do not retry for ever.

use std::process::{Command, Stdio};

use crate::support::{client::curl, gateway::TestGateway, upstream::Upstream};

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
