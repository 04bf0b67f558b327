//! `[[app.rule]]`: path, methods, and the requirement.

use std::time::Duration;

use http::Method;
use toml::de::DeValue;

use super::{
    excerpt::excerpt,
    groups::Groups,
    keys, networks,
    reader::{Field, Reader, Section, Text},
    source::Span,
    suggest,
};
use crate::{
    access::{
        Assurance, Criteria, Enforcement, Mount, Pattern, PatternError, RequiredFactors, Requirement, Rule,
    },
    identity::{ProofMethod, ProofMethods, UserName},
};

/// Reads the rules of one app.
pub(super) fn read(
    reader: &Reader,
    field: Option<Field<'_>>,
    mount: Option<&Mount>,
    groups: &Groups,
) -> Vec<Rule> {
    let sections = reader.tables(field, &keys::RULE);
    sections.iter().filter_map(|section| rule(reader, section, mount, groups)).collect()
}

/// The folder of the gateway's own pages, on every host.
pub(super) const PORTAL: &str = "/.gateway";

fn rule(reader: &Reader, section: &Section<'_>, mount: Option<&Mount>, groups: &Groups) -> Option<Rule> {
    let path = path(reader, section, mount);
    let methods = methods(reader, section.field("methods"));
    let allowed = section.field("allow");
    if section.lacks("allow") {
        let error = reader.error(&section.span, "this rule does not say who is allowed");
        reader.report_absence(error.help(format!("add `allow`: {ALLOW_HELP}")));
    }
    let requirement = allowed.and_then(|field| allow(reader, &field, groups));
    let max_age = max_age(reader, section.field("max_age"), requirement.as_ref());
    let factors = factors(reader, section.field("factors"), requirement.as_ref());
    let is_misread = section.field("factors").is_some() && factors.is_none();
    let assurance = Assurance { factors, max_age };
    let enforcement = enforcement(reader, section.field("enforce"), requirement.as_ref());
    let (pattern, span) = path?;
    let place = reader.place(&span);
    // The mistake was reported; a rule that asks for less must not take its place.
    if is_misread {
        return None;
    }
    Some(Rule { pattern, methods: methods.ok()?, requirement: requirement?, assurance, enforcement, place })
}

fn enforcement(reader: &Reader, field: Option<Field<'_>>, requirement: Option<&Requirement>) -> Enforcement {
    let Some(field) = field else { return Enforcement::Enforced };
    if reader.boolean(Some(field.clone()), true) {
        return Enforcement::Enforced;
    }
    let warning = if requirement == Some(&Requirement::Anyone) {
        let warning = reader.warning(&field.value.span(), "this rule does nothing");
        warning
            .label("a rule that is not enforced opens nothing, and a rule for everyone refuses nobody")
            .help("remove `enforce`, or the rule")
    } else {
        let warning = reader.warning(&field.value.span(), "this rule is not enforced: it refuses nobody");
        warning
            .label("its refusals are only logged, in the access log")
            .help("another rule for the same paths decides in its place; where there is none, everyone passes, signed in or not")
    };
    reader.report(warning);
    Enforcement::Reported
}

fn max_age(reader: &Reader, field: Option<Field<'_>>, requirement: Option<&Requirement>) -> Option<Duration> {
    let field = field?;
    let useless = match requirement {
        Some(Requirement::Anyone) => Some("`max_age` asks for a recent sign-in, and `allow` for none"),
        Some(Requirement::Nobody) => Some("`max_age` means nothing where nobody may"),
        _ => None,
    };
    if let Some(message) = useless {
        let help = "remove `max_age`, or write `allow = \"authenticated\"`";
        reader.report(reader.error(&field.value.span(), message).help(help));
    }
    // An invalid duration was reported; the file is not used then.
    Some(reader.duration(Some(field), Duration::from_mins(10)))
}

/// `2`, or a list of the methods that count.
fn factors(
    reader: &Reader,
    field: Option<Field<'_>>,
    requirement: Option<&Requirement>,
) -> Option<RequiredFactors> {
    let field = field?;
    let useless = match requirement {
        Some(Requirement::Anyone) => Some("`factors` asks for a sign-in, and `allow` for none"),
        Some(Requirement::Nobody) => Some("`factors` means nothing where nobody may"),
        _ => None,
    };
    if let Some(message) = useless {
        let help = "remove `factors`, or write `allow = \"authenticated\"`";
        reader.report(reader.error(&field.value.span(), message).help(help));
        return None;
    }
    let help = format!(
        "write `factors = 2`, or those of which one counts, such as `[\"totp\", \"passkey\"]`: {}",
        suggest::listed_or(&METHODS)
    );
    match field.value.get_ref() {
        DeValue::Integer(number) if number.as_str() == "2" => return Some(RequiredFactors::Two),
        DeValue::Array(list) if !list.is_empty() => {}
        DeValue::Integer(_) => {
            let message =
                "`factors` can be 2: something that the person knows, and something that the person has";
            reader.report(reader.error(&field.value.span(), message).help(help));
            return None;
        }
        _ => {
            reader.wrong_type(&field, "2 or a list of factors", Some(help));
            return None;
        }
    }
    let texts = reader.texts(&field);
    let mut methods = Vec::new();
    for text in &texts {
        let known = ProofMethod::parse(text.content).filter(|method| METHODS.contains(&method.as_str()));
        if let Some(method) = known {
            methods.push(method);
        } else {
            let message = format!("there is no factor \"{}\"", excerpt(text.content));
            let meant = suggest::similar(text.content, METHODS);
            let help = meant.map_or_else(|| help.clone(), |meant| format!("did you mean \"{meant}\"?"));
            reader.report(reader.error(&text.span, message).help(help));
            return None;
        }
    }
    let is_whole = field.value.get_ref().as_array().is_some_and(|list| list.len() == methods.len());
    is_whole.then(|| RequiredFactors::AnyOf(ProofMethods::of(methods)))
}

fn path(reader: &Reader, section: &Section<'_>, mount: Option<&Mount>) -> Option<(Pattern, Span)> {
    let Some(field) = section.field("path") else {
        if section.lacks("path") {
            let error = reader.error(&section.span, "this rule has no `path`");
            let help = "say what it covers: `path = \"/admin/**\"`, or `\"/**\"` for everything";
            reader.report_absence(error.help(help));
        }
        return None;
    };
    let text = reader.text(&field)?;
    let pattern = match Pattern::parse(text.content) {
        Ok(pattern) => pattern,
        Err(wrong) => {
            report_pattern(reader, &text, &wrong);
            return None;
        }
    };
    if text.content == PORTAL || text.content.starts_with("/.gateway/") {
        reader.report(
            reader
                .warning(&text.span, "nothing can reach this rule")
                .label("these pages are the gateway's own")
                .help("remove it; the sign-in pages are open to everyone, and guard themselves"),
        );
    } else if let Some(mount) = mount.filter(|mount| !mount.is_reached_by(&pattern)) {
        reader.report(
            reader
                .warning(&text.span, "nothing can reach this rule")
                .label(format!("outside the app, which begins at `{mount}`"))
                .help(format!("a rule's path starts at the host's root: `{mount}{pattern}`")),
        );
    }
    Some((pattern, text.span))
}

/// Reports the problem of a pattern, at its part of the text.
pub(super) fn report_pattern(reader: &Reader, text: &Text<'_>, wrong: &PatternError) {
    let help = match wrong.help {
        _ if !text.content.starts_with('/') && !text.content.contains("://") && !text.content.is_empty() => {
            format!("write \"/{}\"", excerpt(text.content))
        }
        help => help.to_owned(),
    };
    reader.report(reader.error(&text.part(&wrong.span), wrong.problem).help(help));
}

/// `Ok(None)`: every method. `Err`: reported.
fn methods(reader: &Reader, field: Option<Field<'_>>) -> Result<Option<Box<[Method]>>, ()> {
    let Some(field) = field else { return Ok(None) };
    let mut methods: Vec<(Method, Span)> = Vec::new();
    for text in reader.texts(&field) {
        let Some(method) = method(reader, &text) else { continue };
        if let Some((_, first)) = methods.iter().find(|(other, _)| *other == method) {
            reader.report(
                reader
                    .error(&text.span, format!("`{method}` is listed twice"))
                    .label("again here")
                    .also(first.clone(), "first given here")
                    .help("keep one of them"),
            );
            continue;
        }
        methods.push((method, text.span));
    }
    if field.value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        let error = reader.error(&field.value.span(), "this rule covers no method");
        reader.report(error.help("leave `methods` out to cover every method"));
    }
    if methods.is_empty() {
        Err(())
    } else {
        Ok(Some(methods.into_iter().map(|(method, _)| method).collect()))
    }
}

fn method(reader: &Reader, text: &Text<'_>) -> Option<Method> {
    let report = |help: String| {
        let message = format!("\"{}\" is no method", excerpt(text.content));
        reader.report(reader.error(&text.span, message).help(help));
        None
    };
    let upper = text.content.to_uppercase();
    if matches!(upper.as_str(), "*" | "ALL" | "ANY") {
        return report("leave `methods` out to cover every method".to_owned());
    }
    if KNOWN.contains(&upper.as_str()) && upper != text.content {
        return report(format!("methods are in capitals: \"{upper}\""));
    }
    let Ok(method) = Method::from_bytes(text.content.as_bytes()) else {
        return report(format!("the usual ones are {}", suggest::listed(&KNOWN)));
    };
    if method == Method::CONNECT {
        let warning = reader.warning(&text.span, "nothing can reach this method");
        reader.report(warning.help("CONNECT is refused before the rules are asked; remove it"));
    } else if !KNOWN.contains(&text.content)
        && !WEBDAV.contains(&text.content)
        && let Some(meant) = suggest::similar(text.content, KNOWN)
    {
        let warning =
            reader.warning(&text.span, format!("\"{}\" is an unusual method", excerpt(text.content)));
        reader.report(warning.help(format!("did you mean \"{meant}\"?")));
    }
    Some(method)
}

fn allow(reader: &Reader, field: &Field<'_>, groups: &Groups) -> Option<Requirement> {
    match field.value.get_ref() {
        DeValue::String(_) => word(reader, &reader.text(field)?, groups),
        DeValue::Table(table) => {
            let section = reader.section(table, field.value.span(), &keys::ALLOW);
            criteria(reader, &section, groups).map(Requirement::Matching)
        }
        _ => {
            reader.wrong_type(field, "a word or a table", Some(format!("write {ALLOW_HELP}")));
            None
        }
    }
}

fn word(reader: &Reader, text: &Text<'_>, groups: &Groups) -> Option<Requirement> {
    match text.content {
        "anyone" => return Some(Requirement::Anyone),
        "authenticated" => return Some(Requirement::Authenticated),
        "nobody" => return Some(Requirement::Nobody),
        _ => {}
    }
    let help = if groups.has(text.content) {
        format!("for the group of that name: `allow = {{ group = \"{}\" }}`", text.content)
    } else if let Some(meant) = suggest::similar(text.content, ["anyone", "authenticated", "nobody"]) {
        format!("did you mean \"{meant}\"?")
    } else if let Some((_, ours)) = WORDS.iter().find(|(theirs, _)| *theirs == text.content) {
        format!("did you mean \"{ours}\"?")
    } else {
        format!("write {ALLOW_HELP}")
    };
    let message = format!("`allow` cannot be \"{}\"", excerpt(text.content));
    reader.report(reader.error(&text.span, message).help(help));
    None
}

fn criteria(reader: &Reader, section: &Section<'_>, groups: &Groups) -> Option<Criteria> {
    if section.fields().next().is_none() {
        let error = reader.error(&section.span, "this table requires nothing");
        reader
            .report(error.help("write \"authenticated\" for every signed-in user, \"anyone\" for everyone"));
        return None;
    }
    // A key that cannot be read must not leave a rule with a weaker requirement.
    let mut whole = section.fields().all(|field| keys::ALLOW.keys.contains(&field.name));
    let mut list = |name: &str| {
        let Some(field) = section.field(name) else { return Vec::new() };
        let texts = reader.texts(&field);
        match field.value.get_ref() {
            DeValue::Array(array) if array.is_empty() => {
                let error = reader.error(&field.value.span(), format!("the list of `{name}` is empty"));
                reader.report(error.help(
                    "any one of a list suffices, and here there is none: write \"nobody\" if nobody may",
                ));
                whole = false;
            }
            DeValue::Array(array) => whole &= array.len() == texts.len(),
            _ => whole &= !texts.is_empty(),
        }
        texts
    };
    let (users, wanted, permissions, networks) =
        (list("user"), list("group"), list("permission"), list("network"));
    let count = users.len() + wanted.len() + permissions.len() + networks.len();
    let criteria = Criteria {
        users: users.iter().filter_map(|text| user(reader, text)).collect(),
        groups: wanted.iter().filter_map(|text| groups.defined(reader, text)).collect(),
        permissions: permissions.iter().filter_map(|text| groups.granted(reader, text)).collect(),
        networks: networks.iter().filter_map(|text| networks::network(reader, text)).collect(),
    };
    let read =
        criteria.users.len() + criteria.groups.len() + criteria.permissions.len() + criteria.networks.len();
    (whole && read == count).then_some(criteria)
}

fn user(reader: &Reader, text: &Text<'_>) -> Option<UserName> {
    match UserName::parse(text.content) {
        Ok(name) => Some(name),
        Err(wrong) => {
            let message = format!("\"{}\" is no name of a user", excerpt(text.content));
            reader.report(reader.error(&text.span, message).label(wrong.to_string()));
            None
        }
    }
}

/// The methods that a rule can ask for. A token is sent by programs, which nobody can ask.
const METHODS: [&str; 8] = [
    "password",
    "provider",
    "provider-second-factor",
    "totp",
    "recovery-code",
    "passkey",
    "security-key",
    "certificate",
];
const ALLOW_HELP: &str =
    "\"anyone\", \"authenticated\", \"nobody\", or a table such as `{ group = \"staff\" }`";
/// Words of other programs, each with the word of this one.
const WORDS: [(&str, &str); 11] = [
    ("public", "anyone"),
    ("everyone", "anyone"),
    ("all", "anyone"),
    ("any", "anyone"),
    ("*", "anyone"),
    ("bypass", "anyone"),
    ("users", "authenticated"),
    ("user", "authenticated"),
    ("login", "authenticated"),
    ("deny", "nobody"),
    ("none", "nobody"),
];
const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
const WEBDAV: [&str; 12] = [
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MKCALENDAR",
    "ACL",
    "PURGE",
];
