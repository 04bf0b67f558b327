//! One table of rules for headers, in both directions.
//!
//! Towards the upstream the order matters: first goes everything that only the
//! gateway may say, in any spelling; then what is hop-by-hop, including what
//! the client's `Connection` names; ours is added last. So a client can
//! neither bring an identity in nor have ours taken out (`Connection: Remote-User`).

use std::{collections::HashSet, net::IpAddr};

use bytes::BytesMut;
use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{
        ALT_SVC, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, COOKIE, EXPECT, HOST, MAX_FORWARDS, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
        SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
    },
};

use super::{App, Endpoint, HostHeader, Transport};
use crate::{
    access::Permit,
    request::{RequestId, Target, TrustedProxies},
    session::cookie,
};

/// The names that only the gateway may send to an upstream, compared as the most careless CGI would:
/// without case, and with `_`, `.`, `!` and all other signs for `-`.
#[derive(Clone, Debug)]
pub struct OwnedNames {
    folded: HashSet<Box<[u8]>>,
    /// Whether any owned name starts with this byte; most of a browser's headers end here.
    starts: [bool; 256],
}

/// What the gateway knows of a request beside its head.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request's id.
    pub id: RequestId,
    /// The other end of the socket.
    pub peer_addr: IpAddr,
    /// Whose `X-Forwarded-*` is passed on.
    pub proxies: &'a TrustedProxies,
}

impl OwnedNames {
    /// The names of these apps, of every preset, and those that applications take a proxy's word for.
    pub fn of(apps: &[App]) -> Self {
        let presets =
            super::IdentityHeaders::PRESETS.iter().filter_map(|name| super::IdentityHeaders::preset(name));
        let mut owned = Self { folded: HashSet::new(), starts: [false; 256] };
        for headers in presets.chain(apps.iter().map(|app| app.identity.clone())) {
            headers.names().for_each(|name| owned.add(name.as_str()));
        }
        for name in ALWAYS_OWNED {
            owned.add(name);
        }
        for prefix in OWNED_PREFIXES {
            owned.mark_start(prefix.as_bytes());
        }
        owned
    }

    /// Whether a client, or an upstream's trailer, may not bring this in.
    pub fn contains(&self, name: &HeaderName) -> bool {
        let name = name.as_str().as_bytes();
        if name.first().is_none_or(|first| self.starts.get(usize::from(fold(*first))) != Some(&true)) {
            return false;
        }
        let mut folded = [0; 64];
        let Some(folded) = folded.get_mut(..name.len()) else {
            // Longer than any of ours; only the prefixes can match, and they are short.
            return OWNED_PREFIXES.iter().any(|prefix| starts_folded(name, prefix.as_bytes()));
        };
        folded.iter_mut().zip(name).for_each(|(to, from)| *to = fold(*from));
        OWNED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix.as_bytes()))
            || self.folded.contains(&*folded)
    }

    /// RFC 9110 §6.5.1: nor may a trailer frame, route, authenticate or set cookies.
    pub(super) fn forbids_in_trailer(&self, name: &HeaderName) -> bool {
        self.contains(name) || NEVER_TRAILERS.contains(name) || name.as_str().contains('_')
    }

    fn add(&mut self, name: &str) {
        let folded: Box<[u8]> = name.bytes().map(fold).collect();
        self.mark_start(&folded);
        self.folded.insert(folded);
    }

    fn mark_start(&mut self, name: &[u8]) {
        if let Some(start) = name.first().and_then(|first| self.starts.get_mut(usize::from(*first))) {
            *start = true;
        }
    }
}

/// Turns the client's headers into those that the upstream receives.
pub(crate) fn to_upstream(
    headers: &mut HeaderMap,
    permit: &Permit,
    app: &App,
    endpoint: &Endpoint,
    owned: &OwnedNames,
    facts: &Facts<'_>,
    upgrade: Option<&HeaderValue>,
) {
    let trusted = facts.proxies.trusts(facts.peer_addr);
    let forwarded = trusted.then(|| Forwarded::take(headers));
    let wants_trailers = lists(headers, &TE, b"trailers");

    remove_where(headers, |name| {
        (owned.contains(name) && !app.pass_headers.contains(name))
            || (!app.underscore_headers && name.as_str().contains('_'))
    });
    remove_hop_by_hop(headers);
    headers.remove(EXPECT);
    keep_foreign_cookies(headers);

    // At once, or the map is built anew twice.
    headers.reserve(ADDED_AT_MOST);
    let target = permit.target();
    address(headers, app, endpoint, target);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    } else if wants_trailers {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    forwarded.unwrap_or_default().set(headers, facts.peer_addr, &target.authority);
    if let Ok(id) = HeaderValue::from_str(facts.id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(user) = permit.user() {
        for (name, value) in app.identity.of(user) {
            headers.insert(name, value);
        }
    }
}

/// Tells the upstream which host was asked for.
pub(super) fn address(headers: &mut HeaderMap, app: &App, endpoint: &Endpoint, target: &Target) {
    headers.insert(HOST, host(app, endpoint, target.authority.as_str()));
}

/// Turns the upstream's headers into those that the client receives. Where else and by which protocol this
/// host is served (`Alt-Svc`, RFC 7838), an upstream does not know.
pub(super) fn to_client(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    remove_where(headers, |name| name.as_str().starts_with("portcullis-") || *name == ALT_SVC);
    if headers.get_all(SET_COOKIE).iter().any(sets_our_cookie) {
        let kept: Vec<_> =
            headers.get_all(SET_COOKIE).iter().filter(|line| !sets_our_cookie(line)).cloned().collect();
        headers.remove(SET_COOKIE);
        for line in kept {
            headers.append(SET_COOKIE, line);
        }
    }
}

/// The protocol that the client wants to change to, if it is one that may pass.
///
/// `h2c` never passes: whoever speaks it to the upstream speaks past the rules from then on.
pub(super) fn wanted_upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    if version != Version::HTTP_11 || !lists(headers, &CONNECTION, b"upgrade") {
        return None;
    }
    let mut lines = headers.get_all(UPGRADE).iter();
    let (Some(protocol), None) = (lines.next(), lines.next()) else { return None };
    let speaks_http = protocol.as_bytes().split(|byte| *byte == b',').any(|one| {
        let one = one.trim_ascii().to_ascii_lowercase();
        one.starts_with(b"h2") || one.starts_with(b"http") || one.starts_with(b"tls")
    });
    (!speaks_http && !protocol.is_empty()).then(|| protocol.clone())
}

/// The protocol that the upstream has changed to, if it is the one that was asked for (RFC 9110 §7.8).
pub(super) fn agreed_upgrade(wanted: &HeaderValue, answer: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = answer.get_all(UPGRADE).iter();
    let (Some(agreed), None) = (lines.next(), lines.next()) else { return None };
    let mut offered = wanted.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    offered.any(|one| one.eq_ignore_ascii_case(agreed.as_bytes().trim_ascii())).then(|| agreed.clone())
}

/// RFC 9110 §7.6.1: what `Connection` names, and what is known to be for one hop.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    remove_where(headers, |name| HOP_BY_HOP.contains(name));
}

fn remove_where(headers: &mut HeaderMap, goes: impl Fn(&HeaderName) -> bool) {
    if headers.keys().any(&goes) {
        let names: Vec<HeaderName> = headers.keys().filter(|name| goes(name)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &[u8]) -> bool {
    headers.get_all(name).iter().any(|line| {
        line.as_bytes()
            .split(|byte| *byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(wanted))
    })
}

/// Cuts the gateway's cookies out; every other byte of the lines stays as it was. The lines become
/// one, as RFC 9113 §8.2.3 asks for on the way to HTTP/1.1.
fn keep_foreign_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    let (Some(first), rest) = (lines.next(), lines.next()) else { return };
    if rest.is_none() && !pairs(first).any(is_ours) {
        return;
    }
    let mut kept = BytesMut::new();
    for line in headers.get_all(COOKIE) {
        let mut separator: &[u8] = b"; ";
        for pair in pairs(line).filter(|pair| !is_ours(pair)) {
            if kept.is_empty() {
                kept.extend_from_slice(pair.trim_ascii_start());
            } else {
                kept.extend_from_slice(separator);
                kept.extend_from_slice(if separator.len() > 1 { pair.trim_ascii_start() } else { pair });
            }
            separator = b";";
        }
    }
    headers.remove(COOKIE);
    // Parts of a legal value, joined by legal bytes, are a legal value.
    if let (false, Ok(value)) = (kept.is_empty(), HeaderValue::from_maybe_shared(kept.freeze())) {
        headers.insert(COOKIE, value);
    }
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| *byte == b';')
}

fn is_ours(pair: &[u8]) -> bool {
    cookie::is_ours(pair.trim_ascii_start())
}

/// A cookie without a name, `Set-Cookie: =__Host-portcullis=…`, would come back as one of ours.
fn sets_our_cookie(line: &HeaderValue) -> bool {
    let line = line.as_bytes();
    let start = line.iter().position(|byte| !matches!(byte, b'=' | b' ' | b'\t')).unwrap_or_default();
    is_ours(line.get(start..).unwrap_or_default())
}

fn host(app: &App, endpoint: &Endpoint, asked: &str) -> HeaderValue {
    match (&app.host_header, &endpoint.transport) {
        (HostHeader::Fixed(host), _) => host.clone(),
        (HostHeader::Upstream, Transport::Http { host, port } | Transport::Https { host, port, .. }) => {
            HeaderValue::from_str(&format!("{host}:{port}")).unwrap_or_else(|_| HeaderValue::from_static(""))
        }
        // An authority is made of legal bytes; see `request::Authority`.
        _ => HeaderValue::from_str(asked).unwrap_or_else(|_| HeaderValue::from_static("")),
    }
}

/// What a trusted proxy in front said of the client.
#[derive(Default)]
struct Forwarded {
    chain: Option<HeaderValue>,
    proto: Option<HeaderValue>,
    host: Option<HeaderValue>,
    port: Option<HeaderValue>,
}

impl Forwarded {
    fn take(headers: &mut HeaderMap) -> Self {
        let lines: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
        let chain = (!lines.is_empty()).then(|| lines.join(&b", "[..]));
        Self {
            chain: chain.and_then(|chain| HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).ok()),
            proto: headers.remove(FORWARDED_PROTO),
            host: headers.remove(FORWARDED_HOST),
            port: headers.remove(FORWARDED_PORT),
        }
    }

    fn set(self, headers: &mut HeaderMap, peer_addr: IpAddr, asked: &crate::request::Authority) {
        let peer = peer_addr.to_canonical().to_string();
        let chain = match self.chain {
            Some(chain) => [chain.as_bytes(), b", ", peer.as_bytes()].concat(),
            None => peer.into_bytes(),
        };
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let all = [
            (FORWARDED_FOR, HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).ok()),
            (FORWARDED_PROTO, self.proto.or(Some(HeaderValue::from_static("https")))),
            (FORWARDED_HOST, self.host.or_else(|| text(asked.as_str()))),
            (FORWARDED_PORT, self.port.or_else(|| Some(asked.port().map_or(HTTPS_PORT, HeaderValue::from)))),
        ];
        for (name, value) in all {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
}

pub(super) fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

fn starts_folded(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name.iter().zip(prefix).all(|(byte, wanted)| fold(*byte) == *wanted)
}

/// As many as are added for a user with a preset.
const ADDED_AT_MOST: usize = 10;
const HTTPS_PORT: HeaderValue = HeaderValue::from_static("443");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What applications take a proxy's word for, and what would let a request mean another path or
/// method than the one that was judged.
const ALWAYS_OWNED: [&str; 22] = [
    "forwarded",
    "x-forwarded",
    "x-request-id",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-remote-user",
    "x-authenticated-user",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-rewrite-url",
    "x-override-url",
    "x-url-scheme",
    "x-scheme",
    "x-host",
    "x-http-host-override",
    "x-http-path-override",
    "x-script-name",
    "proxy",
    "front-end-https",
];

const OWNED_PREFIXES: [&str; 5] = ["x-forwarded-", "x-original-", "remote-", "portcullis-", "x-portcullis-"];

/// A `static`, because a constant is made anew, and dropped, for each header that is held against it.
static HOP_BY_HOP: [HeaderName; 9] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    VIA,
];

const NEVER_TRAILERS: [HeaderName; 14] = [
    AUTHORIZATION,
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    HOST,
    MAX_FORWARDS,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
];
