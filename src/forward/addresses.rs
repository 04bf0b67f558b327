//! Rewriting of addresses between the public address of an application and the address that it takes for its own.
//!
//! An application behind the gateway makes absolute addresses from plain HTTP and the `Host` that it receives, or from its
//! own address. A browser can't go there. [`to_browser`] turns them, in a response, into the public address. With
//! `host_header`, [`to_app`] does the opposite for the headers in which a browser names its page, so that an application
//! that compares them with its `Host` finds them equal. Addresses of other hosts pass unchanged.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LOCATION, LOCATION, REFRESH},
};

use super::{App, Endpoint, HostHeader, Transport};
use crate::request::{Authority, Origin};

/// The headers of a response that name an address, [`HeaderClass::ADDRESS`](super::header_table::HeaderClass::ADDRESS).
static OF_RESPONSES: [HeaderName; 3] = [LOCATION, CONTENT_LOCATION, REFRESH];

/// Turns addresses of the application's own into those at `public`, the origin that the browser sees. `asked` is the host of
/// the request.
pub(super) fn to_browser(
    headers: &mut HeaderMap,
    (app, endpoint): (&App, &Endpoint),
    asked: &Authority,
    public: &Origin,
) {
    let received = app.host_for(endpoint, asked.as_str());
    let received = Authority::parse(&received).ok();
    let at_upstream = upstream(endpoint);
    let is_apps_own = |scheme: &str, named: &Authority| {
        let port = |of: &Authority| of.port().unwrap_or_else(|| default_port(scheme));
        let is = |other: &Authority| other.host() == named.host() && port(other) == port(named);
        let at_another = app.host_header != HostHeader::Original && received.as_ref().is_some_and(is);
        // An application may build an address from the host of the request and the port that it listens on.
        let at_asked = || {
            let is_host = [asked, public.authority()].iter().any(|known| known.host() == named.host());
            let ports =
                [Some(80), asked.port(), Some(public.port()), at_upstream.as_ref().and_then(Authority::port)];
            scheme.eq_ignore_ascii_case("http") && is_host && ports.contains(&Some(port(named)))
        };
        at_another || at_upstream.as_ref().is_some_and(is) || at_asked()
    };
    for name in &OF_RESPONSES {
        let known = |value: &HeaderValue| {
            let text = std::str::from_utf8(value.as_bytes()).ok()?;
            let (before, url) = text.split_at(if *name == REFRESH { start_of_refresh_url(text)? } else { 0 });
            let (scheme, authority, rest) = split(url)?;
            let named = Authority::parse(authority.as_bytes()).ok()?;
            if !is_apps_own(scheme, &named) {
                return None;
            }
            HeaderValue::try_from(format!("{before}{public}{rest}")).ok()
        };
        if let http::header::Entry::Occupied(mut entry) = headers.entry(name) {
            for value in entry.iter_mut() {
                if let Some(known) = known(value) {
                    *value = known;
                }
            }
        }
    }
}

/// `Origin` or `Referer` of a page at `public`, as if the page were at the application's own origin; `None`: the header
/// names another origin.
pub(super) fn to_app(value: &[u8], public: &Origin, own: &str) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let (_, _, rest) = split(text)?;
    (Origin::of_url(text)? == *public).then(|| format!("{own}{rest}"))
}

/// The origin that the application takes for its own.
pub(super) fn own_origin(app: &App, endpoint: &Endpoint, asked: &str) -> String {
    let scheme = match endpoint.transport {
        Transport::Https { .. } => "https",
        Transport::Http { .. } | Transport::Unix(_) | Transport::Whoami => "http",
    };
    format!("{scheme}://{}", String::from_utf8_lossy(&app.host_for(endpoint, asked)))
}

fn upstream(endpoint: &Endpoint) -> Option<Authority> {
    match &endpoint.transport {
        Transport::Http { host, port } | Transport::Https { host, port, .. } => {
            Authority::parse(format!("{host}:{port}").as_bytes()).ok()
        }
        Transport::Unix(_) | Transport::Whoami => None,
    }
}

/// Scheme, authority and the rest of an absolute address; of `//host/path`, the scheme is empty.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = match url.strip_prefix("//") {
        Some(rest) => ("", rest),
        None => url.split_once("://")?,
    };
    if !["", "http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    Some((scheme, authority, rest))
}

/// `Refresh: 5; url=http://…`, as browsers read it.
fn start_of_refresh_url(text: &str) -> Option<usize> {
    let (at, _) = text.to_ascii_lowercase().match_indices("url=").next()?;
    Some(at + "url=".len())
}

fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 }
}
