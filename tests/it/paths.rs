//! Paths that servers read differently: the rules decide on every reading that an upstream could have.

use std::cell::Cell;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    path_oracle::{Allow, Rules, Who, holds, let_through, policy},
    support::{
        client::{RawClient, sign_in},
        gateway::TestGateway,
        upstream::Upstream,
    },
    upstream_models::{MODELS, Served},
};

fn rules() -> impl Strategy<Value = Rules> {
    let segment = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "admin", "Admin", "x y", "é", "index.php", "r.php", "c.d", "administration", "secret files", "r.asmx"]).prop_map(str::to_owned),
        1 => Just("*".to_owned()),
    ];
    let end = prop::sample::select(vec!["", "", "/", "/**", "/**"]);
    let pattern = (prop::collection::vec(segment, 0..4), end).prop_map(|(segments, end)| {
        let path = segments.iter().fold(String::new(), |path, segment| path + "/" + segment.as_str());
        if path.is_empty() && end.is_empty() { "/".to_owned() } else { path + end }
    });
    let allow = prop::sample::select(vec![Allow::Anyone, Allow::Anyone, Allow::SignedIn, Allow::Staff]);
    prop::collection::vec((pattern, allow), 1..6).prop_map(|mut rules| {
        // Most files have one for everything; two for the same path would be an error.
        rules.push(("/**".to_owned(), Allow::Anyone));
        let mut known = Vec::new();
        rules.retain(|(pattern, _)| {
            !known.contains(pattern) && {
                known.push(pattern.clone());
                true
            }
        });
        rules
    })
}

const AT_A_SLASH: &[&str] = &[
    "//",
    "/./",
    "/x/../",
    "/..;/",
    "/%2e/",
    "%2f",
    "%2F",
    "\\",
    "%5c",
    "%252f",
    "%255c",
    ";x=1/",
    "%3bx/",
    "./",
    "%20/",
    "/index.php/",
    "/%69ndex.php/",
    "/r.php/",
    "%2findex.php%2f",
    "%ef%bc%8f",
    "/a%2f..%2f",
    "///",
    ".%2f",
    "::$DATA/",
    ":$I30:$INDEX_ALLOCATION/",
    "%u002f",
    "%25u002f",
    "/(S(x))/",
    "/(A(a)S(b)F(c))/",
    "/%28S%28x%29%29/",
    "(S(x))/",
    "/%20",
    "/%09",
    "/%c2%a0",
    "%e3%80%80/",
    "%e2%88%95",
    "%e2%88%96",
    "/r.asmx/",
    "/r.phar/",
    "/r.sh/",
    "/SECRET~1/",
];

const AT_THE_END: &[&str] = &[
    "/",
    "//",
    ".",
    "..",
    "%20",
    "%2e",
    ";",
    ";jsessionid=1",
    "%3b",
    "%3f",
    "%3fx",
    "%23",
    "%00",
    "%2500",
    "::$DATA",
    "%3a%3a$DATA",
    "/x",
    "/.",
    "/..",
    "%2f",
    "%5c",
    "/x.css",
    ".%20.",
    "%c0%af",
    "%0a",
    "/index.php",
    "(S(x))",
    "%e2%80%8d",
    "%c2%a0",
    "/ADMINI~1",
];

/// One disguise of a path, put where the number says.
fn disguise(path: &str, (kind, at): (usize, usize)) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    let characters: Vec<usize> =
        path.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    match kind % 4 {
        0 if !slashes.is_empty() => {
            let slash = slashes[at % slashes.len()];
            format!("{}{}{}", &path[..slash], AT_A_SLASH[at / 7 % AT_A_SLASH.len()], &path[slash + 1..])
        }
        1 => format!("{path}{}", AT_THE_END[at % AT_THE_END.len()]),
        2 if !characters.is_empty() => {
            let place = characters[at % characters.len()];
            let c = path[place..].chars().next().unwrap();
            let spelt = match at / 5 % 7 {
                0 => c.to_ascii_uppercase().to_string(),
                1 => format!("%{:02x}", u32::from(c)),
                2 => format!("%25{:02X}", u32::from(c)),
                3 => format!("%25u{:04x}", u32::from(c)),
                4 => format!("(S(x)){c}"),
                5 => format!("{c}%e2%80%8d"),
                _ => char::from_u32(u32::from(c) + 0xfee0).unwrap().to_string(),
            };
            format!("{}{spelt}{}", &path[..place], &path[place + 1..])
        }
        _ => path
            .chars()
            .map(|c| {
                if c.is_ascii_lowercase() && at % 2 == 0 {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                }
            })
            .collect(),
    }
}

/// As a browser encodes what it must.
fn encoded(path: &str) -> String {
    const MUST: &AsciiSet = &CONTROLS.add(b' ');
    utf8_percent_encode(path, MUST).to_string()
}

/// Holds the gateway against the models on this many cases. At least `least` times somebody has to be let through: on
/// a path that is refused there is nothing to hold against anything.
fn holds_on<T: std::fmt::Debug>(
    cases: u32,
    least: u32,
    strategy: impl Strategy<Value = T>,
    path_of: impl Fn(T) -> (Rules, String),
) {
    let let_through = Cell::new(0);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) };
    let outcome = TestRunner::new(config).run(&strategy, |case| {
        let (rules, path) = path_of(case);
        let policy = policy(&rules);
        for who in [Who::Nobody, Who::Bob, Who::AliceOfStaff] {
            let_through.set(let_through.get() + u32::from(holds(&policy, &rules, who, &path)));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(let_through.get() >= least, "somebody was let through {} times", let_through.get());
}

#[test]
fn advisory_25_no_model_upstream_serves_what_the_rules_protect() {
    let wild = ["a", "b", "admin", "q", "a/b", "index.php/admin", "ADMINI~1", "SECRET~1/x"];
    let disguises = prop::collection::vec((0..4_usize, 0..1000_usize), 0..4);
    let case = (rules(), any::<prop::sample::Index>(), prop::sample::select(wild.to_vec()), disguises);
    holds_on(1500, 500, case, |(rules, which, wild, disguises)| {
        let (pattern, _) = which.get(&rules);
        let plain = pattern.replace("**", wild).replace('*', wild);
        let path = disguises.iter().fold(plain, |path, one| disguise(&path, *one));
        (rules, encoded(&path))
    });
}

#[test]
fn no_model_upstream_serves_what_the_rules_protect_on_any_path() {
    let path = "/(a|b|A|admin|x%20y|/|\\.|\\.\\.|%2e|%2F|%252f|%5c|\\\\|;x|%3b|%3f|%23|%20|::\\$DATA|index\\.php/|r\\.PHP/|\\(S\\(x\\)\\)|ADMINI~1|SECRET~1|%C4%81|%E2%88%95|%C2%A0|%E2%80%8D|r\\.asmx/|%C3%A9|%61|%2561){0,8}";
    holds_on(1500, 500, (rules(), path), |case| case);
}

/// Paths that fuzzing and review found: each was let through to a client without access to the page that an upstream
/// serves for it.
#[test]
fn each_way_to_compare_a_path_is_judged_by_itself() {
    let rules = |text: &[(&str, Allow)]| {
        text.iter().map(|(pattern, allow)| ((*pattern).to_owned(), *allow)).collect::<Rules>()
    };
    let everybody = ("/**", Allow::Anyone);
    for (given, path) in [
        (rules(&[everybody, ("/a/**", Allow::Staff), ("/a/b", Allow::Anyone)]), "/A/b/"),
        (rules(&[everybody, ("/a/**", Allow::Staff), ("/a/b", Allow::Anyone)]), "//a/B"),
        (rules(&[everybody, ("/a/**", Allow::Staff), ("/a/b", Allow::Anyone)]), "//a/b/"),
        (rules(&[everybody, ("/a/*/c", Allow::Staff), ("/a/**", Allow::Anyone)]), "/A/x%2Fy/c"),
        (rules(&[everybody, ("/a/*", Allow::Staff), ("/a/b", Allow::Anyone)]), "/a/%62"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/index.php/admin/x"),
        (rules(&[everybody, ("/admin.php", Allow::Staff)]), "/admin.php/x.css"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/a.php/index.php/admin"),
        (rules(&[everybody, ("/a.php/b.php", Allow::Staff)]), "/a.php/b.php/x"),
        (rules(&[everybody, ("/web.config", Allow::Staff)]), "/web.config::$DATA"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/admin:$I30:$INDEX_ALLOCATION/x"),
        (rules(&[everybody, ("/a/*", Allow::Staff)]), "/A/x%EF%BC%8Fy"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%25u0061dmin"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%EF%BD%81dmin"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/adm%C4%B1n"),
        (rules(&[everybody, ("/é/*", Allow::Staff)]), "/%C3%A9%e2%88%96a%64min."),
        (rules(&[everybody, ("/é/admin", Allow::Staff)]), "/%C3%A9/%C4%81dmin"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/(S(x))/admin/x.aspx"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/(A(a)S(b)F(c))/admin/x.aspx"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/adm(S(x))in/x.aspx"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/adm(S(x))(S(y))in/x.aspx"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%28S%28x%29%29/admin/x.aspx"),
        (rules(&[everybody, ("/secret files/**", Allow::Staff)]), "/SECRET~1/x"),
        (rules(&[everybody, ("/secret folder/**", Allow::Staff)]), "/SE4F2C~5/x"),
        (rules(&[everybody, ("/administration", Allow::Staff)]), "/admini%7E1/"),
        (rules(&[everybody, ("/*/report.2026.html", Allow::Staff)]), "/x//REPORT~1.HTM"),
        (rules(&[everybody, ("/svc/adm.asmx", Allow::Staff)]), "/svc/adm.asmx/DeleteAll"),
        (rules(&[everybody, ("/adm.svc", Allow::Staff)]), "/ADM.SVC/x"),
        (rules(&[everybody, ("/cgi/adm.sh", Allow::Staff)]), "/cgi/adm.sh/x"),
        (rules(&[everybody, ("/adm.phar", Allow::Staff)]), "/adm.phar/x"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%C4%81dmi%C5%84"),
        (rules(&[everybody, ("/a/*", Allow::Staff)]), "/A/x%E2%88%95y"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%20admin"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/%C2%A0admin%E3%80%80/x"),
        (rules(&[everybody, ("/admin/**", Allow::Staff)]), "/ad%E2%80%8Dmin"),
    ] {
        let policy = policy(&given);
        holds(&policy, &given, Who::Nobody, path);
        assert_eq!(let_through(&policy, Who::Nobody, path), None, "{path}");
        assert!(let_through(&policy, Who::AliceOfStaff, path).is_some(), "{path} has a meaning");
    }
    // A rule for what is behind a script knows what it says.
    let shares = rules(&[("/index.php/s/**", Allow::Anyone), ("/s/**", Allow::Anyone)]);
    assert!(let_through(&policy(&shares), Who::Nobody, "/index.php/s/token").is_some());
    assert!(let_through(&policy(&shares), Who::Nobody, "/index.php/admin").is_none());
}

/// The models have teeth: without the gateway, each of these opens `/admin`.
#[test]
fn the_models_know_the_tricks() {
    for trick in TRICKS {
        let opens = MODELS.iter().any(|model| {
            model.serves(trick).iter().any(|served| {
                let (Served::Path(path) | Served::Script { script: path, .. }) = served;
                let path = if model.ignores_case { path.to_uppercase().to_lowercase() } else { path.clone() };
                path.starts_with("/admin")
            })
        });
        assert!(opens, "{trick} opens nothing");
    }
}

/// Spellings of `/admin` from advisories of gateways and proxies, and of the kinds that they are of.
const TRICKS: &[&str] = &[
    "/pub/../admin",
    "/pub/%2e%2e/admin",
    "/pub/..%2fadmin",
    "/pub%2f..%2fadmin",
    "/pub/%2e%2e%2fadmin",
    "/pub/..%5cadmin",
    "/pub\\..\\admin",
    "/pub/..;/admin",
    "/pub/%252e%252e/admin",
    "//admin",
    "///admin",
    "/./admin",
    "/%2e/admin",
    "/%2fadmin",
    "/%5cadmin",
    "/\\admin",
    "/;/admin",
    "/;x=1/admin",
    "/admin;x=1",
    "/admin;/x",
    "/admin%3bx",
    "/admin/.",
    "/admin/..;/admin",
    "/ADMIN",
    "/AdMiN/",
    "/%61dmin",
    "/%2561dmin",
    "/%61%64%6d%69%6e",
    "/admin%00",
    "/admin%00.css",
    "/admin%20",
    "/admin.",
    "/admin%2e",
    "/admin::$DATA",
    "/admin%3f",
    "/admin%3fx=.css",
    "/admin%23",
    "/admin%2fx",
    "/admin%252fx",
    "/admin\\x",
    "/index.php/admin",
    "/%25u0061dmin",
    "/%ef%bd%81dmin",
];

fn guarded(upstream: &Upstream) -> TestGateway {
    let gateway = TestGateway::start_with(
        "[groups]\nstaff = []",
        &format!(
            "[[app]]\nupstream = {:?}\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n\
             [[app.rule]]\npath = \"/admin/**\"\nallow = {{ group = \"staff\" }}\n",
            upstream.url
        ),
    );
    gateway.add_user("bob", &[]);
    gateway
}

#[test]
fn advisory_25_no_spelling_of_a_protected_path_reaches_the_upstream() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream);
    let bob = sign_in(&gateway, "bob");
    // Never to be read as anything else, whoever asks.
    let meaningless = [
        "/admin%c0%80",
        "/%c0%ae%c0%ae/admin",
        "/admin%",
        "/admin%zz",
        "/%u0061dmin",
        "/admin%ff",
        "/admin#",
        "/pub#/admin",
        "/pub/..",
        "/\t/admin",
        "/admin%0d%0aX: y",
        "/admin\u{7f}",
    ];
    for trick in TRICKS.iter().chain(&meaningless) {
        for (cookie, refused) in [("", [302, 303, 401, 400]), (bob.as_str(), [403, 403, 403, 400])] {
            let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
            let mut client = RawClient::connect(&gateway);
            client.send(format!(
                "GET {trick} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n{cookie}\r\n"
            ));
            let status = client.response().status;
            assert!(refused.contains(&status), "{trick}: {status}");
        }
    }
    assert_eq!(upstream.connections(), 0, "nothing has arrived");
}

#[test]
fn advisory_21_no_query_or_fragment_makes_a_path_public() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream);
    for path in [
        "/admin?x=/public",
        "/admin?/../public",
        "/admin/x?next=/static/a.css",
        "/admin??",
        "/admin#/public",
        "/public#/../admin",
        "/admin%23/public",
        "/admin%3F/public",
    ] {
        let mut client = RawClient::connect(&gateway);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let status = client.response().status;
        assert!(matches!(status, 400 | 401), "{path}: {status}");
    }
    assert_eq!(upstream.connections(), 0, "nothing has arrived");
}

#[test]
fn advisory_29_a_path_arrives_byte_for_byte_as_it_was_judged() {
    let upstream = Upstream::ok();
    let gateway = guarded(&upstream);
    let mut client = RawClient::connect(&gateway);
    let paths = [
        "/a//b;c=1/%2F/%41?x=%2e%2e/../#".trim_end_matches('#'),
        "/a%252fb",
        "/%C3%A4/%20",
        "/a\\b%5C",
        "/index.php/x",
        "/A/./".trim_end_matches("./"),
        "/x%3b%3f%23",
    ];
    for path in paths {
        assert_eq!(client.get(path, "").status, 200, "{path}");
    }
    let arrived: Vec<String> = upstream.asked().iter().map(|asked| asked.replace("GET ", "")).collect();
    assert_eq!(arrived, paths);
}

/// `RabbitMQ` names its virtual host `/`, GitLab its projects `group/project`, Jenkins its branches
/// `feature/x`, npm its packages `@scope/name`; matrix parameters and doubled slashes are in daily use.
#[test]
fn applications_that_need_slashes_in_a_segment_work_without_a_setting() {
    let upstream = Upstream::ok();
    let gateway = TestGateway::start_with(
        "[groups]\nqueues = []",
        &format!(
            "[[app]]\nupstream = {:?}\n[[app.rule]]\npath = \"/api/queues/*/**\"\nallow = {{ group = \"queues\" }}\n\
             [[app.rule]]\npath = \"/api/queues/**\"\nallow = {{ group = \"queues\" }}\n",
            upstream.url
        ),
    );
    gateway.add_user("bob", &[]);
    gateway.add_user("quentin", &["queues"]);
    let (bob, quentin) = (sign_in(&gateway, "bob"), sign_in(&gateway, "quentin"));
    let paths = [
        "/api/queues/%2F/name",
        "/api/queues/%2f/name/get",
        "/api/v4/projects/group%2Fproject/repository/files/src%2Flib%2Ers/raw?ref=main",
        "/api/v4/projects/group%2Fsub%2Fproject",
        "/job/app/job/feature%252Fx/lastBuild/",
        "/job/app//api/json",
        "/@scope%2fname",
        "/cars;colour=red;year=2026/wheels;size=17",
        "/app;jsessionid=0123456789ABCDEF",
        "/proxy/https://example.com/a",
        "/files/100%25%20sure.txt",
        "/wiki/C++_(language)",
        "/w/index.php/Main_Page",
    ];
    for path in paths {
        let cookie = if path.starts_with("/api/queues") { &quentin } else { &bob };
        let mut client = RawClient::connect(&gateway);
        assert_eq!(client.get(path, &format!("Cookie: {cookie}\r\n")).status, 200, "{path}");
    }
    let arrived: Vec<String> = upstream.asked().iter().map(|asked| asked.replace("GET ", "")).collect();
    assert_eq!(arrived, paths);
    let mut client = RawClient::connect(&gateway);
    assert_eq!(client.get("/api/queues/%2F/name", &format!("Cookie: {bob}\r\n")).status, 403);
}
