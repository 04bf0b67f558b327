//! `[accounts.passkeys]`: the name that passkeys are bound to, and whether a passkey alone signs in.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use super::{
    diagnostic::{Diagnostic, Severity},
    error::system_error,
    excerpt::excerpt,
    hosts,
    portal::PortalSection,
    reader::{Field, Reader, Section},
    source::{Source, Span},
};
use crate::{
    access::Policy,
    auth::webauthn::is_at_or_below,
    portal::{AuthenticatorNames, AuthenticatorNamesProblem, PasskeySettings, SecondFactorPolicy},
};

/// Reads the section. `None`: there are no passkeys, because the operator wants none, or because a host on which people
/// sign in can have none and the file says nothing of them.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    policy: SecondFactorPolicy,
    (portal, apps): (&PortalSection, &Policy),
    folder: &Path,
) -> Option<PasskeySettings> {
    let field = |name| section.and_then(|section| section.field(name));
    if !reader.boolean(field("enabled"), true) {
        return None;
    }
    if let (Some(section), SecondFactorPolicy::Off) = (section, policy) {
        let message =
            "`[accounts.passkeys]` sets up passkeys, and `second_factor = \"off\"` lets nobody add one";
        let help = "write `second_factor = \"optional\"`, or leave this section out";
        reader.report(reader.error(&section.span, message).help(help));
        return None;
    }
    if policy == SecondFactorPolicy::Off {
        return None;
    }
    let asked = section.map(|section| &section.span);
    let hosts = sign_in_hosts(reader, asked, (portal, apps))?;
    let (rp_id, span) = match field("rp_id") {
        Some(field) => {
            let text = reader.text(&field)?;
            (hosts::host(reader, &text)?, text.span)
        }
        None => match (&portal.host, asked) {
            (Some(host), span) => (host.clone(), span.cloned().unwrap_or_default()),
            (None, Some(span)) => {
                let error = reader.error(span, "passkeys are bound to one name, and this gateway has none");
                reader.report(error.help(
                    "add `rp_id = \"example.com\"`, a name that all hosts of the apps are below, or name a portal \
                     host with `[portal]`",
                ));
                return None;
            }
            (None, None) => return None,
        },
    };
    if is_address(&rp_id) {
        if section.is_some() {
            let error = reader.error(&span, format!("passkeys cannot be bound to the address `{rp_id}`"));
            reader.report(error.help("give the gateway a name: browsers make passkeys for names alone"));
        }
        return None;
    }
    let related_hosts = related_hosts(reader, section, &hosts, &rp_id);
    for host in &hosts {
        if is_at_or_below(host, &rp_id) || related_hosts.contains(host) {
            continue;
        }
        let message =
            format!("people sign in on `{}`, and `{}` is no parent of it", excerpt(host), excerpt(&rp_id));
        reader.report(
            reader.error(&span, message).label("passkeys would not work there").help(
                "write a name that all these hosts are at or below, or list the host in `related_hosts`",
            ),
        );
        return None;
    }
    if !rp_id.contains('.') && hosts.iter().any(|host| *host != rp_id) {
        let message = format!("browsers make no passkeys for `{}` as a whole", excerpt(&rp_id));
        reader.report(
            reader.error(&span, message).help("write a name with a dot in it, such as `example.com`"),
        );
        return None;
    }
    let first_factor = reader.boolean(field("first_factor"), false);
    let authenticators = field("authenticators").and_then(|field| authenticators(reader, &field, folder));
    let authenticators = authenticators.unwrap_or_default();
    Some(PasskeySettings { rp_id, hosts, related_hosts, first_factor, authenticators })
}

/// The names of authenticators in a file. A mistake in it is reported at its place there.
fn authenticators(reader: &Reader, field: &Field<'_>, folder: &Path) -> Option<AuthenticatorNames> {
    let path = reader.path(field, folder)?;
    let refuse = |problem: String, help: &str| {
        let message = format!("cannot read {}: {problem}", path.display());
        reader.report(reader.error(&field.value.span(), message).help(help));
        None
    };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MOST_NAMES_BYTES + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return refuse(system_error(&error), "name a file that the gateway's user can read");
    }
    if bytes.len() as u64 > MOST_NAMES_BYTES {
        return refuse("it is larger than 8 MiB".to_owned(), "leave out what is not a name");
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return refuse("it is not UTF-8 text".to_owned(), "save the file in the encoding UTF-8");
    };
    match AuthenticatorNames::parse(&text) {
        Ok(names) => Some(names),
        Err(AuthenticatorNamesProblem { at, message }) => {
            let source = Arc::new(Source::new(&text, &path));
            let help = "write a JSON object: `{\"bada5566-a7aa-401f-bd96-45619a55120d\": {\"name\": \"1Password\"}}`";
            reader.report(Diagnostic::new(&source, Severity::Error, at..at, message).help(help));
            None
        }
    }
}

/// The hosts on which people sign in; `None` if one of them can have no passkeys. That is reported if the file asks for
/// passkeys.
fn sign_in_hosts(
    reader: &Reader,
    asked: Option<&Span>,
    (portal, apps): (&PortalSection, &Policy),
) -> Option<Vec<Box<str>>> {
    let hosts = if let Some(host) = &portal.host {
        vec![host.clone()]
    } else {
        if apps.apps().iter().any(|app| app.hosts.is_empty()) {
            if let Some(span) = asked {
                let error = reader.error(span, "passkeys need names, and an app serves every host");
                reader.report(error.help("give each app its `host`, or name a portal host with `[portal]`"));
            }
            return None;
        }
        let mut hosts: Vec<Box<str>> = apps.apps().iter().flat_map(|app| &app.hosts).cloned().collect();
        hosts.sort();
        hosts.dedup();
        hosts
    };
    if let (Some(address), Some(span)) = (hosts.iter().find(|host| is_address(host)), asked) {
        let message =
            format!("people sign in at the address `{}`, which can have no passkeys", excerpt(address));
        reader.report(reader.error(span, message).help("browsers make passkeys for names alone"));
    }
    let has_names = !hosts.is_empty() && !hosts.iter().any(|host| is_address(host));
    has_names.then_some(hosts)
}

/// The hosts of other domains that use the same passkeys.
fn related_hosts(
    reader: &Reader,
    section: Option<&Section<'_>>,
    hosts: &[Box<str>],
    rp_id: &str,
) -> Vec<Box<str>> {
    let field = section.and_then(|section| section.field("related_hosts"));
    let texts = field.as_ref().map(|field| reader.texts(field)).unwrap_or_default();
    let mut related: Vec<Box<str>> = Vec::new();
    for text in &texts {
        let Some(host) = hosts::host(reader, text) else { continue };
        let (problem, help) = if !hosts.contains(&host) {
            (format!("nobody signs in on `{}`", excerpt(&host)), "list hosts of apps, or leave it out")
        } else if is_at_or_below(&host, rp_id) {
            (format!("`{}` is at or below `{}` anyway", excerpt(&host), excerpt(rp_id)), "leave it out")
        } else if related.len() == MOST_RELATED {
            (
                format!("these are more than {MOST_RELATED} related hosts"),
                "browsers look at the first few only: name a portal host with `[portal]` instead",
            )
        } else {
            related.push(host);
            continue;
        };
        reader.report(reader.error(&text.span, problem).help(help));
    }
    related
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Browsers take five domains at least (WebAuthn Level 3 §5.11.1).
const MOST_RELATED: usize = 4;
/// Several times the public list with all of its icons.
const MOST_NAMES_BYTES: u64 = 8 << 20;
