//! The headers with which a client could steer an application past what was decided.
//!
//! None of them reaches an application, unless its operator lists them (`pass_headers`). [`steers`] says
//! which can be listed: what the gateway says itself, and whatever names an identity, never can.

use http::HeaderName;

use super::{
    App, IdentityHeaders, OwnedNames,
    owned_names::{family_of, fold},
};

/// What a client could say with a header that only the gateway may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steers {
    /// Which method is meant.
    Method,
    /// Which path, host or scheme is meant, as a proxy in front would say it.
    Place,
    /// Who asks, from which address or with which certificate, as another proxy would say it.
    Client,
    /// What is the gateway's alone to say, or nobody's: who asks, and from where.
    Never,
}

/// What a client could say with this header to one of `apps`; `None`: it arrives anyway.
pub fn steers<'a>(name: &HeaderName, apps: impl Iterator<Item = &'a App> + Clone) -> Option<Steers> {
    if !OwnedNames::of(apps.clone()).contains(name) {
        return None;
    }
    let folded = as_folded(name);
    let presets = IdentityHeaders::PRESETS.iter().filter_map(|preset| IdentityHeaders::preset(preset));
    let names_identity = presets
        .chain(apps.map(|app| app.identity.clone()))
        .any(|identity| identity.names().any(|name| as_folded(name) == folded));
    if names_identity {
        return Some(Steers::Never);
    }
    // Of another spelling of an ordinary name, the list knows nothing.
    Some(family_of(name).unwrap_or(Steers::Never))
}

fn as_folded(name: &HeaderName) -> String {
    name.as_str().bytes().map(|byte| char::from(fold(byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisory_3_what_names_an_identity_or_an_address_can_never_be_listed() {
        let steers = |name: &str| steers(&HeaderName::try_from(name).unwrap(), [].iter());
        for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
            assert_eq!(steers(name), Some(Steers::Method), "{name}");
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
            assert_eq!(steers(name), Some(Steers::Place), "{name}");
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
            assert_eq!(steers(name), Some(Steers::Never), "{name}");
        }
        for name in
            ["client-ip", "cf-connecting-ip", "x-ssl-client-cert", "x-webauth-user", "x-ms-client-principal"]
        {
            assert_eq!(steers(name), Some(Steers::Client), "{name}");
        }
        assert_eq!(steers("x-custom"), None);
    }
}
