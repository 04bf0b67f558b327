//! Override headers, with which a client could make an application see another request than the one that was judged.
//!
//! None of them reaches an application, unless its operator lists it in `pass_headers`. `config` asks [`client_header`] which names
//! can be listed: those that the gateway sends itself, and those that name an identity, never can.

use http::{HeaderName, header::EXPECT};

use super::{
    App, OwnedNames, Preset,
    header_table::{ClientHeader, HeaderClass, fold},
    owned_names::kind_of,
};

/// The treatment of this header in a request to one of `apps` that does not list it in `pass_headers`.
pub fn client_header<'a>(name: &HeaderName, apps: impl Iterator<Item = &'a App> + Clone) -> ClientHeader {
    if !OwnedNames::of(apps.clone()).contains(name) {
        let is_for_one_hop = HeaderClass::of(name).has(HeaderClass::HOP_BY_HOP) || *name == EXPECT;
        return if is_for_one_hop { ClientHeader::OneHop } else { ClientHeader::Forwarded };
    }
    let folded = as_folded(name);
    let mut general = Preset::all().iter().filter(|preset| preset.is_general()).map(Preset::headers);
    let is_own = general.any(|identity| identity.names().any(|name| as_folded(name) == folded))
        || apps.into_iter().any(|app| app.own_names().any(|name| as_folded(name) == folded));
    if is_own {
        return ClientHeader::GatewayOnly;
    }
    // The table does not have other spellings of ordinary names.
    kind_of(name).unwrap_or(ClientHeader::GatewayOnly)
}

/// Whether a client's header of this name, in whatever spelling, could pass for one of the gateway's own at this app.
pub fn is_identity_claim(name: &HeaderName, app: &App) -> bool {
    let folded = as_folded(name);
    let is_start = |prefix: &&str| folded.starts_with(*prefix);
    let mut own_names = app.own_names().chain(app.certificate_names());
    OWN_PREFIXES.iter().any(is_start) || own_names.any(|own| as_folded(own) == folded)
}

/// Whether an application could take its path or host from a header of this name, in whatever spelling, although no proxy
/// writes it beside the request that it forwards. `X-Forwarded-*` and the like are no such names.
pub fn names_path(name: &HeaderName) -> bool {
    let folded = as_folded(name);
    PATH_NAMES.contains(&folded.as_str()) || PATH_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

/// IIS and Symfony, Zend, Pylons; Azure; Vercel.
const PATH_NAMES: [&str; 10] = [
    "x-original-host",
    "x-original-path",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
    "x-override-url",
    "x-http-path-override",
    "x-http-host-override",
    "x-matched-path",
    "x-now-route-matches",
];
/// Next.js (CVE-2025-29927).
const PATH_PREFIXES: [&str; 2] = ["x-middleware-", "x-invoke-"];

/// How the names begin in which the gateway speaks to apps, folded.
const OWN_PREFIXES: [&str; 3] = ["remote-", "portcullis-", "x-portcullis-"];

fn as_folded(name: &HeaderName) -> String {
    name.as_str().bytes().map(|byte| char::from(fold(byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisory_3_names_of_an_identity_or_an_address_can_never_be_listed() {
        let class = |name: &str| client_header(&HeaderName::try_from(name).unwrap(), [].iter());
        for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
            assert_eq!(class(name), ClientHeader::MethodOverride, "{name}");
        }
        for name in [
            "x-original-url",
            "x-original-uri",
            "x-rewrite-url",
            "x-forwarded-prefix",
            "x-forwarded-uri",
            "x-forwarded-path",
            "x-forwarded-method",
            "x-forwarded-server",
            "forwarded",
            "x-forwarded",
        ] {
            assert_eq!(class(name), ClientHeader::UrlOverride, "{name}");
        }
        for name in [
            "remote-user",
            "remote-anything",
            "x-remote-user",
            "x-forwarded-user",
            "x-forwarded-groups",
            "x-forwarded_email",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-request-id",
            "x-real-ip",
            "true-client-ip",
            "portcullis-user",
            "x-portcullis-anything",
            "proxy",
            "script-name",
            "path-info",
            "http_host",
            "content_length",
            "host_",
        ] {
            assert_eq!(class(name), ClientHeader::GatewayOnly, "{name}");
        }
        for name in
            ["client-ip", "cf-connecting-ip", "x-ssl-client-cert", "x-webauth-user", "x-ms-client-principal"]
        {
            assert_eq!(class(name), ClientHeader::ClientClaim, "{name}");
        }
        assert_eq!(class("x-custom"), ClientHeader::Forwarded);
        for name in ["connection", "expect", "te"] {
            assert_eq!(class(name), ClientHeader::OneHop, "{name}");
        }
    }
}
