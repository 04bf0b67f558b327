//! The printing of `portcullis explain`: a [`Report`] as text for people.

use std::io::{self, Write};

use super::report::{Report, ReportedApp, ReportedRule, Verdict};
use crate::identity::BackendName;

/// Writes one fact a line.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |what: &str, text: &str| writeln!(out, "{what:10}{text}");
    line("request", &format!("{} {} from {}", report.method, report.url, report.from))?;
    line("as", &requester(report))?;
    // Where all groups were given here, the line above says it all.
    let is_brought =
        report.group_sources.iter().any(|source| source.from.iter().any(|from| !from.is_local()));
    let sources = if is_brought { report.group_sources.as_slice() } else { &[] };
    for (index, source) in sources.iter().enumerate() {
        let what = if index == 0 { "groups" } else { "" };
        let from: Vec<String> = source.from.iter().map(origin).collect();
        line(what, &format!("{} {}", source.group, from.join(" and ")))?;
    }
    for note in &report.notes {
        line("note", note)?;
    }
    if let Some(path) = &report.path {
        line("path", path)?;
    }
    for (index, reading) in report.readings.iter().enumerate() {
        let what = if index == 0 { "also read" } else { "" };
        line(what, &format!("{}: app {}, {}", reading.path, reading.app, rule(&reading.rule)))?;
    }
    if let Some(app) = &report.app {
        line("app", &format!("{} ({}), at {}", app.name, app.place, app.path))?;
    }
    if let Some(decisive) = &report.rule {
        line("rule", &rule(decisive))?;
    }
    line("decision", &verdict(report.decision, report.app.as_ref()))?;
    line("reason", &report.reason)?;
    if let Some(unenforced) = &report.not_enforced {
        let would = verdict(unenforced.decision, None);
        let (place, reason) = (&unenforced.place, unenforced.reason);
        line("but", &format!("a rule that is not enforced says {would} ({place}): {reason}"))?;
    }
    for (index, header) in report.headers.iter().enumerate() {
        let what = if index == 0 { "headers" } else { "" };
        line(what, &format!("{}: {}", header.name, header.value))?;
    }
    if report.decision == Verdict::Allow && report.headers.is_empty() {
        line("headers", "no identity headers")?;
    }
    Ok(())
}

fn requester(report: &Report) -> String {
    let mut words = report.user.as_ref().map_or_else(|| "nobody signed in".to_owned(), ToString::to_string);
    if report.superuser {
        words.push_str(", a superuser");
    }
    for (index, group) in report.groups.iter().enumerate() {
        words.push_str(if index == 0 { ", in " } else { " and " });
        words.push_str(group.as_str());
    }
    words
}

fn origin(backend: &BackendName) -> String {
    if backend.is_local() { "given here".to_owned() } else { format!("brought by {backend}") }
}

fn rule(rule: &ReportedRule) -> String {
    let place = rule.place.as_deref().unwrap_or("the default");
    format!("{} → {} ({place})", rule.covers, rule.requires)
}

fn verdict(verdict: Verdict, app: Option<&ReportedApp>) -> String {
    match verdict {
        Verdict::Allow => {
            let upstreams = app.map(|app| app.upstreams.join(" or ")).unwrap_or_default();
            format!("allow: forwarded to {upstreams}")
        }
        Verdict::ConfirmFirst => {
            "confirm first: a browser is sent to the page that asks for it, a program gets 401".to_owned()
        }
        Verdict::SignInFirst => {
            "sign in first: a browser is sent to the sign-in page, a program gets 401".to_owned()
        }
        Verdict::Forbidden => "forbidden: 403".to_owned(),
        Verdict::GatewayPage => "a page of the gateway itself".to_owned(),
        Verdict::NotFound => "not found: 404".to_owned(),
        Verdict::BadRequest => "bad request: 400".to_owned(),
        Verdict::UnknownHost => "unknown host: 421".to_owned(),
    }
}
