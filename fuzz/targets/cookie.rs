//! Session cookies: one is read or none, and no cookie of the gateway reaches an upstream, however it is spelt.
//!
//! The input is the `Cookie` header values of a request, one a line.
#![no_main]

use std::{net::IpAddr, path::Path, sync::LazyLock};

use http::{HeaderMap, HeaderValue, Method, Uri, header::COOKIE};
use libfuzzer_sys::fuzz_target;
use portcullis::{
    config::{self, Configuration},
    fuzzing,
    identity::Identity,
    request::{Target, TrustedProxies},
    session::{
        SessionToken,
        cookie::{self, CookieNames, CookieValue},
    },
};

fuzz_target!(|input: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    let named: Vec<&[u8]> = pairs(&headers).filter(|pair| name(pair) == NAMES.session().as_bytes()).collect();
    match cookie::find(&headers, NAMES.session()) {
        Some(value) => {
            let with_value: Vec<_> = named.iter().filter(|pair| pair.contains(&b'=')).collect();
            assert_eq!(with_value.len(), 1, "a cookie that comes twice has no value");
            assert!(with_value[0].ends_with(value));
            let before = &with_value[0][..with_value[0].len() - value.len()];
            let spelt = before.iter().position(|byte| *byte != b' ').map(|start| &before[start..]);
            assert_eq!(spelt, Some(format!("{}=", NAMES.session()).as_bytes()), "a name has one spelling");
            assert!(!pairs(&headers).any(is_of_old), "nobody's in the syntax of RFC 2109");
            assert!(cookie::read(&headers, NAMES.session()) != CookieValue::Absent);
            if let Some(token) = SessionToken::from_cookie(value) {
                assert_eq!(token.to_cookie().as_bytes(), value, "a token has one spelling");
            }
        }
        None => {
            let spelt = format!("{}=", NAMES.session());
            let is_spelt = |pair: &&&[u8]| {
                let start = pair.iter().position(|byte| *byte != b' ').unwrap_or(pair.len());
                pair[start..].starts_with(spelt.as_bytes())
            };
            let with_value = named.iter().filter(|pair| pair.contains(&b'='));
            let alone = with_value.clone().count() == 1 && with_value.filter(is_spelt).count() == 1;
            assert!(!alone || pairs(&headers).any(is_of_old));
        }
    }
    assert_eq!(cookie::read(&headers, NAMES.session()) != CookieValue::Absent, !named.is_empty());

    let (method, uri) = (Method::GET, Uri::from_static("https://localhost/"));
    let peer = IpAddr::from([203, 0, 113, 9]);
    let target = Target::read(&method, &uri, &HeaderMap::new(), peer, &TrustedProxies::default());
    let target = target.expect("an ordinary request");
    let theirs: Vec<Vec<u8>> = cookies_of_the_app(&headers);
    let sent = fuzzing::headers_to_upstream(&OPEN, Identity::Anonymous, target, peer, &headers, None);
    let sent = sent.expect("anyone may");
    assert!(sent.get_all(COOKIE).iter().count() <= 1);
    for pair in pairs(&sent) {
        assert!(!looks_like_ours(pair), "{}", pair.escape_ascii());
    }
    assert_eq!(
        cookies_of_the_app(&sent),
        theirs,
        "the cookies of the application are all there, in their order"
    );
});

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
}

fn is_of_old(pair: &[u8]) -> bool {
    pair.trim_ascii_start().to_ascii_lowercase().starts_with(b"$version")
}

fn name(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

/// Whether the most lenient application would read a name of the gateway: without blanks and signs around it, in any
/// case.
fn looks_like_ours(pair: &[u8]) -> bool {
    let start = pair.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(pair.len());
    let pair = pair[start..].to_ascii_lowercase();
    pair.starts_with(b"__host-http-portcullis") || pair.starts_with(b"__host-portcullis")
}

fn cookies_of_the_app(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let theirs = pairs(headers).filter(|pair| !looks_like_ours(pair)).map(|pair| pair.trim_ascii().to_vec());
    theirs.filter(|pair| !pair.is_empty()).collect()
}

static NAMES: LazyLock<CookieNames> = LazyLock::new(CookieNames::default);

static OPEN: LazyLock<Configuration> = LazyLock::new(|| {
    let text =
        "[[app]]\nupstream = \"http://127.0.0.1:1\"\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n";
    config::parse(text, Path::new("gateway.toml")).expect("a configuration").configuration
});
