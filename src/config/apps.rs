//! `[[app]]`: each app, with its rules and with everything else about it.

use std::{path::Path, sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    app_names::AppNames,
    assertion::{self, AppSignIns, AssertionSection},
    certificate::Covered,
    client_certificates,
    excerpt::excerpt,
    groups::Groups,
    hosts, identity, keys, overlaps, pass_headers,
    portal::{self, PortalSection},
    presentation::{self, AppPresentation},
    programs,
    quantity::show_duration,
    reader::{Field, Reader, Section},
    rules::{self, PORTAL},
    server::Listening,
    shield,
    source::Span,
    tls::TlsSection,
    upstream_auth,
    upstreams::Upstreams,
};
use crate::{
    access::{App, AppId, Mount, Policy, PolicyBuilder},
    auth::programs::ProgramSettings,
    client_certificate::CertificateUse,
    forward::{self, Endpoint, HostHeader, KeepsData, UpstreamProof},
    request::Authority,
    session::{AppSessionLimits, SessionLimits},
    shield::{Shield, Workers},
};

/// All apps.
#[derive(Debug)]
pub(super) struct Apps {
    pub(super) policy: Policy,
    pub(super) declarations: Vec<AppDeclaration>,
}

/// `[[app]]`, apart from its rules.
#[derive(Clone, Debug)]
pub struct AppDeclaration {
    /// Forwarding.
    pub forward: forward::App,
    /// `[app.session]`.
    pub session: AppSessionLimits,
    /// `[app.shield]`.
    pub shield: Shield,
    /// `programs` and `authorization`.
    pub programs: ProgramSettings,
    /// How it is shown on the start page of the portal host.
    pub presentation: AppPresentation,
    /// `preflight`.
    pub preflights: AllPreflights,
    /// `client_certificate`.
    pub certificates: CertificateUse,
    /// `assertion`, `sign_out` and `sign_out_notice`.
    pub sign_ins: AppSignIns,
    /// `keep_forms`: whether a form that comes without a live session is kept until its sender has signed in. Default yes.
    pub keeps_forms: bool,
}

/// Whether CORS preflights of every origin reach an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllPreflights {
    /// Preflights of `trusted_origins` alone; the default.
    #[default]
    Refused,
    /// All of them.
    Allowed,
}

/// Reads all apps.
pub(super) fn read(
    reader: &Reader,
    top: &Section<'_>,
    folder: &Path,
    groups: &Groups,
    limits: &SessionLimits,
    surroundings: (&Listening, &Covered, &PortalSection, &TlsSection, &AssertionSection),
) -> Apps {
    let (listening, covered, portal, tls, assertion_section) = surroundings;
    let sections = reader.tables(top.field("app"), &keys::APP);
    let empty = |field: Field<'_>| field.value.get_ref().as_array().is_some_and(|list| list.is_empty());
    if top.lacks("app") || top.field("app").is_some_and(empty) {
        reader.report_absence(
            reader
                .error(&(0..0), "there is no app")
                .help("add one: `[[app]]` and, below it, `upstream = \"http://127.0.0.1:8080\"`"),
        );
    }
    let mut names = AppNames::read(reader, &sections);
    let (upstreams, mut builder) = (Upstreams::of(listening), PolicyBuilder::default());
    let (mut declared, mut declarations, mut passing) = (Vec::new(), Vec::new(), Vec::new());
    for (index, section) in sections.iter().enumerate() {
        let hosts = hosts_of(reader, section.field("host"));
        covered.warn_of_others(reader, &hosts);
        if portal.host.is_some() && section.field("host").is_none() {
            portal::require_hosts(reader, &section.span);
        }
        let path = section.field("path");
        let mount = mount(reader, path.as_ref());
        let name = names.of(index, &hosts, mount.as_ref());
        let authorities = tls.clients.authorities.as_ref();
        let certificates = client_certificates::read_app(reader, section, authorities, &listening.server);
        let auth = upstream_auth::read(reader, section.field("upstream_auth"), folder);
        let servers = upstreams.read(reader, section, folder, auth.certificate.as_ref());
        let mut forward = forwarded_app(reader, section, &name, servers);
        forward.proof = proof_beside(reader, section, &forward, auth.proof);
        forward.sends_certificate = certificates.sends_header;
        let host = hosts.first().map(|(host, _)| &**host);
        let origin = assertion::origin_of(assertion_section, portal.host.as_deref(), host, &listening.server);
        let sign_ins = assertion::read_app(reader, section, &name, &forward, origin);
        if let Some(settings) = sign_ins.settings.as_ref().filter(|_| sign_ins.is_sent) {
            forward.assertion_headers = settings.header_names();
        }
        let session = app_limits(reader, section.field("session"), limits);
        let workers = workers(reader, section, mount.as_ref());
        let shield = shield::read(reader, section.field("shield"), workers);
        let presentation = presentation::read(reader, section);
        let preflights = preflights(reader, section.field("preflight"));
        let programs = programs::read(reader, section);
        let certificates = certificates.used;
        declarations.push(AppDeclaration {
            forward,
            session,
            shield,
            programs,
            presentation,
            preflights,
            certificates,
            sign_ins,
            keeps_forms: reader.boolean(section.field("keep_forms"), true),
        });
        let rules = rules::read(reader, section.field("rule"), mount.as_ref(), groups);
        let names_methods = rules.iter().any(|rule| rule.methods.is_some());
        passing.push((pass_headers::read(reader, section.field("pass_headers").as_ref()), names_methods));
        let canonical = hosts.iter().map(|(host, _)| host.clone()).collect();
        let place = reader.place(&section.span);
        // An app with an invalid path has no overlaps. Nor has one whose hosts are all invalid: it would seem to serve every
        // host.
        let has_hosts = !hosts.is_empty() || section.field("host").is_none();
        if let Some(mount) = mount {
            let (app, conflicts) = App::compile(AppId(index), &name, canonical, mount, place, rules);
            overlaps::report_conflicts(reader, &conflicts);
            if has_hosts {
                builder.add(app);
            }
        }
        declared.push(overlaps::Declared {
            span: section.span.clone(),
            hosts,
            path: path.map(|path| path.value.span()),
        });
    }
    for (passes, names_methods) in &passing {
        pass_headers::check(reader, passes, *names_methods, &declarations.iter().map(|app| &app.forward));
    }
    for (app, (passes, _)) in declarations.iter_mut().zip(passing) {
        app.forward.pass_headers = passes.into_iter().map(|(name, _)| name).collect();
    }
    if let Some(host) = &portal.host {
        builder.serve(host);
    }
    report_shared_audiences(reader, &declarations, &sections);
    overlaps::report_shadowed(reader, &builder);
    let (policy, duplicates) = builder.build();
    overlaps::report_duplicates(reader, &duplicates, &declared);
    Apps { policy, declarations }
}

/// `[app.session]`: shorter limits than those of `[session]`.
fn app_limits(reader: &Reader, field: Option<Field<'_>>, limits: &SessionLimits) -> AppSessionLimits {
    let Some(section) = reader.table(field, &keys::APP_SESSION) else { return AppSessionLimits::default() };
    let shorter = |name: &str, of_all: Duration| {
        let field = section.field(name)?;
        let span = field.value.span();
        let own = reader.duration(Some(field), of_all);
        if own > of_all {
            let message = format!("this `{name}` is longer than that of `[session]`");
            let help = format!(
                "an app can only shorten it: write at most `\"{}\"`, or lengthen it for all in `[session]`",
                show_duration(of_all)
            );
            reader.report(reader.error(&span, message).help(help));
        }
        Some(own)
    };
    AppSessionLimits {
        lifetime: shorter("lifetime", limits.lifetime),
        idle_timeout: shorter("idle_timeout", limits.idle_timeout),
    }
}

fn hosts_of(reader: &Reader, field: Option<Field<'_>>) -> Vec<(Box<str>, Span)> {
    let Some(field) = field else { return Vec::new() };
    if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        let error = reader.error(&field.value.span(), "this app serves no host");
        reader.report(error.help("leave `host` out to serve every host"));
    }
    let mut hosts: Vec<(Box<str>, Span)> = Vec::new();
    for text in reader.texts(&field) {
        let Some(host) = hosts::host(reader, &text) else { continue };
        if let Some((_, first)) = hosts.iter().find(|(other, _)| *other == host) {
            reader.report(
                reader
                    .error(&text.span, format!("host \"{host}\" is listed twice"))
                    .label("again here")
                    .also(first.clone(), "first given here")
                    .help("keep one of them"),
            );
            continue;
        }
        hosts.push((host, text.span));
    }
    hosts
}

fn mount(reader: &Reader, field: Option<&Field<'_>>) -> Option<Mount> {
    let Some(field) = field else {
        return Some(Mount::parse("/").expect("the root is a path"));
    };
    let text = reader.text(field)?;
    match Mount::parse(text.content) {
        Ok(mount) if mount.as_str() == PORTAL || mount.as_str().starts_with("/.gateway/") => {
            reader.report(
                reader
                    .error(&text.span, format!("no app can begin at \"{}\"", excerpt(text.content)))
                    .label("these pages are the gateway's own")
                    .help("choose another path"),
            );
            None
        }
        Ok(mount) => Some(mount),
        Err(wrong) => {
            rules::report_pattern(reader, &text, &wrong);
            None
        }
    }
}

fn forwarded_app(
    reader: &Reader,
    section: &Section<'_>,
    name: &str,
    upstreams: Vec<Arc<Endpoint>>,
) -> forward::App {
    forward::App {
        name: name.into(),
        upstreams,
        proof: None,
        assertion_headers: Vec::new(),
        identity: identity::headers(reader, section.field("identity")),
        host_header: host_header(reader, section.field("host_header")),
        rewrite_location: reader.boolean(section.field("rewrite_location"), true),
        connect_timeout: reader.duration(section.field("connect_timeout"), Duration::from_secs(5)),
        timeout: reader.duration(section.field("timeout"), Duration::from_secs(75)),
        body_silence: reader.duration(section.field("body_silence"), Duration::from_mins(5)),
        max_body: section.field("max_body").map(|field| reader.size(Some(field), 0..=u64::MAX >> 1, 1 << 30)),
        max_requests: usize::try_from(reader.integer(
            section.field("max_requests"),
            1..=10_000_000,
            forward::MAX_REQUESTS as u64,
        ))
        .unwrap_or(forward::MAX_REQUESTS),
        collect_bodies: collect_bodies(reader, section.field("collect_bodies")),
        underscore_headers: reader.boolean(section.field("underscore_headers"), false),
        reuse_after_body: reader.boolean(section.field("reuse_after_body"), false),
        pass_headers: Vec::new(),
        session_data: session_data(reader, section),
        sends_certificate: false,
    }
}

/// The proof, if no identity header has its name: the app would receive two values under one name.
fn proof_beside(
    reader: &Reader,
    section: &Section<'_>,
    forward: &forward::App,
    proof: Option<UpstreamProof>,
) -> Option<UpstreamProof> {
    let proof = proof?;
    if forward.identity.names().any(|name| name == proof.name())
        && let Some(field) = section.field("upstream_auth")
    {
        let message = format!("`{}` is an identity header of this app already", proof.name());
        reader
            .report(reader.error(&field.value.span(), message).help("choose another header for the secret"));
    }
    Some(proof)
}

/// Reports two apps with one audience: each could use the assertion that was sent to it for the other.
fn report_shared_audiences(reader: &Reader, declarations: &[AppDeclaration], sections: &[Section<'_>]) {
    let audience =
        |app: &AppDeclaration| app.sign_ins.settings.as_ref().map(|settings| settings.audience.clone());
    for (index, (app, section)) in declarations.iter().zip(sections).enumerate() {
        let Some(own) = audience(app) else { continue };
        if declarations.iter().take(index).any(|other| audience(other).as_ref() == Some(&own)) {
            let message = format!("the audience \"{own}\" is that of another app");
            let help = "each app needs an audience of its own: an app could use an assertion that was sent to it for the other";
            reader.report(reader.error(&section.span, message).help(help));
        }
    }
}

fn workers(reader: &Reader, section: &Section<'_>, mount: Option<&Mount>) -> Workers {
    match mount {
        Some(mount) if reader.boolean(section.field("service_workers"), false) => {
            Workers::within(mount.as_str())
        }
        _ => Workers::Refused,
    }
}

fn preflights(reader: &Reader, field: Option<Field<'_>>) -> AllPreflights {
    match field.and_then(|field| reader.choice(&field, &["trusted", "allow"])) {
        Some("allow") => AllPreflights::Allowed,
        _ => AllPreflights::Refused,
    }
}

/// `"0B"` turns it off.
fn collect_bodies(reader: &Reader, field: Option<Field<'_>>) -> Option<u64> {
    Some(reader.size(field, 0..=MAX_COLLECTED, 0)).filter(|most| *most > 0)
}

fn session_data(reader: &Reader, section: &Section<'_>) -> KeepsData {
    let anonymous = section.field("anonymous_sessions");
    let keeps = reader.boolean(section.field("session_data"), false);
    let for_visitors = reader.boolean(anonymous.clone(), false);
    match (keeps, for_visitors, anonymous) {
        (false, false, _) => KeepsData::ForNobody,
        (true, false, _) => KeepsData::ForUsers,
        (true, true, _) => KeepsData::ForEverybody,
        (false, true, anonymous) => {
            let span = anonymous.map_or(section.span.clone(), |field| field.value.span());
            let error =
                reader.error(&span, "`anonymous_sessions` keeps data for visitors, but the app keeps none");
            reader.report(error.help("add `session_data = true`"));
            KeepsData::ForNobody
        }
    }
}

fn host_header(reader: &Reader, field: Option<Field<'_>>) -> HostHeader {
    let Some(text) = field.and_then(|field| reader.text(&field)) else { return HostHeader::Original };
    match text.content {
        "original" => return HostHeader::Original,
        "upstream" => return HostHeader::Upstream,
        _ => {}
    }
    let fixed = Authority::parse(text.content.as_bytes()).ok();
    if let Some(value) = fixed.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        return HostHeader::Fixed(value);
    }
    let message = format!("`host_header` cannot be \"{}\"", excerpt(text.content));
    let help =
        "write \"original\", \"upstream\", or a host with or without a port, such as \"app.internal:8080\"";
    reader.report(reader.error(&text.span, message).help(help));
    HostHeader::Original
}

/// A collected request takes this much memory at most.
const MAX_COLLECTED: u64 = 1 << 20;
