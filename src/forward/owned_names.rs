//! The header names that a client may not send to an application.
//!
//! Applications believe some headers because only a proxy in front of them would write them: who asks, from which
//! address, with which client certificate, for which path. A client could write them as well. [`OwnedNames`]
//! answers for each name of a request, and of its trailers, whether it is one of them; it compares names as the
//! most careless CGI would: without case, and with `_`, `.` and every other sign for `-`. Names may have any
//! length.
//!
//! [`FAMILIES`] is the one list. [`steers`](super::steers) asks it, too, which of the names an operator may list in
//! `pass_headers`. The names of the apps' own `identity` come in addition.

use http::HeaderName;

use super::{App, IdentityHeaders, Steers};

/// The names that only the gateway may send to an upstream.
#[derive(Clone, Debug)]
pub struct OwnedNames {
    /// Folded, ordered by length and then by bytes.
    names: Vec<Box<[u8]>>,
    /// By the first byte of a folded name: which lengths the names have that start with it. Bit 63 stands for 63
    /// and more, and a prefix has all lengths from its own on. Most headers of a browser end here.
    lengths: [u64; 256],
}

impl OwnedNames {
    /// The names of these apps, of every preset, and those of `FAMILIES`.
    pub fn of<'a>(apps: impl IntoIterator<Item = &'a App>) -> Self {
        let mut owned = Self { names: Vec::new(), lengths: [0; 256] };
        let presets = IdentityHeaders::PRESETS.iter().filter_map(|name| IdentityHeaders::preset(name));
        for headers in presets.chain(apps.into_iter().map(|app| app.identity.clone())) {
            headers.names().for_each(|name| owned.add(name.as_str()));
        }
        for family in FAMILIES {
            family.names.iter().for_each(|name| owned.add(name));
            family.prefixes.iter().for_each(|prefix| owned.mark(prefix.as_bytes(), |length| !0 << length));
        }
        owned.names.sort_by(|one, other| order(one.iter().copied(), other));
        owned.names.dedup();
        owned
    }

    /// Whether a client, or an upstream's trailer, may not bring this in.
    pub fn contains(&self, name: &HeaderName) -> bool {
        let name = name.as_str().as_bytes();
        (self.may_be_owned(name) && (self.is_named(name) || has_owned_prefix(name)))
            || hides_an_ordinary_name(name)
    }

    fn may_be_owned(&self, name: &[u8]) -> bool {
        let lengths = name.first().and_then(|first| self.lengths.get(usize::from(fold(*first))));
        lengths.is_some_and(|lengths| lengths & (1 << name.len().min(63)) != 0)
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.names.binary_search_by(|owned| order(name.iter().copied().map(fold), owned).reverse()).is_ok()
    }

    fn add(&mut self, name: &str) {
        let folded: Box<[u8]> = name.bytes().map(fold).collect();
        self.mark(&folded, |length| 1 << length);
        self.names.push(folded);
    }

    /// Adds the lengths of names that start like this folded one.
    fn mark(&mut self, folded: &[u8], lengths: impl Fn(usize) -> u64) {
        let of_start = folded.first().and_then(|first| self.lengths.get_mut(usize::from(*first)));
        if let Some(of_start) = of_start {
            *of_start |= lengths(folded.len().min(63));
        }
    }
}

/// Shorter names first, without reading their bytes.
fn order(one: impl ExactSizeIterator<Item = u8>, other: &[u8]) -> std::cmp::Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other.iter().copied()))
}

fn has_owned_prefix(name: &[u8]) -> bool {
    FAMILIES.iter().any(|family| family.prefixes.iter().any(|prefix| starts_folded(name, prefix.as_bytes())))
}

/// Whether a name is another spelling of one that frames, routes or authenticates: `Content_Length`, `Host_`,
/// `sec.fetch-site`. A CGI takes the two for one; what the gateway has judged is the ordinary one.
fn hides_an_ordinary_name(name: &[u8]) -> bool {
    let is_ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if name.iter().all(is_ordinary) {
        return false;
    }
    let is_sign = |byte: &u8| fold(*byte) == b'-';
    let start = name.iter().position(|byte| !is_sign(byte)).unwrap_or(name.len());
    let end = name.iter().rposition(|byte| !is_sign(byte)).map_or(start, |last| last + 1);
    let core = name.get(start..end).unwrap_or_default();
    ORDINARY.iter().any(|known| known.len() == core.len() && starts_folded(core, known.as_bytes()))
}

fn starts_folded(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name.iter().zip(prefix).all(|(byte, wanted)| fold(*byte) == *wanted)
}

/// A byte of a name as a careless CGI sees it.
pub(super) fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

/// What a client could say with a name of [`FAMILIES`]; `None`: the list does not have it.
pub(super) fn family_of(name: &HeaderName) -> Option<Steers> {
    let name = name.as_str().as_bytes();
    let is_it = |known: &&str| known.len() == name.len() && starts_folded(name, known.as_bytes());
    let starts_it = |prefix: &&str| starts_folded(name, prefix.as_bytes());
    let by_name = FAMILIES.iter().find(|family| family.names.iter().any(is_it));
    let found = by_name.or_else(|| FAMILIES.iter().find(|family| family.prefixes.iter().any(starts_it)));
    found.map(|family| family.steers)
}

/// Names of one kind, folded. A whole name counts before a prefix, and an earlier family before a later one.
struct Family {
    steers: Steers,
    names: &'static [&'static str],
    prefixes: &'static [&'static str],
}

/// What applications take a proxy's word for, by the documentation of the proxies and of the applications.
static FAMILIES: &[Family] = &[
    // What the gateway says itself.
    Family {
        steers: Steers::Never,
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
        steers: Steers::Never,
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
        steers: Steers::Method,
        names: &["x-http-method", "x-http-method-override", "x-method-override"],
        prefixes: &[],
    },
    // Another path, host or scheme.
    Family {
        steers: Steers::Place,
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
        steers: Steers::Client,
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
        steers: Steers::Client,
        names: &[
            "client-cert",
            "client-cert-chain",
            "x-arr-clientcert",
            "x-clientcert",
            "wl-proxy-client-cert",
        ],
        prefixes: &["ssl-", "x-ssl-", "x-client-cert", "x-client-dn", "x-client-verify", "x-amzn-mtls-"],
    },
    // Who asks, as other gateways say it.
    Family {
        steers: Steers::Client,
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

/// Names of requests that frame, route, authenticate or say where a request comes from. They arrive in this
/// spelling alone.
static ORDINARY: [&str; 24] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "origin",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owns(names: &OwnedNames, name: &str) -> bool {
        names.contains(&HeaderName::try_from(name).unwrap())
    }

    #[test]
    fn headers_of_browsers_and_programs_are_nobodys() {
        let names = OwnedNames::of(&[]);
        for name in [
            "accept",
            "accept-encoding",
            "accept-language",
            "authorization",
            "cache-control",
            "content-length",
            "content-type",
            "cookie",
            "depth",
            "dnt",
            "host",
            "if-none-match",
            "origin",
            "overwrite",
            "priority",
            "range",
            "referer",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-fetch-dest",
            "sec-fetch-site",
            "sec-websocket-key",
            // In a trailer of an upstream.
            "server-timing",
            "te",
            "traceparent",
            "upgrade-insecure-requests",
            "user-agent",
            "x-amz-content-sha256",
            "x-api-key",
            "x-auth-token",
            "x-csrf-token",
            "x-gitlab-event",
            "x-requested-with",
        ] {
            assert!(!owns(&names, name), "{name}");
        }
    }

    #[test]
    fn the_list_is_folded_and_each_name_is_found() {
        let names = OwnedNames::of(&[]);
        for family in FAMILIES {
            for name in family.names {
                assert!(name.bytes().all(|byte| fold(byte) == byte), "{name}");
                assert!(owns(&names, name) && owns(&names, &name.to_uppercase().replace('-', "_")), "{name}");
            }
            for prefix in family.prefixes {
                assert!(prefix.bytes().all(|byte| fold(byte) == byte), "{prefix}");
                let long = format!("{prefix}{}", "x".repeat(200));
                assert!(owns(&names, &long) && owns(&names, &long.replace('-', ".")), "{prefix}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_is_owned_if_and_only_if_it_folds_to_an_owned_one(
            name in "[a-z_.-]{0,3}(remote|host|content|x|cf|https?|wsgi|client)[a-z_.!-]{0,12}",
        ) {
            let names = OwnedNames::of(&[]);
            let folded: String = name.bytes().map(|byte| char::from(fold(byte))).collect();
            let all = || FAMILIES.iter().flat_map(|family| family.names);
            let prefixes = || FAMILIES.iter().flat_map(|family| family.prefixes);
            let presets = IdentityHeaders::PRESETS.iter().filter_map(|name| IdentityHeaders::preset(name));
            let is_of_preset = presets.into_iter().any(|preset| preset.names().any(|name| *name.as_str() == folded));
            let is_listed = all().any(|name| *name == folded) || prefixes().any(|prefix| folded.starts_with(prefix));
            let is_spelt_otherwise = folded != name && ORDINARY.contains(&folded.trim_matches('-'));
            prop_assert_eq!(owns(&names, &name), is_of_preset || is_listed || is_spelt_otherwise, "{}", name);
        }
    }
}
