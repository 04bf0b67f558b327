//! Targets: the request line and `Host` alone decide on the target, which names one host.
//!
//! The first line of the input is `METHOD TARGET`, every other line a header field.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, Method, Uri, header::HOST};
use libfuzzer_sys::fuzz_target;
use portcullis::request::{ClientAddr, Target, TrustedProxies};

#[path = "../header_lines.rs"]
mod header_lines;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let mut words = parts.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let Some(Ok(method)) = words.next().map(Method::from_bytes) else { return };
    let Some(Ok(uri)) = words.next().map(Uri::try_from) else { return };
    let headers = header_lines::headers(parts.next().unwrap_or_default());

    let nobody = TrustedProxies::default();
    let Ok(target) = Target::read(&method, &uri, &headers, PEER, &nobody) else { return };
    assert_ne!(method, Method::CONNECT);
    assert_eq!(target.method, method);
    assert_eq!(target.client_addr, ClientAddr::Known(PEER), "nobody is believed by default");
    assert_eq!(Some(target.path_and_query()), uri.path_and_query());

    // One host, in its canonical spelling.
    assert!(headers.get_all(HOST).iter().count() <= 1);
    let host = target.authority.host();
    assert!(!host.is_empty() && !host.ends_with('.'), "{host}");
    assert!(
        host.bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'[' | b']' | b':')),
        "{host}"
    );
    let line = headers.get(HOST).map(|line| line.as_bytes().to_ascii_lowercase());
    let named = uri.authority().map(|authority| authority.as_str().as_bytes().to_ascii_lowercase());
    for host_text in [line, named].into_iter().flatten() {
        let host_text = String::from_utf8(host_text).expect("hosts are ASCII");
        let after = host_text.strip_prefix(host).expect("the host is the one that was named");
        let port = after.strip_prefix('.').unwrap_or(after);
        let port = port.strip_prefix(':').map(|port| port.parse::<u16>().expect("a port is a number"));
        assert_eq!(port, target.authority.port());
    }

    // Only the host and, from a trusted proxy, the client address make a difference.
    let mut bare = HeaderMap::new();
    headers.get(HOST).map(|host| bare.insert(HOST, host.clone()));
    let again = Target::read(&method, &uri, &bare, PEER, &nobody).expect("the same request");
    assert_eq!(again.authority, target.authority);
    let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
    assert_eq!(proxies.client_addr(PEER, &headers), ClientAddr::Known(PEER));
    let behind = proxies.client_addr(PROXY, &headers);
    let ClientAddr::Known(behind) = behind else { return };
    let is_listed = headers.get_all("x-forwarded-for").iter().any(|line| {
        let mut hops = line.as_bytes().split(|byte| *byte == b',');
        hops.any(|hop| std::str::from_utf8(hop).is_ok_and(|hop| names(hop, behind)))
    });
    let is_given = headers.contains_key("x-forwarded-for");
    assert!(is_listed || (behind == PROXY && !is_given), "{behind} was named by nobody");
});

/// Whether an entry is this address, in one of the forms that proxies write.
fn names(hop: &str, addr: IpAddr) -> bool {
    let bare = hop.trim_matches(['"', ' ', '\t']);
    let bracketed = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    let with_port = bare.rsplit_once(':').map(|(before, _)| before);
    let mut forms = [Some(bare), bracketed, with_port].into_iter().flatten();
    forms.any(|form| form.parse::<IpAddr>().is_ok_and(|named| named.to_canonical() == addr))
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
