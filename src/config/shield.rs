//! `[app.shield]`: the protection of an app from other sites.

use http::{HeaderName, HeaderValue, header::REFERRER_POLICY};

use super::{
    excerpt::excerpt,
    keys,
    reader::{Field, Reader, Section},
};
use crate::shield::{
    CROSS_ORIGIN_OPENER_POLICY, Cookies, Mode, Origin, ResponseChanges, SameSite, Senders, Shield,
    USUAL_REFERRER_POLICY, Workers,
};

/// Reads the table; without it, every protection is on.
pub(super) fn read(reader: &Reader, field: Option<Field<'_>>, workers: Workers) -> Shield {
    Shield { workers, ..read_table(reader, field) }
}

fn read_table(reader: &Reader, field: Option<Field<'_>>) -> Shield {
    let Some(section) = reader.table(field, &keys::APP_SHIELD) else { return Shield::standard() };
    let choice = |name: &str, choices: &[&str]| {
        section.field(name).and_then(|field| reader.choice(&field, choices).map(str::to_owned))
    };
    let mode = choice("mode", &["enforce", "report", "off"]);
    let senders = senders(reader, &section, choice("cross_site", &["refuse", "allow"]).as_deref());
    let response_changes = response_changes(reader, &section, &choice);
    match mode.as_deref() {
        Some("off") => {
            warn_of_keys_without_effect(reader, &section);
            Shield::off()
        }
        Some("report") => {
            Shield { mode: Mode::Report, senders, response_changes: Some(response_changes), ..Shield::off() }
        }
        _ => {
            Shield { mode: Mode::Enforce, senders, response_changes: Some(response_changes), ..Shield::off() }
        }
    }
}

fn senders(reader: &Reader, section: &Section<'_>, cross_site: Option<&str>) -> Option<Senders> {
    let mut trusted = Vec::new();
    let origins = section.field("trusted_origins");
    for text in origins.iter().flat_map(|field| reader.texts(field)) {
        if let Some(origin) = Origin::parse(text.content) {
            trusted.push(origin);
            continue;
        }
        let whole = format!("https://{}", text.content);
        let help = match Origin::of_url(text.content).or_else(|| Origin::of_url(&whole)) {
            _ if text.content == "null" => {
                "remove it; every page that hides where it is from has this one".to_owned()
            }
            Some(origin) => format!("write \"{origin}\""),
            None => {
                "write scheme, host and port as the address bar shows them: \"https://portal.example.com\""
                    .to_owned()
            }
        };
        let message = format!("\"{}\" is no origin", excerpt(text.content));
        reader.report(reader.error(&text.span, message).help(help));
    }
    let require_origin = reader.boolean(section.field("require_origin"), false);
    if cross_site == Some("allow") {
        if let Some(origins) = origins.filter(|_| !trusted.is_empty()) {
            let warning = reader.warning(&origins.key, "`trusted_origins` has no effect here");
            reader.report(warning.label("`cross_site` lets every site in").help("remove one of the two"));
        }
        return None;
    }
    Some(Senders { trusted, require_origin })
}

fn response_changes(
    reader: &Reader,
    section: &Section<'_>,
    choice: &impl Fn(&str, &[&str]) -> Option<String>,
) -> ResponseChanges {
    let value = |name: &str, choices: &[&str], default: &'static str| {
        let chosen = choice(name, choices).unwrap_or_else(|| default.to_owned());
        (chosen != "off").then(|| HeaderValue::try_from(chosen).ok()).flatten()
    };
    let missing: [(HeaderName, _); 2] = [
        (REFERRER_POLICY, value("referrer_policy", &REFERRER_POLICIES, USUAL_REFERRER_POLICY)),
        (CROSS_ORIGIN_OPENER_POLICY, value("cross_origin_opener_policy", &OPENER_POLICIES, "same-origin")),
    ];
    ResponseChanges {
        missing: missing.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        sniffing: value("x_content_type_options", &["nosniff", "off"], "nosniff"),
        frames: value("x_frame_options", &["SAMEORIGIN", "DENY", "off"], "SAMEORIGIN"),
        caching: value("cache_control", &["private", "private, no-cache", "no-store", "off"], "private"),
        hides_software: choice("software_headers", &["remove", "keep"]).as_deref() != Some("keep"),
        cookies: Cookies {
            secure: reader.boolean(section.field("cookie_secure"), true),
            http_only: reader.boolean(section.field("cookie_http_only"), false),
            same_site: match choice("cookie_same_site", &["Lax", "Strict", "off"]).as_deref() {
                Some("Lax") => Some(SameSite::Lax),
                Some("Strict") => Some(SameSite::Strict),
                _ => None,
            },
        },
    }
}

/// Warns of keys beside `mode = "off"`, which have no effect.
fn warn_of_keys_without_effect(reader: &Reader, section: &Section<'_>) {
    let mut rest = section.fields().filter(|field| field.name != "mode");
    if let Some(field) = rest.find(|field| keys::APP_SHIELD.keys.contains(&field.name)) {
        let warning = reader.warning(&field.key, format!("`{}` has no effect here", field.name));
        reader.report(
            warning.label("the shield is off").help("remove it, or turn single parts off and not all"),
        );
    }
}

/// Referrer Policy §3.
const REFERRER_POLICIES: [&str; 9] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
    "off",
];
/// HTML §7.1.3.
const OPENER_POLICIES: [&str; 5] =
    ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none", "off"];
