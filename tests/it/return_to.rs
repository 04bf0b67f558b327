//! Redirects after a sign-in: hundreds of addresses made of the pieces of attacks on other gateways, each resolved as
//! a browser does.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use portcullis::portal::ReturnTo;
use url::Url;

use crate::support::{
    client::RawClient,
    gateway::{TestGateway, password},
    upstream::Upstream,
    visitor::Visitor,
};

/// How an address may begin, or go on before it leaves.
const LEADS: &[&str] = &[
    "/",
    "//",
    "///",
    "\\",
    "\\\\",
    "/\\",
    "\\/",
    "/\\/",
    "/./",
    "/.//",
    "/..//",
    "/a/..//",
    "/a/../../",
    "/%2e//",
    "/%2e%2e//",
    "/;//",
    "/.;//",
    "/%2f",
    "/%2F%2f",
    "/%5c",
    "/%252f",
    "/%255c",
    "/%09/",
    "/%0a/",
    "/%0d/",
    "/%00/",
    "/%20/",
    "/\t/",
    "/\n/",
    "/\r/",
    "/\u{b}/",
    "/\0/",
    " /",
    " //",
    "\t//",
    "\u{a0}//",
    "/ /",
    "/\u{85}/",
    "/\u{2028}/",
    "/\u{3000}/",
    "\u{ff0f}\u{ff0f}",
    "/\u{ff0f}",
    "/\u{2215}",
    "/\u{2044}",
    "",
    ".",
    "..",
    "?//",
    "#//",
    "http:",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "HTTPS://",
    "https:\\\\",
    "http:\\\\\\",
    "https:/\\",
    "h\tttps://",
    " https://",
    "\u{1}https://",
    "ftp://",
    "ws://",
    "javascript:",
    "JaVaScRiPt:",
    "java\nscript:",
    "\u{8}javascript:",
    "data:text/html,",
    "vbscript:",
    "view-source:https://",
    "blob:https://",
    "//localhost@",
    "https://localhost@",
    "//localhost:8443@",
    "//localhost\\@",
    "//localhost%40",
    "//localhost.",
    "//localhost#@",
    "@",
    ":@",
    ":443@",
    ":8443@",
];

/// Where somebody would like people to go.
const HOSTS: &[&str] = &[
    "evil.example",
    "evil.example/",
    "evil.example:443/%2f..",
    "user@evil.example",
    "evil%E3%80%82example",
    "3627734734",
    "0x7f.1",
    "[::1]",
    "evil.example\\@localhost",
    "alert(1)//",
    "evil.example/.gateway/login",
    "localhost.evil.example",
];

fn payloads() -> BTreeSet<String> {
    let together = LEADS.iter().flat_map(|lead| HOSTS.iter().map(move |host| format!("{lead}{host}")));
    together.collect()
}

/// Where a browser on the sign-in page ends up (WHATWG URL).
fn landed(location: &str) -> Url {
    let page = Url::parse("https://localhost:8443/.gateway/login").unwrap();
    page.join(location).unwrap_or_else(|error| panic!("{location:?}: {error}"))
}

#[track_caller]
fn stays(location: &str, payload: &str) {
    let mut reading = location.to_owned();
    // Also for one who decodes it before using it again.
    for _ in 0..3 {
        let url = landed(&reading);
        assert_eq!(
            (url.scheme(), url.host_str(), url.port()),
            ("https", Some("localhost"), Some(8443)),
            "{payload:?} → {url}"
        );
        assert!(url.username().is_empty() && url.password().is_none(), "{payload:?} → {url}");
        assert!(!url.path().starts_with("//"), "{payload:?} → {url}");
        let path = reading.split(['?', '#']).next().unwrap();
        reading = percent_decode_str(path).decode_utf8_lossy().into_owned();
    }
}

#[test]
fn advisory_63_no_address_that_can_be_asked_for_leads_to_another_host() {
    let payloads = payloads();
    assert!(payloads.len() > 700, "{}", payloads.len());
    let mut foreign = 0;
    for payload in &payloads {
        let page = Url::parse("https://localhost:8443/.gateway/login").unwrap();
        foreign += usize::from(page.join(payload).map_or(true, |url| url.origin() != page.origin()));
        let chosen = ReturnTo::parse(payload);
        stays(chosen.as_str(), payload);
        stays(&chosen.login_location(), payload);
        stays(&chosen.confirm_location(), payload);
        assert!(chosen.as_str() == payload || chosen.as_str() == "/", "{payload:?} was rewritten");
    }
    assert!(foreign > 400, "{foreign} of them would have led elsewhere");
}

/// CVE-2014-3730, CVE-2015-0220, CVE-2016-2512, CVE-2017-7233: Django's.
#[test]
fn advisory_67_addresses_that_passed_checks_elsewhere_become_the_start_page() {
    for payload in [
        "http:\\\\\\evil.example",
        "http:\\\\//evil.example",
        "http:///evil.example",
        "http:/\\//evil.example",
        "\\\\evil.example",
        "/\\\\/evil.example",
        "\u{8}//evil.example",
        "\njavascript:alert(1)",
        "http://user:pass@evil.example",
        "https://localhost\\@evil.example",
        "http:\\\\localhost:password@evil.example/x",
        "http://[aabb::ccdd",
        "http:999999999",
        "///evil.example///path",
        "ftp:9999999999",
        "\n",
    ] {
        assert_eq!(ReturnTo::parse(payload).as_str(), "/", "{payload:?}");
    }
}

#[test]
fn asvs_3_7_2_form_and_redirect_stay_on_this_host_for_every_address() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &[]);
    let right = password("alice");
    // One of each beginning; each with another place to go to.
    for (number, lead) in LEADS.iter().enumerate() {
        let payload = format!("{lead}{}", HOSTS[number % HOSTS.len()]);
        let mut alice = Visitor::of(&gateway);
        let csrf = alice.get("/.gateway/login").field("csrf");
        let fields = [("csrf", &*csrf), ("next", &*payload), ("username", "alice"), ("password", &*right)];
        let response = alice.submit("/.gateway/login", &fields);
        assert_eq!(response.status, 303, "{payload:?}");
        stays(response.location(), &payload);
        // A signed-in user who opens the page again is redirected, too, or shown a page.
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &payload).finish();
        let again = alice.get(&format!("/.gateway/login?{query}"));
        if again.status.is_redirection() {
            stays(again.location(), &payload);
        } else {
            stays(&again.field("next"), &payload);
        }
    }
}

/// CVE-2024-52003 and the like: what a proxy in front may say is no part of an address we make, either.
#[test]
fn advisory_18_redirects_use_nothing_of_a_client_but_its_path() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start(&format!("[[app]]\nupstream = {:?}", upstream.url));
    for path in [
        "/",
        "/a?b=c",
        "//evil.example/x",
        "/x//evil.example",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "/;@evil.example/",
    ] {
        let mut client = RawClient::connect(&gateway);
        let response = client.get(
            path,
            "Accept: text/html\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: javascript\r\nX-Forwarded-Prefix: //evil.example\r\n\
             X-Forwarded-Port: 1\r\nX-Original-URL: //evil.example\r\nForwarded: host=evil.example\r\nReferer: https://evil.example/\r\n",
        );
        assert_eq!(response.status, 303, "{path}");
        let [location] = response.values("location")[..] else { panic!("{}", response.head) };
        stays(location, path);
        assert_eq!(landed(location).path(), "/.gateway/login", "{path}");
        let rest = response.head.replace(&location.to_owned(), "");
        assert!(!rest.contains("evil"), "{rest}");
        let next = landed(location)
            .query_pairs()
            .find(|(name, _)| name == "next")
            .map(|(_, next)| next.into_owned());
        stays(&next.unwrap_or_else(|| "/".to_owned()), path);
    }
    assert_eq!(upstream.connections(), 0);
}
