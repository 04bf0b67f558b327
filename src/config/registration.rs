//! `[accounts]`: registration.

use super::{
    excerpt::excerpt,
    groups::Groups,
    mail::MailSection,
    reader::{Field, Reader, Section},
};
use crate::{
    identity::EmailKey,
    portal::{Registration, RegistrationMode},
};

/// Reads who registers, and what a new account is.
pub(super) fn read(
    reader: &Reader,
    section: &Section<'_>,
    groups: &Groups,
    mail: &MailSection,
) -> Registration {
    let field = section.field("registration");
    let mode = match field.as_ref().and_then(|field| reader.choice(field, &WORDS)) {
        Some("invitation") => RegistrationMode::Invitation,
        Some("approval") => RegistrationMode::Approval,
        Some("open") => RegistrationMode::Open,
        _ => RegistrationMode::Off,
    };
    if let Some(field) = field.as_ref().filter(|_| mode != RegistrationMode::Off && !mail.is_present) {
        let error = reader.error(&field.key, "people register by mail, and the gateway sends none");
        reader.report_absence(
            error.help(
                "add `[mail]`, or leave `registration` out and invite people by links that you pass on",
            ),
        );
    }
    for name in ["registration_domains", "registration_groups"] {
        warn_of_unused(
            reader,
            section.field(name),
            mode.makes_accounts(),
            "`registration = \"open\"` or \"approval\"",
        );
    }
    let approves = mode == RegistrationMode::Approval;
    warn_of_unused(reader, section.field("approvers"), approves, "`registration = \"approval\"`");
    if let Some(field) = field.filter(|_| approves && section.lacks("approvers")) {
        let warning = reader.warning(&field.key, "nobody is told of accounts that wait for approval");
        reader.report_absence(warning.help("name addresses, such as `approvers = [\"admin@example.com\"]`; `portcullis user list` shows who waits"));
    }
    let texts = |name| section.field(name).map(|field| reader.texts(&field)).unwrap_or_default();
    Registration {
        mode,
        domains: section
            .field("registration_domains")
            .map(|field| domains(reader, &field))
            .unwrap_or_default(),
        groups: texts("registration_groups").iter().filter_map(|text| groups.defined(reader, text)).collect(),
        approvers: section.field("approvers").map(|field| approvers(reader, &field)).unwrap_or_default(),
    }
}

fn domains(reader: &Reader, field: &Field<'_>) -> Vec<String> {
    let mut domains = Vec::new();
    for text in reader.texts(field) {
        let key = EmailKey::of(&format!("somebody@{}", text.content));
        let key = key.filter(|key| key.domain().contains('.') && !key.domain().starts_with('.'));
        if let Some(key) = key {
            domains.push(key.domain().to_owned());
        } else {
            let message = format!("\"{}\" is no domain of addresses", excerpt(text.content));
            let help = "write what stands after the `@`, such as \"example.com\"; subdomains are domains of their own";
            reader.report(reader.error(&text.span, message).help(help));
        }
    }
    domains
}

fn approvers(reader: &Reader, field: &Field<'_>) -> Vec<String> {
    let mut approvers = Vec::new();
    for text in reader.texts(field) {
        if EmailKey::of(text.content).is_some() {
            approvers.push(text.content.to_owned());
        } else {
            let message = format!("\"{}\" is no address", excerpt(text.content));
            reader.report(
                reader.error(&text.span, message).help("write an address, such as \"admin@example.com\""),
            );
        }
    }
    approvers
}

fn warn_of_unused(reader: &Reader, field: Option<Field<'_>>, is_used: bool, with: &str) {
    if let Some(field) = field.filter(|_| !is_used) {
        let warning = reader.warning(&field.key, format!("`{}` has no effect", field.name));
        reader.report(warning.help(format!("it is for {with}; leave it out otherwise")));
    }
}

const WORDS: [&str; 4] = ["off", "invitation", "approval", "open"];
