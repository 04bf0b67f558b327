//! One table of rules for headers, in both directions.
//!
//! Towards the upstream the order matters: first goes everything that only the
//! gateway may say, in any spelling; then what is hop-by-hop, including what
//! the client's `Connection` names; ours is added last. So a client can
//! neither bring an identity in nor have ours taken out (`Connection: Remote-User`).

use std::{borrow::Cow, net::IpAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{CONNECTION, COOKIE, EXPECT, HOST, ORIGIN, REFERER, SET_COOKIE, TE, UPGRADE},
};

use super::{
    App, Endpoint, HostHeader, OwnedNames, addresses, header_table::HeaderClass, http1::Options,
    session_data::DATA as SESSION_DATA,
};
use crate::{
    access::Permit,
    request::{Authority, DESTINATION, Origin, Ports, RequestId, SingleHeader, TrustedProxies},
    session::cookie,
};

/// What the gateway knows of a request beside its head.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request's id.
    pub id: RequestId,
    /// The other end of the socket.
    pub peer_addr: IpAddr,
    /// The same as text.
    pub peer: &'a str,
    /// Whose `X-Forwarded-*` is passed on.
    pub proxies: &'a TrustedProxies,
    /// The ports at which the gateway is reached.
    pub ports: Ports,
}

impl Facts<'_> {
    /// Whether a proxy has sent the request whose word on the client is passed on.
    pub(super) fn is_from_proxy(&self) -> bool {
        self.proxies.trusts(self.peer_addr)
    }
}

/// How a request is forwarded, as far as its headers are concerned.
#[derive(Clone, Copy)]
pub(crate) struct Onward<'a> {
    pub(crate) permit: &'a Permit,
    pub(crate) app: &'a App,
    /// The server that is asked.
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) owned: &'a OwnedNames,
    pub(crate) facts: &'a Facts<'a>,
    /// The protocol that the client wants to change to.
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// Whether the upstream is to close the connection after its response (RFC 9112 §9.6).
    pub(crate) closes: bool,
    /// What the app keeps in the session.
    pub(crate) session_data: Option<&'a HeaderValue>,
}

/// Gives the headers that the upstream receives to `line`, one by one: what may pass of the client's, then
/// ours. Written as they come instead of by rewriting the client's own, which costs four times as much.
pub(crate) fn to_upstream(client: &HeaderMap, onward: &Onward<'_>, line: impl FnMut(&HeaderName, &[u8])) {
    to_upstream_with(client, &Options::of(client.get_all(CONNECTION)), onward, line);
}

/// The same, with the options of the client's `Connection`.
pub(super) fn to_upstream_with(
    client: &HeaderMap,
    options: &Options,
    onward: &Onward<'_>,
    mut line: impl FnMut(&HeaderName, &[u8]),
) {
    of_client(client, options, onward, &mut line);
    forwarded(client, onward.facts, &onward.permit.target().authority, &mut line);
    if let Some(user) = onward.permit.user() {
        onward.app.identity.tell(user, &mut line);
    }
    line(&REQUEST_ID, onward.facts.id.as_bytes());
    if let Some(data) = onward.session_data {
        line(&SESSION_DATA, data.as_bytes());
    }
}

/// What may pass of the client's, as far as the hop to the upstream allows it.
fn of_client(
    client: &HeaderMap,
    options: &Options,
    onward: &Onward<'_>,
    mut line: impl FnMut(&HeaderName, &[u8]),
) {
    let Onward { permit, app, owned, .. } = *onward;
    let named = options.named();
    let is_replaced = |name: &HeaderName| {
        HeaderClass::of(name).has(HeaderClass::WRITTEN_ANEW) || app.identity.names().any(|ours| ours == name)
    };
    let passes = |name: &HeaderName| {
        let is_owned = owned.contains(name) && (!app.pass_headers.contains(name) || is_replaced(name));
        let hides_another = !app.underscore_headers && name.as_str().contains('_');
        let is_judged = permit.target().destination.is_some() && *name == DESTINATION;
        !(is_owned
            || hides_another
            || is_judged
            || HeaderClass::of(name).has(HeaderClass::HOP_BY_HOP)
            || named.contains(name))
    };
    let target = permit.target();
    line(&HOST, &app.host_for(onward.endpoint, target.authority.as_str()));
    // Of an app that is told another host, and so another address of its own.
    let addresses = (app.host_header != HostHeader::Original).then(|| {
        let public = Origin::asked(&target.authority, client, onward.facts.is_from_proxy());
        (addresses::own_origin(app, onward.endpoint, target.authority.as_str()), public)
    });
    let (mut wants_trailers, mut cookies) = (false, Cookies::None);
    for (name, value) in client {
        if let Some((own, Some(public))) = &addresses
            && (*name == ORIGIN || *name == REFERER)
            && let Some(told) = addresses::to_app(value.as_bytes(), public, own)
        {
            if passes(name) {
                line(name, told.as_bytes());
            }
            continue;
        }
        if *name == TE {
            wants_trailers |= holds(value, b"trailers");
        } else if *name == COOKIE {
            cookies = match cookies {
                Cookies::None => Cookies::OneLine(value.as_bytes()),
                Cookies::OneLine(_) | Cookies::Lines => Cookies::Lines,
            };
        } else if *name != HOST && *name != EXPECT && passes(name) {
            line(name, value.as_bytes());
        }
    }
    if let Some(destination) = &target.destination {
        match &addresses {
            Some((own, _)) => {
                line(&DESTINATION, format!("{own}{}", destination.path().path_and_query()).as_bytes());
            }
            None => line(&DESTINATION, destination.as_received().as_bytes()),
        }
    }
    if !named.contains(&COOKIE) {
        let foreign = match cookies {
            Cookies::None => Cow::Borrowed(&[][..]),
            Cookies::OneLine(line) => foreign_cookies(line),
            Cookies::Lines => {
                let lines = client.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
                Cow::Owned(foreign_cookies_of(lines))
            }
        };
        if !foreign.is_empty() {
            line(&COOKIE, &foreign);
        }
    }
    // Alone in its header field: Python's `http.server` compares the whole value.
    if onward.closes {
        line(&CONNECTION, b"close");
    } else if let Some(protocol) = onward.upgrade {
        line(&CONNECTION, b"upgrade");
        line(&UPGRADE, protocol.as_bytes());
    } else if wants_trailers {
        line(&CONNECTION, b"te");
        line(&TE, b"trailers");
    }
}

/// Turns the upstream's headers, which are of this class, into those that the client receives.
pub(super) fn to_client(headers: &mut HeaderMap, options: &Options, class: HeaderClass) {
    for name in options.named() {
        headers.remove(name);
    }
    let forbidden = HeaderClass::HOP_BY_HOP.or(HeaderClass::NOT_FOR_BROWSERS);
    if class.has(forbidden) {
        let names: Vec<HeaderName> =
            headers.keys().filter(|name| HeaderClass::of(name).has(forbidden)).cloned().collect();
        for name in names {
            headers.remove(name);
        }
    }
    if class.has(HeaderClass::SET_COOKIE) && headers.get_all(SET_COOKIE).iter().any(sets_our_cookie) {
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
pub(super) fn wanted_upgrade(
    version: Version,
    options: &Options,
    headers: &HeaderMap,
) -> Option<HeaderValue> {
    if version != Version::HTTP_11 || !options.upgrade {
        return None;
    }
    let protocol = SingleHeader::of(headers, UPGRADE).once()?;
    let speaks_http = protocol.as_bytes().split(|byte| *byte == b',').any(|one| {
        let one = one.trim_ascii().to_ascii_lowercase();
        one.starts_with(b"h2") || one.starts_with(b"http") || one.starts_with(b"tls")
    });
    (!speaks_http && !protocol.is_empty()).then(|| protocol.clone())
}

/// The protocol that the upstream has changed to, if it is the one that was asked for (RFC 9110 §7.8).
pub(super) fn agreed_upgrade(wanted: &HeaderValue, answer: &HeaderMap) -> Option<HeaderValue> {
    let agreed = SingleHeader::of(answer, UPGRADE).once()?;
    let mut offered = wanted.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    offered.any(|one| one.eq_ignore_ascii_case(agreed.as_bytes().trim_ascii())).then(|| agreed.clone())
}

/// Whether a list in one line has this token.
fn holds(line: &HeaderValue, wanted: &[u8]) -> bool {
    let mut tokens = line.as_bytes().split(|byte| *byte == b',');
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(wanted))
}

/// The `Cookie` lines of a client.
#[derive(Clone, Copy)]
enum Cookies<'h> {
    None,
    OneLine(&'h [u8]),
    Lines,
}

/// The cookies of a line without the gateway's own; every other byte stays as it was. Empty if nothing is left.
fn foreign_cookies(line: &[u8]) -> Cow<'_, [u8]> {
    match around_ours(line) {
        None => Cow::Borrowed(line),
        Some((before, after)) if after.trim_ascii().is_empty() => Cow::Borrowed(before),
        Some(([], after)) if around_ours(after).is_none() => Cow::Borrowed(after.trim_ascii_start()),
        Some(_) => Cow::Owned(foreign_cookies_of([line])),
    }
}

/// What stands in a line before the first of our cookies and after it, if there is one.
fn around_ours(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut start = 0;
    for pair in cookie::pairs(line) {
        let end = start + pair.len();
        if is_ours(pair) {
            let before = line.get(..start.saturating_sub(1)).unwrap_or_default();
            return Some((before, line.get(end + 1..).unwrap_or_default()));
        }
        start = end + 1;
    }
    None
}

/// The same of several lines. They become one, as RFC 9113 §8.2.3 asks for on the way to HTTP/1.1.
fn foreign_cookies_of<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Vec<u8> {
    let mut kept = Vec::new();
    for line in lines {
        let mut separator: &[u8] = b"; ";
        for pair in cookie::pairs(line).filter(|pair| !is_ours(pair)) {
            if kept.is_empty() {
                kept.extend_from_slice(pair.trim_ascii_start());
            } else {
                kept.extend_from_slice(separator);
                kept.extend_from_slice(if separator.len() > 1 { pair.trim_ascii_start() } else { pair });
            }
            separator = b";";
        }
    }
    kept
}

fn is_ours(pair: &[u8]) -> bool {
    cookie::is_ours(pair.trim_ascii_start())
}

/// A cookie without a name, `Set-Cookie: =__Host-Http-portcullis=…`, would come back as one of ours.
fn sets_our_cookie(line: &HeaderValue) -> bool {
    let line = line.as_bytes();
    let start = line.iter().position(|byte| !matches!(byte, b'=' | b' ' | b'\t')).unwrap_or_default();
    is_ours(line.get(start..).unwrap_or_default())
}

/// Where the request came from: what a trusted proxy in front says of it, and what is known here.
fn forwarded(
    client: &HeaderMap,
    facts: &Facts<'_>,
    asked: &Authority,
    mut line: impl FnMut(&HeaderName, &[u8]),
) {
    let told = |name: &HeaderName| client.get(name).map(HeaderValue::as_bytes);
    let (mut proto, mut host, mut port) = (None, None, None);
    if facts.is_from_proxy() {
        let mut chain: Vec<&[u8]> =
            client.get_all(&FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
        chain.push(facts.peer.as_bytes());
        line(&FORWARDED_FOR, &chain.join(&b", "[..]));
        (proto, host, port) = (told(&FORWARDED_PROTO), told(&FORWARDED_HOST), told(&FORWARDED_PORT));
    } else {
        line(&FORWARDED_FOR, facts.peer.as_bytes());
    }
    // What a proxy of the operator's asks for is believed like what it says.
    let asked = if facts.is_from_proxy() { asked.clone() } else { facts.ports.checked(asked) };
    line(&FORWARDED_PROTO, proto.unwrap_or(b"https"));
    line(&FORWARDED_HOST, host.unwrap_or(asked.as_str().as_bytes()));
    line(&FORWARDED_PORT, port.unwrap_or_else(|| asked.port_text().unwrap_or("443").as_bytes()));
}

// Statics, because a constant is made anew, and dropped, wherever a header is held against it.
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn our_cookies_are_cut_out_wherever_they_stand() {
        for (line, left) in [
            ("a=1;b=2", "a=1;b=2"),
            ("__Host-Http-portcullis=1", ""),
            // Of another gateway on this host, and from before the prefix.
            ("__Host-Http-portcullis-test=1; a=1; __Host-portcullis=1", "a=1"),
            ("__Host-Http-sid=1; __Host-sid=1", "__Host-Http-sid=1; __Host-sid=1"),
            (" __Host-portcullis=1; ", ""),
            ("a=1; __Host-portcullis=1", "a=1"),
            ("__Host-portcullis=1; a=1;b=2", "a=1;b=2"),
            ("a=1; __Host-portcullis=1;  b=2", "a=1;  b=2"),
            ("__Host-Http-portcullis-form=1; a=1; __HOST-http-portcullis", "a=1"),
            ("__Host-portcullis=1;__host-PORTCULLIS=2; a=1", "a=1"),
            ("a=__Host-portcullis=1", "a=__Host-portcullis=1"),
        ] {
            assert_eq!(str::from_utf8(&foreign_cookies(line.as_bytes())), Ok(left), "{line}");
        }
    }

    proptest! {
        #[test]
        fn of_one_line_and_of_many_the_same_cookies_are_left(line in "(__Host-Http-portcullis|__Host-portcullis|__host-Portcullis=|a=|;|; | |\t|1){0,9}") {
            let pairs = |line: &[u8]| -> Vec<Vec<u8>> {
                let pairs = line.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                pairs.filter(|pair| !pair.is_empty()).map(<[u8]>::to_vec).collect()
            };
            let mut theirs = pairs(line.as_bytes());
            theirs.retain(|pair| {
                let pair = pair.to_ascii_lowercase();
                !pair.starts_with(b"__host-portcullis") && !pair.starts_with(b"__host-http-portcullis")
            });
            prop_assert_eq!(pairs(&foreign_cookies(line.as_bytes())), theirs.clone());
            prop_assert_eq!(pairs(&foreign_cookies_of([line.as_bytes()])), theirs);
        }
    }
}
