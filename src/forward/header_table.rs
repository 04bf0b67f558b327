//! The table of header names, with the classes of each.
//!
//! [`ROWS`] lists names that are compared as they are; each header field of a response and of a request is looked up
//! there once, as a [`HeaderClass`]. [`FAMILIES`] lists names that only a proxy may send to an application; they are
//! compared folded, by [`OwnedNames`](super::OwnedNames). The headers of an app's own `identity` come in addition.
//!
//! The table decides nothing: `headers`, `http1` and `interim` remove and rewrite header fields by their class.

use http::HeaderName;

/// A set of classes: those of one header name, or of all header names of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeaderClass(u16);

/// The treatment of a header that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHeader {
    /// Removed: a client could choose another method than the rules see.
    MethodOverride,
    /// Removed: a client could choose another path, host or scheme than the rules see, as a proxy in front would send it.
    UrlOverride,
    /// Removed: a client could pass for another user, address or certificate, as another proxy would name it.
    ClientClaim,
    /// Removed from every request: only the gateway names the user and the client's address.
    GatewayOnly,
    /// Never forwarded: for one connection (RFC 9110 §7.6.1).
    OneHop,
    /// Forwarded.
    Forwarded,
}

impl HeaderClass {
    /// For one hop (RFC 9110 §7.6.1), whether `Connection` names it or not.
    pub(super) const HOP_BY_HOP: Self = Self(1);
    /// `Connection`.
    pub(super) const CONNECTION: Self = Self(1 << 1);
    /// `Content-Length`.
    pub(super) const CONTENT_LENGTH: Self = Self(1 << 2);
    /// `Transfer-Encoding`.
    pub(super) const TRANSFER_ENCODING: Self = Self(1 << 3);
    /// `Set-Cookie`.
    pub(super) const SET_COOKIE: Self = Self(1 << 4);
    /// Names an address, which may be the application's own.
    pub(super) const ADDRESS: Self = Self(1 << 5);
    /// Names the application's software (OWASP ASVS 5.0 13.4.6).
    pub(super) const SOFTWARE: Self = Self(1 << 6);
    /// May say that the upstream connection is authenticated, see [`super::bound_connections`].
    pub(super) const AUTHENTICATION: Self = Self(1 << 7);
    /// For the gateway alone, or nothing that an upstream may send to a browser: it does not know by which other address and
    /// protocol this host is served (`Alt-Svc`, RFC 7838).
    pub(super) const NOT_FOR_BROWSERS: Self = Self(1 << 8);
    /// Left out of interim responses: it frames a message that has no body (RFC 9110 §8.6), browsers store it, or the gateway
    /// completes it in the final response.
    pub(super) const FINAL_ONLY: Self = Self(1 << 9);
    /// Frames, routes, authenticates or sets cookies, and may not stand in a trailer (RFC 9110 §6.5.1).
    pub(super) const NOT_IN_TRAILERS: Self = Self(1 << 10);
    /// The gateway writes it in each request; the client's is left out even where `pass_headers` lists it.
    pub(super) const WRITTEN_ANEW: Self = Self(1 << 11);
    /// Frames, routes, authenticates or names the origin of a request. An application that takes another spelling for it would
    /// read what the gateway has not judged, so that no other spelling passes.
    pub(super) const ONE_SPELLING: Self = Self(1 << 12);

    /// The classes of one name.
    pub(super) fn of(name: &HeaderName) -> Self {
        let name = name.as_str();
        let rows = match (STARTS.get(name.len()), STARTS.get(name.len() + 1)) {
            (Some(start), Some(end)) => ROWS.get(*start..*end).unwrap_or_default(),
            _ => &[],
        };
        let row = rows.iter().find(|(known, _)| *known == name);
        let class = row.map_or(Self::default(), |(_, class)| *class);
        if name.starts_with("portcullis-") { class.or(Self::NOT_FOR_BROWSERS) } else { class }
    }

    /// Whether another name is taken for one that passes in one spelling only: `Content_Length`, `Host_`,
    /// `sec.fetch-site`. A CGI takes the two for one.
    pub(super) fn is_other_spelling(name: &[u8]) -> bool {
        let is_ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        if name.iter().all(is_ordinary) {
            return false;
        }
        let is_sign = |byte: &u8| fold(*byte) == b'-';
        let start = name.iter().position(|byte| !is_sign(byte)).unwrap_or(name.len());
        let end = name.iter().rposition(|byte| !is_sign(byte)).map_or(start, |last| last + 1);
        let core = name.get(start..end).unwrap_or_default();
        let mut rows = ROWS.iter().filter(|(_, class)| class.has(Self::ONE_SPELLING));
        rows.any(|(known, _)| known.len() == core.len() && starts_folded(core, known.as_bytes()))
    }

    /// Adds the classes of another set.
    pub(super) fn add(&mut self, other: Self) {
        *self = self.or(other);
    }

    /// Whether the two sets share a class.
    pub(super) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// The classes of both sets.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A byte of a name as a careless CGI sees it.
pub(super) fn fold(byte: u8) -> u8 {
    FOLDED.get(usize::from(byte)).copied().unwrap_or(b'-')
}

/// Each byte as [`fold`] returns it: every header of a request is folded, and looked up costs a third of compared.
const FOLDED: [u8; 256] = {
    let mut table = [b'-'; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0_u8;
    while let [entry, others @ ..] = rest {
        if byte.is_ascii_alphanumeric() {
            *entry = byte.to_ascii_lowercase();
        }
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

/// Whether a name, once folded, starts like this folded one.
pub(super) fn starts_folded(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name.iter().zip(prefix).all(|(byte, wanted)| fold(*byte) == *wanted)
}

/// Where the rows begin whose names have this length.
#[expect(clippy::indexing_slicing, reason = "a wrong index stops the compiler, and no request")]
const STARTS: [usize; LONGEST + 2] = {
    let (mut starts, mut row, mut length) = ([0; LONGEST + 2], 0, 0);
    while length < starts.len() {
        while row < ROWS.len() && ROWS[row].0.len() < length {
            row += 1;
        }
        starts[length] = row;
        length += 1;
    }
    starts
};
#[expect(clippy::indexing_slicing, reason = "there are rows")]
const LONGEST: usize = ROWS[ROWS.len() - 1].0.len();

/// A row of the table is the name and its classes.
macro_rules! rows {
    ($($name:literal: $($class:ident)|+,)*) => {
        &[$(($name, HeaderClass(0 $(| HeaderClass::$class.0)+))),*]
    };
}

/// Ordered by the length of the name, then by its bytes.
const ROWS: &[(&str, HeaderClass)] = rows! {
    "te": HOP_BY_HOP | NOT_IN_TRAILERS | ONE_SPELLING,
    "via": HOP_BY_HOP | ONE_SPELLING,
    "host": NOT_IN_TRAILERS | ONE_SPELLING,
    "range": ONE_SPELLING,
    "cookie": NOT_IN_TRAILERS | ONE_SPELLING,
    "expect": ONE_SPELLING,
    "origin": ONE_SPELLING,
    "server": SOFTWARE,
    "alt-svc": NOT_FOR_BROWSERS | FINAL_ONLY,
    "referer": ONE_SPELLING,
    "refresh": ADDRESS,
    "trailer": NOT_IN_TRAILERS | FINAL_ONLY | ONE_SPELLING,
    "upgrade": HOP_BY_HOP | ONE_SPELLING,
    "location": ADDRESS,
    "forwarded": ONE_SPELLING,
    "connection": HOP_BY_HOP | CONNECTION | NOT_IN_TRAILERS | ONE_SPELLING,
    "keep-alive": HOP_BY_HOP | ONE_SPELLING,
    "set-cookie": SET_COOKIE | NOT_IN_TRAILERS | FINAL_ONLY,
    "content-type": NOT_IN_TRAILERS | ONE_SPELLING,
    "max-forwards": NOT_IN_TRAILERS | ONE_SPELLING,
    "x-powered-by": SOFTWARE,
    "x-request-id": WRITTEN_ANEW,
    "authorization": NOT_IN_TRAILERS | ONE_SPELLING,
    "cache-control": NOT_IN_TRAILERS,
    "content-range": NOT_IN_TRAILERS,
    "content-length": CONTENT_LENGTH | NOT_IN_TRAILERS | FINAL_ONLY | ONE_SPELLING,
    "http2-settings": HOP_BY_HOP,
    "sec-fetch-dest": ONE_SPELLING,
    "sec-fetch-mode": ONE_SPELLING,
    "sec-fetch-site": ONE_SPELLING,
    "clear-site-data": FINAL_ONLY,
    "persistent-auth": AUTHENTICATION,
    "x-forwarded-for": WRITTEN_ANEW,
    "content-encoding": NOT_IN_TRAILERS | ONE_SPELLING,
    "content-location": ADDRESS,
    "proxy-connection": HOP_BY_HOP | ONE_SPELLING,
    "www-authenticate": AUTHENTICATION | FINAL_ONLY,
    "x-aspnet-version": SOFTWARE,
    "x-forwarded-host": WRITTEN_ANEW,
    "x-forwarded-port": WRITTEN_ANEW,
    "transfer-encoding": HOP_BY_HOP | TRANSFER_ENCODING | NOT_IN_TRAILERS | ONE_SPELLING,
    "x-forwarded-proto": WRITTEN_ANEW,
    "proxy-authenticate": HOP_BY_HOP | AUTHENTICATION,
    "proxy-authorization": HOP_BY_HOP | ONE_SPELLING,
    "x-aspnetmvc-version": SOFTWARE,
    "service-worker-allowed": FINAL_ONLY,
    "portcullis-session-data": WRITTEN_ANEW,
    "strict-transport-security": FINAL_ONLY,
};

/// Names of one kind, folded. A whole name counts before a prefix, and an earlier family before a later one.
pub(super) struct Family {
    pub(super) kind: ClientHeader,
    pub(super) names: &'static [&'static str],
    pub(super) prefixes: &'static [&'static str],
}

/// Headers that applications trust when a proxy sends them, by the documentation of the proxies and of the applications.
pub(super) static FAMILIES: &[Family] = &[
    // Headers that the gateway sends itself.
    Family {
        kind: ClientHeader::GatewayOnly,
        names: &[
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-request-id",
            "x-real-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "true-client-ip",
            "x-remote-user",
            "x-authenticated-user",
            // A CGI would take it for the address of a proxy to use (CVE-2016-5385).
            "proxy",
        ],
        prefixes: &["remote-", "portcullis-", "x-portcullis-"],
    },
    // Variables of CGI (RFC 3875 §4.1), WSGI, FastCGI and PHP, that some servers let a header set.
    Family {
        kind: ClientHeader::GatewayOnly,
        names: &[
            "auth-type",
            "document-root",
            "document-uri",
            "fcgi-role",
            "gateway-interface",
            "https",
            "logon-user",
            "orig-path-info",
            "orig-script-name",
            "path-info",
            "path-translated",
            "php-self",
            "query-string",
            "request-filename",
            "request-method",
            "request-scheme",
            "request-uri",
            "script-filename",
            "script-name",
            "script-uri",
            "script-url",
            "server-addr",
            "server-admin",
            "server-name",
            "server-port",
            "server-protocol",
            "server-signature",
            "server-software",
            "unencoded-url",
        ],
        prefixes: &["http-", "php-auth-", "redirect-", "uwsgi-", "wsgi-"],
    },
    Family {
        kind: ClientHeader::MethodOverride,
        names: &["x-http-method", "x-http-method-override", "x-method-override"],
        prefixes: &[],
    },
    // Another path, host or scheme.
    Family {
        kind: ClientHeader::UrlOverride,
        names: &[
            "destination",
            "forwarded",
            "x-forwarded",
            "x-rewrite-url",
            "x-override-url",
            "x-url-scheme",
            "x-scheme",
            "x-host",
            "x-http-host-override",
            "x-http-path-override",
            "x-script-name",
            "x-matched-path",
            "x-now-route-matches",
            "x-ingress-path",
            "x-sendfile-type",
            "x-arr-ssl",
            "cf-visitor",
            "cloudfront-forwarded-proto",
            "front-end-https",
            "wl-proxy-ssl",
        ],
        // nginx and Rack (X-Accel-Mapping), Next.js (CVE-2025-29927), Envoy.
        prefixes: &["x-forwarded-", "x-original-", "x-accel-", "x-middleware-", "x-invoke-", "x-envoy-"],
    },
    // The client's address, as content delivery networks and load balancers write it.
    Family {
        kind: ClientHeader::ClientClaim,
        names: &[
            "client-ip",
            "cf-ipcountry",
            "cf-pseudo-ipv4",
            "cloudfront-viewer-address",
            "do-connecting-ip",
            "fly-client-ip",
            "forwarded-for",
            "incap-client-ip",
            "proxy-client-ip",
            "wl-proxy-client-ip",
            "x-appengine-user-ip",
            "x-azure-clientip",
            "x-azure-socketip",
            "x-nf-client-connection-ip",
            "x-originating-ip",
            "x-proxyuser-ip",
            "x-sucuri-clientip",
        ],
        prefixes: &["cf-connecting-", "fastly-client", "x-vercel-"],
    },
    // The client's certificate: Apache, nginx, HAProxy, IIS, AWS, WebLogic, RFC 9440.
    Family {
        kind: ClientHeader::ClientClaim,
        names: &[
            "client-cert",
            "client-cert-chain",
            "x-arr-clientcert",
            "x-clientcert",
            "wl-proxy-client-cert",
        ],
        prefixes: &["ssl-", "x-ssl-", "x-client-cert", "x-client-dn", "x-client-verify", "x-amzn-mtls-"],
    },
    // The user, as other gateways name it.
    Family {
        kind: ClientHeader::ClientClaim,
        names: &[
            "auth-cn",
            "auth-groups",
            "auth-mail",
            "auth-user",
            "x-anonymous-consumer",
            "x-auth-user",
            "x-proxy-roles",
            "x-proxy-user",
            "x-token-subject",
            "x-userinfo",
        ],
        prefixes: &[
            // Grafana, Gitea · oauth2-proxy · authentik · Kong · Kubernetes.
            "x-webauth-",
            "x-auth-request-",
            "x-authentik-",
            "x-authenticated-",
            "x-consumer-",
            "x-credential-",
            "x-remote-",
            // Cloudflare Access · Azure · Google · AWS · Pomerium · caddy-security · Vouch · Tailscale · Sandstorm.
            "cf-access-",
            "x-ms-client-principal",
            "x-ms-token-",
            "x-goog-authenticated-user-",
            "x-goog-iap-",
            "x-amzn-oidc-",
            "x-pomerium-",
            "x-token-user-",
            "x-vouch-",
            "tailscale-",
            "x-sandstorm-",
            // mod_auth_openidc · mod_auth_mellon · Shibboleth · SiteMinder · WebSEAL · Oracle.
            "oidc-",
            "mellon-",
            "shib-",
            "sm-",
            "iv-",
            "oam-remote-",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_found_by_its_name() {
        assert!(ROWS.is_sorted_by_key(|(name, _)| (name.len(), *name)));
        for (name, class) in ROWS {
            let found = HeaderClass::of(&HeaderName::from_static(name));
            assert!(found == *class || found == class.or(HeaderClass::NOT_FOR_BROWSERS), "{name}");
        }
        for name in ["x", "accept", "etag", "x-long-names-are-in-no-row-of-the-table"] {
            assert_eq!(HeaderClass::of(&HeaderName::from_static(name)), HeaderClass::default(), "{name}");
        }
    }
}
