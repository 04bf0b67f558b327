//! The request as a proxy describes it.
//!
//! Each kind of proxy has an endpoint of its own, at which only the header fields are read that this kind writes itself.
//! All other fields of the check may be the visitor's: nginx passes the visitor's `X-Forwarded-Uri` on, and Caddy and
//! Envoy the visitor's query. With one endpoint for all, Mallory would describe another request than hers to an nginx.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{CONTENT_LENGTH, EXPECT, HOST, TE, TRANSFER_ENCODING},
};

use crate::request::{
    ClientAddr, FORWARDED_FOR, Malformed, PROXY_SECRET, RequestBody, SingleHeader, Target, TrustedProxies,
    split_url,
};

use std::net::IpAddr;

/// A kind of proxy, with its way to describe a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyKind {
    /// `auth_request`: what the configuration writes, `X-Original-Method` and `X-Original-URL`.
    Nginx,
    /// `forwardAuth`: `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`. The path is decoded and resolved, as the app
    /// receives it.
    Traefik,
    /// `forward_auth`: the same header fields, with the path as received.
    Caddy,
    /// `ext_authz`: the method, `Host`, and the path behind that of the endpoint; `X-Forwarded-Proto`.
    Envoy,
}

/// A described request.
#[derive(Debug)]
pub(super) struct Reported {
    method: Method,
    url: String,
}

impl ProxyKind {
    /// The kind whose endpoint this is, and the rest of the path.
    pub(super) fn at(path: &str) -> Option<(Self, &str)> {
        let name = path.strip_prefix(ENDPOINTS)?;
        match name {
            "nginx" => Some((Self::Nginx, "")),
            "traefik" => Some((Self::Traefik, "")),
            "caddy" => Some((Self::Caddy, "")),
            _ => name
                .strip_prefix("envoy")
                .filter(|rest| rest.starts_with('/'))
                .map(|rest| (Self::Envoy, rest)),
        }
    }

    /// The header fields that describe the request, beside those of the client's address.
    fn fields(self) -> &'static [HeaderName] {
        match self {
            Self::Nginx => &NGINX,
            Self::Traefik | Self::Caddy => &FORWARDED,
            Self::Envoy => &ENVOY,
        }
    }
}

impl Reported {
    /// Reads the description.
    pub(super) fn read(
        kind: ProxyKind,
        rest: &str,
        request: &Request<RequestBody>,
    ) -> Result<Self, Malformed> {
        let headers = request.headers();
        let field = |name: &HeaderName| match SingleHeader::of(headers, name).text() {
            Ok(Some(text)) if !text.is_empty() => Ok(text),
            Ok(_) => Err(Malformed("the proxy does not say which request it asks about")),
            Err(_) => Err(Malformed("the proxy describes the request twice, or in no text")),
        };
        let (method, url) = match kind {
            ProxyKind::Nginx => (method(field(&METHOD)?)?, field(&URL)?.to_owned()),
            ProxyKind::Traefik | ProxyKind::Caddy => {
                let (proto, host, uri) =
                    (field(&FORWARDED_PROTO)?, field(&FORWARDED_HOST)?, field(&FORWARDED_URI)?);
                (method(field(&FORWARDED_METHOD)?)?, absolute(proto, host, uri)?)
            }
            ProxyKind::Envoy => {
                let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
                let (proto, host) = (field(&FORWARDED_PROTO)?, field(&HOST)?);
                (request.method().clone(), absolute(proto, host, &format!("{rest}{query}"))?)
            }
        };
        let path = url.strip_prefix("https://").and_then(|rest| rest.get(rest.find(['/', '?'])?..));
        let Some(path) = path.filter(|path| path.starts_with('/')) else {
            return Err(Malformed("the request that the proxy describes has no https address with a path"));
        };
        // A parser of addresses cuts it off, and an app need not.
        if path.contains('#') {
            return Err(Malformed("the address of the request has a fragment"));
        }
        Ok(Self { method, url })
    }

    /// The described path and query.
    pub(super) fn path_and_query(&self) -> &str {
        split_url(&self.url).map_or("", |(_, path)| path)
    }

    /// The visitor's address, as the proxy describes it. A proxy that says none hides its visitors: no rule that names a
    /// network admits them, although the proxy itself may be in that network.
    pub(super) fn client_addr(headers: &HeaderMap, proxy: IpAddr, proxies: &TrustedProxies) -> ClientAddr {
        if headers.contains_key(FORWARDED_FOR) {
            proxies.client_addr(proxy, headers)
        } else {
            ClientAddr::Unknown { proxy: proxy.to_canonical() }
        }
    }

    /// The target that the rules judge.
    pub(super) fn target(&self, headers: &HeaderMap, client_addr: ClientAddr) -> Result<Target, Malformed> {
        let target = Target::reported(&self.method, &self.url, headers, client_addr)?;
        // RFC 4918 §9.8.3: without a destination there is nothing to do. A proxy that does not pass the field on would
        // have an operation allowed that nobody has judged.
        if matches!(self.method.as_str(), "COPY" | "MOVE") && target.destination.is_none() {
            return Err(Malformed("the request copies or moves, and names no destination"));
        }
        Ok(target)
    }

    /// Makes the check the request that it describes, for the steps that look at its header fields.
    pub(super) fn take_the_place_of(
        self,
        kind: ProxyKind,
        request: &mut Request<RequestBody>,
        target: &Target,
    ) {
        *request.method_mut() = self.method;
        if let Ok(uri) = target.path_and_query().as_str().parse() {
            *request.uri_mut() = uri;
        }
        // Dropped unread: a check has no body that means anything.
        *request.body_mut() = RequestBody::Empty;
        let headers = request.headers_mut();
        for name in kind.fields().iter().chain(&FRAMING) {
            headers.remove(name);
        }
        if let Ok(host) = HeaderValue::from_str(target.authority.as_str()) {
            headers.insert(HOST, host);
        }
    }
}

fn method(text: &str) -> Result<Method, Malformed> {
    Method::from_bytes(text.as_bytes()).map_err(|_| Malformed("the method that the proxy describes is none"))
}

fn absolute(proto: &str, host: &str, uri: &str) -> Result<String, Malformed> {
    if proto != "https" {
        return Err(Malformed("the proxy received the request over plain HTTP"));
    }
    if host.contains(['/', '?', '\\', '@']) || !uri.starts_with('/') {
        return Err(Malformed("the proxy describes no host or no path"));
    }
    Ok(format!("https://{host}{uri}"))
}

/// The path of the endpoints.
const ENDPOINTS: &str = "/.gateway/check/";

const METHOD: HeaderName = HeaderName::from_static("x-original-method");
const URL: HeaderName = HeaderName::from_static("x-original-url");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

static NGINX: [HeaderName; 2] = [METHOD, URL];
static FORWARDED: [HeaderName; 4] = [FORWARDED_METHOD, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_URI];
static ENVOY: [HeaderName; 1] = [FORWARDED_PROTO];
/// Header fields of the check itself, or of the way to the gateway.
static FRAMING: [HeaderName; 6] =
    [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, TE, FORWARDED_FOR, PROXY_SECRET];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str, fields: &[(&str, &str)]) -> Request<RequestBody> {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::new(RequestBody::Empty);
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append(HeaderName::try_from(*name).unwrap(), value);
        }
        request
    }

    fn read(line: &str, fields: &[(&str, &str)]) -> Option<String> {
        let request = request(line, fields);
        let (kind, rest) = ProxyKind::at(request.uri().path())?;
        let reported = Reported::read(kind, rest, &request).ok()?;
        Some(format!("{} {}", reported.method, reported.url))
    }

    const NGINX: [(&str, &str); 2] =
        [("x-original-method", "POST"), ("x-original-url", "https://wiki.example.com/a?b=%2F")];
    const CADDY: [(&str, &str); 4] = [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "wiki.example.com"),
        ("x-forwarded-uri", "/a?b=%2F"),
    ];

    #[test]
    fn each_kind_reads_its_own_header_fields_and_no_query_of_its_own() {
        let whole = Some("POST https://wiki.example.com/a?b=%2F".to_owned());
        assert_eq!(read("GET /.gateway/check/nginx", &NGINX), whole);
        assert_eq!(read("GET /.gateway/check/nginx?x=y", &NGINX), whole);
        assert_eq!(read("GET /.gateway/check/traefik", &CADDY), whole);
        assert_eq!(read("GET /.gateway/check/caddy?b=%2F", &CADDY), whole);
        let envoy = [("host", "wiki.example.com"), ("x-forwarded-proto", "https")];
        assert_eq!(read("POST /.gateway/check/envoy/a?b=%2F", &envoy), whole);

        let both: Vec<_> = NGINX.into_iter().chain([("x-forwarded-uri", "/public")]).collect();
        assert_eq!(read("GET /.gateway/check/nginx", &both), whole);
        let both: Vec<_> =
            CADDY.into_iter().chain([("x-original-url", "https://wiki.example.com/public")]).collect();
        assert_eq!(read("GET /.gateway/check/caddy", &both), whole);
        assert_eq!(read("GET /.gateway/check/caddy", &NGINX), None);
        assert_eq!(read("GET /.gateway/check/nginx", &CADDY), None);
        for path in [
            "/.gateway/check/",
            "/.gateway/check/generic",
            "/.gateway/check/nginx/",
            "/.gateway/check/envoy",
            "/.gateway/check/envoyx",
            "/.gateway/check",
            "/.gateway/CHECK/nginx",
            "/check/nginx",
        ] {
            assert_eq!(read(&format!("GET {path}"), &NGINX), None, "{path}");
        }
    }

    #[test]
    fn a_missing_doubled_or_unreadable_description_is_refused() {
        for (line, whole) in
            [("GET /.gateway/check/nginx", &NGINX[..]), ("GET /.gateway/check/traefik", &CADDY[..])]
        {
            for (index, (name, _)) in whole.iter().enumerate() {
                let mut fields = whole.to_vec();
                fields.remove(index);
                assert_eq!(read(line, &fields), None, "without {name}");
                for wrong in ["", "\u{e9}", "\u{0}".trim_matches('\0')] {
                    let mut fields = whole.to_vec();
                    fields[index].1 = wrong;
                    assert_eq!(read(line, &fields), None, "{name}: {wrong}");
                }
                let mut fields = whole.to_vec();
                fields.push(whole[index]);
                assert_eq!(read(line, &fields), None, "{name} twice");
            }
        }
    }

    #[test]
    fn a_description_that_is_no_absolute_https_address_is_refused() {
        for url in [
            "/a",
            "wiki.example.com/a",
            "http://wiki.example.com/a",
            "https://wiki.example.com",
            "https://wiki.example.com?/a",
            "HTTPS://wiki.example.com/a",
            "https:/a",
            "https://wiki.example.com/a#b",
        ] {
            let fields = [NGINX[0], ("x-original-url", url)];
            assert_eq!(read("GET /.gateway/check/nginx", &fields), None, "{url}");
        }
        for (name, wrong) in [
            ("x-forwarded-proto", "http"),
            ("x-forwarded-proto", "https,http"),
            ("x-forwarded-host", "evil.example/x"),
            ("x-forwarded-host", "a@b"),
            ("x-forwarded-host", "a?b"),
            ("x-forwarded-uri", "a"),
            ("x-forwarded-uri", "@evil.example/"),
            ("x-forwarded-uri", "/a#/b"),
            ("x-forwarded-method", "G T"),
        ] {
            let mut fields = CADDY.to_vec();
            fields.iter_mut().filter(|(field, _)| *field == name).for_each(|field| field.1 = wrong);
            assert_eq!(read("GET /.gateway/check/caddy", &fields), None, "{name}: {wrong}");
        }
    }

    #[test]
    fn a_copy_without_a_destination_is_refused() {
        let fields = [("x-original-method", "MOVE"), ("x-original-url", "https://wiki.example.com/a")];
        let target = |more: &[(&str, &str)]| {
            let request = request("GET /.gateway/check/nginx", &[&fields, more].concat());
            let reported = Reported::read(ProxyKind::Nginx, "", &request).unwrap();
            reported.target(request.headers(), ClientAddr::Known([192, 0, 2, 1].into()))
        };
        assert!(target(&[]).is_err());
        let target = target(&[("destination", "https://wiki.example.com/b")]).unwrap();
        assert_eq!(target.destination.unwrap().path().as_str(), "/b");
    }
}
