//! `[forward_auth]`: where other proxies ask whether they may forward a request.

use std::{net::SocketAddr, path::Path};

use super::{
    reader::{Reader, Section},
    secret_file,
};
use crate::{
    access::{App, Policy},
    client_certificate::CertificateUse,
    request::ProxySecret,
};

/// `[forward_auth]`.
#[derive(Clone, Debug)]
pub struct ForwardAuthSection {
    /// The listeners, at least one.
    pub listen: Vec<SocketAddr>,
    /// Whether they speak TLS, with the certificates of `[tls]`. Default no.
    pub tls: bool,
    /// The secret that a proxy shows. Default none: its address is enough.
    pub secret: Option<ProxySecret>,
}

/// Reads the section, whose listeners have been read.
pub(super) fn read(
    reader: &Reader,
    section: &Section<'_>,
    listen: Vec<SocketAddr>,
    folder: &Path,
) -> ForwardAuthSection {
    if section.lacks("listen") {
        let error = reader.error(&section.span, "no listener is named at which proxies ask");
        reader.report_absence(error.help("add one that the proxy reaches: `listen = \"127.0.0.1:9180\"`"));
    }
    let secret = section.field("secret_file").and_then(|field| secret_file::read(reader, &field, folder));
    ForwardAuthSection {
        listen,
        tls: reader.boolean(section.field("tls"), false),
        secret: secret.map(ProxySecret::new),
    }
}

/// Reports settings of other sections without which no proxy gets an answer.
pub(super) fn check(
    reader: &Reader,
    section: &Section<'_>,
    checks: &ForwardAuthSection,
    (lacks_proxies, policy): (bool, &Policy),
) {
    if lacks_proxies {
        let error = reader.error(&section.span, "no proxy may ask: `trusted_proxies` is empty");
        let help = "name the addresses of the proxies in `[server]`: `trusted_proxies = [\"127.0.0.1\"]`";
        reader.report_absence(error.help(help));
    }
    // An app whose hosts cannot be read is none of these.
    if !policy.apps().is_empty() && policy.apps().iter().all(|app| app.hosts.is_empty()) {
        let error = reader.error(&section.span, "no app has a host, by which a proxy could name it");
        reader.report_absence(
            error.help("give the app the host that people type: `host = \"wiki.example.com\"`"),
        );
    }
    for addr in checks.listen.iter().filter(|addr| !checks.tls && !addr.ip().is_loopback()) {
        let message =
            format!("`{addr}` is no address of this machine alone, and the checks are not protected by TLS");
        let help =
            "a check has the visitor's session cookie in it: listen on 127.0.0.1, or write `tls = true`";
        reader.report(reader.warning(&section.span, message).help(help));
    }
}

/// Warns of apps whose client certificates no proxy can show.
pub(super) fn warn_of_certificates<'a>(
    reader: &Reader,
    apps: impl Iterator<Item = (&'a App, CertificateUse)>,
) {
    // A proxy cannot ask about an app without a host.
    for (app, used) in apps.filter(|(app, _)| !app.hosts.is_empty()) {
        let message = match used {
            CertificateUse::Required => {
                "through a proxy that asks by forward-auth nobody reaches this app: \
                 the proxy cannot show the client certificate that the app requires"
            }
            CertificateUse::Optional => {
                "through a proxy that asks by forward-auth no client certificate signs anybody in to this app: \
                 the proxy cannot show one"
            }
            CertificateUse::Ignored => continue,
        };
        let warning = reader.warning(&reader.placed(&app.place), message);
        let help = "let the gateway serve the app itself, on a host that leads to no such proxy, \
                    or leave `client_certificate` out";
        reader.report(warning.help(help));
    }
}
