//! `[[tls.client_ca]]`: the authorities of client certificates; `client_certificate` of an app.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{RootCertStore, pki_types::CertificateDer};

use super::{
    certificate,
    excerpt::excerpt,
    keys,
    reader::{Field, Reader, Section},
    server::ServerSection,
    source::Span,
    upstreams::key_pin,
};
use crate::{
    client_certificate::{
        CertificateHosts, CertificateName, CertificateUse, ClientAuthorities, ClientAuthority, KeyHash,
        NamePattern, RevocationLists, StaleList, UnfitPattern, UserRule,
    },
    clock::Clock,
    error_chain::ErrorChain,
    identity::UserName,
};

/// The keys of one app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AppCertificates {
    pub(super) used: CertificateUse,
    /// Whether the app receives the certificate.
    pub(super) sends_header: bool,
}

/// Reads the authorities.
pub(super) fn read(
    reader: &Reader,
    field: Option<Field<'_>>,
    folder: &Path,
) -> Option<Arc<ClientAuthorities>> {
    let sections = reader.tables(field, &keys::CLIENT_CA);
    if sections.is_empty() {
        return None;
    }
    let read = sections.iter().filter_map(|section| authority(reader, section, folder));
    Some(Arc::new(ClientAuthorities::new(read.collect())))
}

/// Reads the keys of an app.
pub(super) fn read_app(
    reader: &Reader,
    app: &Section<'_>,
    authorities: Option<&Arc<ClientAuthorities>>,
    server: &ServerSection,
) -> AppCertificates {
    let field = app.field("client_certificate");
    let used = match field.as_ref().and_then(|field| reader.choice(field, &["optional", "required"])) {
        Some("optional") => CertificateUse::Optional,
        Some("required") => CertificateUse::Required,
        _ => CertificateUse::Ignored,
    };
    if let (Some(field), None) = (&field, authorities) {
        let error = reader.error(&field.key, "no authority of client certificates is configured");
        reader.report(error.help("add `[[tls.client_ca]]` with `cert = \"certs/people-ca.pem\"`"));
    }
    if let (Some(field), CertificateUse::Required, true) = (&field, used, server.is_behind_proxy()) {
        let error = reader
            .error(
                &field.value.span(),
                "no request could reach this app: it requires a certificate that no client can show",
            )
            .label("all clients come through a trusted proxy, whose certificate is not theirs");
        let help = "let clients connect to the gateway: add an address to `https` that is not of this machine alone; \
                    or take this machine out of `trusted_proxies`, or leave `client_certificate` out";
        reader.report(error.help(help));
    }
    let header = app.field("client_certificate_header");
    let sends_header = reader.boolean(header.clone(), false);
    if let (true, CertificateUse::Ignored, Some(header)) = (sends_header, used, header) {
        let error =
            reader.error(&header.key, "this app asks for no client certificate that it could receive");
        reader.report(error.help("add `client_certificate = \"optional\"` or `\"required\"`"));
    }
    AppCertificates { used, sends_header }
}

/// Warns of authorities that no app asks for certificates of.
pub(super) fn warn_if_unused(reader: &Reader, place: Option<&Span>, hosts: &CertificateHosts) {
    if let Some(place) = place.filter(|_| hosts.is_empty()) {
        let warning = reader.warning(place, "no app asks for client certificates");
        reader.report(warning.help("add `client_certificate = \"optional\"` or `\"required\"` to an app"));
    }
}

fn authority(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<ClientAuthority> {
    let roots = roots(reader, section, folder);
    let files = paths(reader, section.field("crl"), folder);
    let stale = section.field("stale_crl");
    let stale = match stale.and_then(|field| reader.choice(&field, &["refuse", "accept"])) {
        Some("accept") => StaleList::IsUsed,
        _ => StaleList::Refuses,
    };
    let rules = rules(reader, section);
    let lists = RevocationLists { files, stale };
    warn_of_stale_lists(reader, section, &lists);
    match ClientAuthority::new(roots?, lists, rules) {
        Ok(authority) => Some(authority),
        Err(error) => {
            let span = section.field("crl").map_or(section.span.clone(), |field| field.value.span());
            let error = reader.error(&span, format!("this authority cannot be used: {}", ErrorChain(&error)));
            reader.report(error.help("name files with certificate revocation lists, in PEM or DER"));
            None
        }
    }
}

fn roots(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<RootCertStore> {
    let Some(field) = section.field("cert") else {
        if section.lacks("cert") {
            let error = reader.error(&section.span, "this authority has no `cert`");
            reader.report_absence(
                error.help("name the file of its certificate: `cert = \"certs/people-ca.pem\"`"),
            );
        }
        return None;
    };
    let mut roots = RootCertStore::empty();
    for text in reader.texts(&field) {
        let path = folder.join(text.content);
        let certificates = match certificate::chain(&path) {
            Ok(certificates) => certificates,
            Err((problem, help)) => {
                reader.report(reader.error(&text.span, problem).help(help));
                return None;
            }
        };
        for certificate in certificates {
            if !is_authority(&certificate) || roots.add(certificate.clone()).is_err() {
                let message = format!("{} holds a certificate that is no authority's", path.display());
                let help =
                    "give the certificate of the authority; a rule with `key` is for a certificate by itself";
                reader.report(reader.error(&text.span, message).help(help));
                return None;
            }
            let help = "renew it; every certificate that it has signed is refused";
            certificate::check_time(reader, (&path, &text.span), &certificate, help);
        }
    }
    if roots.is_empty() {
        let error = reader.error(&field.value.span(), "this authority has no certificate");
        reader.report(error.help("name at least one file"));
        return None;
    }
    Some(roots)
}

/// Whether a certificate may sign others (RFC 5280 §4.2.1.9).
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

fn paths(reader: &Reader, field: Option<Field<'_>>, folder: &Path) -> Vec<PathBuf> {
    let texts = field.map(|field| reader.texts(&field)).unwrap_or_default();
    texts.iter().map(|text| folder.join(text.content)).collect()
}

fn warn_of_stale_lists(reader: &Reader, section: &Section<'_>, lists: &RevocationLists) {
    let Some(field) = section.field("crl") else { return };
    let Ok(read) = lists.read() else { return };
    if RevocationLists::next_update(&read).is_some_and(|next| next <= Clock::system().now()) {
        let warning = reader.warning(&field.value.span(), "a revocation list of this authority is overdue");
        let effect = match lists.stale {
            StaleList::Refuses => "all certificates of the authority are refused",
            StaleList::IsUsed => "certificates that were revoked since are accepted",
        };
        reader
            .report(warning.label(effect).help("fetch the list again; the gateway reads it within a minute"));
    }
}

fn rules(reader: &Reader, section: &Section<'_>) -> Vec<UserRule> {
    let sections = reader.tables(section.field("user"), &keys::CLIENT_CA_USER);
    if section.lacks("user") || (sections.is_empty() && section.field("user").is_some()) {
        let error = reader.error(&section.span, "the certificates of this authority name nobody");
        let help =
            "add `[[tls.client_ca.user]]` with `email = \"*@example.com\"`, or with `uri`, `dns` or `key`";
        reader.report_absence(error.help(help));
    }
    sections.iter().filter_map(|section| rule(reader, section)).collect()
}

fn rule(reader: &Reader, section: &Section<'_>) -> Option<UserRule> {
    let fields: Vec<Field<'_>> = KINDS.iter().filter_map(|kind| section.field(kind)).collect();
    let field = match fields.as_slice() {
        [only] => only,
        [] => {
            let error = reader.error(&section.span, "this rule is about no certificate");
            reader.report_absence(error.help("add one of `email`, `uri`, `dns` and `key`"));
            return None;
        }
        [first, second, ..] => {
            let error = reader.error(&second.key, "a rule looks at one kind of name");
            let error = error.also(first.key.clone(), "given here");
            reader.report(error.help("write a rule for each"));
            return None;
        }
    };
    let text = reader.text(field)?;
    let certificate = match field.name {
        "key" => key_pin(reader, &text).map(|pin| CertificateName::Key(KeyHash(pin.0))),
        name => match pattern(name, text.content) {
            Ok(pattern) => Some(pattern),
            Err(unfit) => {
                let message = format!("`{name}` cannot be \"{}\"", excerpt(text.content));
                reader.report(reader.error(&text.span, message).help(unfit.to_string()));
                None
            }
        },
    }?;
    let has_star = match &certificate {
        CertificateName::Email(pattern) | CertificateName::Uri(pattern) | CertificateName::Dns(pattern) => {
            pattern.has_star()
        }
        CertificateName::Key(_) => false,
    };
    let user = named_user(reader, section, &text.span, has_star)?;
    Some(UserRule { certificate, user })
}

fn pattern(kind: &str, text: &str) -> Result<CertificateName, UnfitPattern> {
    Ok(match kind {
        "email" => CertificateName::Email(NamePattern::parse_email(text)?),
        "uri" => CertificateName::Uri(NamePattern::parse(text)?),
        _ => CertificateName::Dns(NamePattern::parse(text)?),
    })
}

/// The user of a rule. Without a `*` the rule has to name one; with it, many certificates would be of one user.
#[expect(clippy::option_option, reason = "a mistake gives no user, and a `*` needs none")]
fn named_user(
    reader: &Reader,
    section: &Section<'_>,
    span: &Span,
    has_star: bool,
) -> Option<Option<UserName>> {
    match (section.field("name"), has_star) {
        (None, true) => Some(None),
        (None, false) => {
            let error = reader.error(span, "this rule does not say whose certificate it is");
            reader.report_absence(error.help("add `name = \"alice\"`, or a `*` in place of the user's name"));
            None
        }
        (Some(field), true) => {
            let error = reader.error(&field.key, "the name of the user stands at the `*` already");
            reader.report(error.also(span.clone(), "here").help("leave `name` out, or the `*`"));
            None
        }
        (Some(field), false) => {
            let text = reader.text(&field)?;
            let name = UserName::parse(text.content).ok();
            if name.is_none() {
                let message = format!("\"{}\" is no name of a user", excerpt(text.content));
                reader.report(
                    reader
                        .error(&text.span, message)
                        .help("write the name as `portcullis user list` shows it"),
                );
            }
            name.map(Some)
        }
    }
}

const KINDS: [&str; 4] = ["email", "uri", "dns", "key"];
