//! The headers with which a client could steer an application past what was decided.
//!
//! None of them reaches an application, unless its operator lists them (`pass_headers`). [`steers`] says
//! which can be listed: what the gateway says itself, and whatever names an identity, never can.

use http::HeaderName;

use super::{App, IdentityHeaders, OwnedNames, headers::fold};

/// What a client could say with a header that only the gateway may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steers {
    /// Which method is meant.
    Method,
    /// Which path, host or scheme is meant, as a proxy in front would say it.
    Place,
    /// What is the gateway's alone to say, or nobody's: who asks, and from where.
    Never,
}

/// What a client could say with this header to one of `apps`; `None`: it arrives anyway.
pub fn steers(name: &HeaderName, apps: &[App]) -> Option<Steers> {
    if !OwnedNames::of(apps).contains(name) {
        return None;
    }
    let folded = as_folded(name);
    let presets = IdentityHeaders::PRESETS.iter().filter_map(|preset| IdentityHeaders::preset(preset));
    let names_identity = presets
        .chain(apps.iter().map(|app| app.identity.clone()))
        .any(|identity| identity.names().any(|name| as_folded(name) == folded));
    let is_place = PLACES.contains(&folded.as_str())
        || (["x-forwarded-", "x-original-"].iter().any(|prefix| folded.starts_with(prefix))
            && !OURS.contains(&folded.as_str()));
    Some(if names_identity {
        Steers::Never
    } else if METHODS.contains(&folded.as_str()) {
        Steers::Method
    } else if is_place {
        Steers::Place
    } else {
        Steers::Never
    })
}

fn as_folded(name: &HeaderName) -> String {
    name.as_str().bytes().map(|byte| char::from(fold(byte))).collect()
}

const METHODS: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];
const PLACES: [&str; 11] = [
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
    "front-end-https",
];
/// What the gateway says of the client itself.
const OURS: [&str; 4] = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisory_3_what_names_an_identity_or_an_address_can_never_be_listed() {
        let steers = |name: &str| steers(&HeaderName::try_from(name).unwrap(), &[]);
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
        ] {
            assert_eq!(steers(name), Some(Steers::Never), "{name}");
        }
        assert_eq!(steers("x-custom"), None);
    }
}
