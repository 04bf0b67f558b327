//! Targets without a connection: for the command line, which explains a decision, and for tests of rules.

use http::{HeaderMap, HeaderValue, Method, Uri, header::HOST};

use super::{ClientAddr, DESTINATION, LastAuthority, Malformed, Target, destination::OVERWRITE};

impl Target {
    /// The target that a request with this method for this URL has, if it comes from this client.
    ///
    /// The URL begins with `https://` or `http://`; see [`split_url`]. Its path is read byte for byte: a parser of URLs
    /// would resolve dot segments, which are to be refused here.
    pub fn described(method: &Method, url: &str, client_addr: ClientAddr) -> Result<Self, Malformed> {
        Self::reported(method, url, &HeaderMap::new(), client_addr)
    }

    /// The target of a request with these header fields that another proxy describes: of them, only `Destination` and
    /// `Overwrite` can influence a decision.
    pub fn reported(
        method: &Method,
        url: &str,
        headers: &HeaderMap,
        client_addr: ClientAddr,
    ) -> Result<Self, Malformed> {
        let (authority, path) = split_url(url).ok_or(Malformed("the request has no https address"))?;
        let uri = Uri::try_from(path)
            .map_err(|_| Malformed("the path contains bytes that must be percent-encoded"))?;
        let host = HeaderValue::from_str(authority)
            .map_err(|_| Malformed("the request's host is not a host name or an address"))?;
        let mut read = HeaderMap::from_iter([(HOST, host)]);
        for name in [DESTINATION, OVERWRITE] {
            read.extend(headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
        }
        Self::read_with(&LastAuthority::default(), (method, &uri, &read), client_addr, false)
    }
}

/// Authority and path of a URL, byte for byte; `None` if it has no authority.
pub fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = if path.starts_with('/') { path } else { "/" };
    (!authority.is_empty()).then_some((authority, path))
}
