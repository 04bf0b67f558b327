//! Where a request of `WebDAV` copies or moves something to.
//!
//! `COPY` and `MOVE` name a second path in a header, `Destination` (RFC 4918 §10.3). It is read here like the path of a
//! request, so that the rules can be asked about it; what is no path of the same host is [`Malformed`]. Under a method
//! that has no use for it, the header is no destination, and does not reach an application.

use http::{HeaderMap, HeaderName, HeaderValue, Method, uri::PathAndQuery};

use super::{Authority, Malformed, NormalPath, Origin, SingleHeader};

/// The header.
pub const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// A destination on the host that was asked, with all its readings settled.
#[derive(Clone, Debug)]
pub struct Destination {
    received: HeaderValue,
    path: NormalPath,
    replaces: bool,
}

impl Destination {
    /// Reads the destination of a request to `authority`, if it has one.
    pub(super) fn read(
        method: &Method,
        headers: &HeaderMap,
        authority: &Authority,
        by_trusted_proxy: bool,
    ) -> Result<Option<Box<Self>>, Malformed> {
        if has_no_destination(method) {
            return Ok(None);
        }
        let line = match SingleHeader::of(headers, &DESTINATION) {
            SingleHeader::Absent => return Ok(None),
            SingleHeader::Once(line) => line,
            SingleHeader::Repeated => {
                return Err(Malformed("the request names its destination more than once"));
            }
        };
        let text = line.to_str().map_err(|_| WRONG)?;
        // A parser of URLs cuts off what follows, and an application that takes the rest for a file name does not: to it,
        // `/drop/a?/../../team/b` is `/team/b`. In a name, clients encode both.
        if text.contains(['#', '?']) {
            return Err(WRONG);
        }
        let path = if text.starts_with('/') {
            text
        } else {
            on_this_host(text, authority, headers, by_trusted_proxy)?
        };
        // `//host/path` names a host.
        if path.starts_with("//") {
            return Err(WRONG);
        }
        let path = NormalPath::parse(PathAndQuery::try_from(path).map_err(|_| WRONG)?)?;
        let replaces = SingleHeader::of(headers, &OVERWRITE).once().is_none_or(|value| value != "F");
        Ok(Some(Box::new(Self { received: line.clone(), path, replaces })))
    }

    /// The path to which is copied or moved.
    pub fn path(&self) -> &NormalPath {
        &self.path
    }

    /// The value of the header, as received.
    pub fn as_received(&self) -> &HeaderValue {
        &self.received
    }

    /// True if a file that is there already is deleted first: without `Overwrite: F` (RFC 4918 §10.6).
    pub fn replaces(&self) -> bool {
        self.replaces
    }
}

/// The methods of RFC 9110 and RFC 5789. Any other could be a MOVE under another name.
fn has_no_destination(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::PATCH
            | Method::OPTIONS
    )
}

/// The path of an absolute URL, if it is one of the host that was asked, as it was named to us or to a trusted proxy.
fn on_this_host<'u>(
    url: &'u str,
    asked: &Authority,
    headers: &HeaderMap,
    by_trusted_proxy: bool,
) -> Result<&'u str, Malformed> {
    let (scheme, rest) = url.split_once("://").ok_or(WRONG)?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).ok_or(WRONG)?);
    let named = Authority::parse(authority.as_bytes()).map_err(|_| WRONG)?;
    let named = Origin::of(scheme, named).ok_or(WRONG)?;
    let is_asked = Origin::of(scheme, asked.clone()).is_some_and(|asked| asked == named);
    if is_asked || Origin::asked(asked, headers, by_trusted_proxy).is_some_and(|asked| asked == named) {
        Ok(path)
    } else {
        Err(Malformed("the destination is on another host"))
    }
}

/// Whether what is there already is replaced.
pub(super) const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const WRONG: Malformed = Malformed("the destination is no path of this host");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, lines: &[&str]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(DESTINATION, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let (method, authority) =
            (Method::from_bytes(method.as_bytes()).unwrap(), Authority::parse(b"wiki.example:8443"));
        let read = Destination::read(&method, &headers, &authority.unwrap(), false);
        read.map(|found| found.map(|found| found.path().as_str().to_owned()))
    }

    #[test]
    fn a_destination_is_a_path_of_this_host() {
        for (line, path) in [
            ("/team/x", "/team/x"),
            ("https://wiki.example:8443/team/x", "/team/x"),
            ("HTTPS://Wiki.Example.:8443/team/x", "/team/x"),
            ("http://wiki.example:8443/", "/"),
            ("https://wiki.example:8443//team", "//team"),
        ] {
            // Without a host before them, two slashes begin one: servers differ in what they read.
            let expected = if path.starts_with("//") { Err(WRONG) } else { Ok(Some(path.to_owned())) };
            assert_eq!(read("MOVE", &[line]), expected, "{line}");
            assert_eq!(read("X-ANY", &[line]), expected, "{line}");
            assert_eq!(read("PUT", &[line]), Ok(None), "{line}");
        }
        assert_eq!(read("COPY", &[]), Ok(None));
    }

    #[test]
    fn any_other_destination_is_refused() {
        for line in [
            "",
            "team/x",
            "?x",
            "//wiki.example:8443/x",
            "https://wiki.example/x",
            "https://evil.example:8443/x",
            "https://wiki.example:8443",
            "https://wiki.example:8443@evil.example/x",
            "https://user@wiki.example:8443/x",
            "https:/x",
            "ftp://wiki.example:8443/x",
            "https://wiki.example:8443\\/x",
            "/x#y",
            "/x?y",
            "/drop/a?/../../team/x",
            "/a/../x",
            "/a/%2e%2e/x",
            "/x y",
            "/x%",
            "<https://wiki.example:8443/x>",
            "\u{e9}",
        ] {
            assert!(read("MOVE", &[line]).is_err(), "{line}");
        }
        assert!(read("MOVE", &["/x", "/x"]).is_err());
    }
}
