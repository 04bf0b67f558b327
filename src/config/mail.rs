//! `[mail]`: the server that takes mail, and the sender.

use std::{net::IpAddr, path::Path, time::Duration};

use lettre::message::Mailbox;

use super::{
    authorities,
    excerpt::excerpt,
    portal::PortalSection,
    reader::{Field, Reader, Section, Text},
    secret_file,
};
use crate::{
    access,
    mail::{MailServer, MailSettings, Security, SmtpLogin, SmtpPassword},
    request::Authority,
};

/// `[mail]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailSection {
    /// Whether the configuration has the section, with or without mistakes in it.
    pub is_present: bool,
    /// The server and the sender; `None`: no mail is sent.
    pub settings: Option<MailSettings>,
    /// The address of the gateway in links, `https://HOST[:PORT]`, if it is not that of the portal host.
    pub origin: Option<Box<str>>,
}

/// Reads the section, if there is one. Links in mails lead to a host that the configuration names: Mallory asks for a new
/// password of Alice's under a `Host` of her own, and must not get a link to there into Alice's mail.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    folder: &Path,
    (portal, policy): (&PortalSection, &access::Policy),
) -> MailSection {
    let Some(section) = section else { return MailSection::default() };
    let origin = section.field("origin").and_then(|field| origin(reader, &field));
    if section.lacks("origin") && portal.host.is_none() && only_host(policy).is_none() {
        let error =
            reader.error(&section.span, "links in mails would lead nowhere: the gateway has no one host");
        reader.report_absence(error.help(
            "name the portal host, `[portal]` with `host = \"login.example.com\"`, or the address that people use: \
             `origin = \"https://wiki.example.com\"`",
        ));
    }
    for key in ["smtp", "from"] {
        if section.lacks(key) {
            let example = match key {
                "smtp" => "`smtp = \"smtps://mail.example.com\"`",
                _ => "`from = \"Portcullis <gateway@example.com>\"`",
            };
            let error = reader.error(&section.span, format!("`[mail]` has no `{key}`"));
            reader.report_absence(error.help(format!("add {example}, or leave the section out")));
        }
    }
    let server = section.field("smtp").and_then(|field| server(reader, section, &field));
    let from = section.field("from").and_then(|field| from(reader, &field));
    let authorities = section.field("ca").and_then(|field| authorities::of_file(reader, &field, folder));
    let login = login(reader, section, folder);
    let timeout = reader.duration(section.field("timeout"), TIMEOUT);
    let per_minute = reader.integer(section.field("per_minute"), 1..=10_000, u64::from(PER_MINUTE));
    let settings = server.zip(from).map(|(server, from)| {
        protects(reader, section, &server);
        MailSettings {
            server,
            from,
            login,
            authorities,
            timeout,
            per_minute: u32::try_from(per_minute).unwrap_or(PER_MINUTE),
        }
    });
    MailSection { is_present: true, settings, origin }
}

/// The host of all apps, if they have one and no other.
pub(super) fn only_host(policy: &access::Policy) -> Option<&str> {
    let mut hosts = policy.apps().iter().flat_map(|app| &app.hosts);
    let first = hosts.next()?;
    let is_everywhere = policy.apps().iter().all(|app| !app.hosts.is_empty());
    (is_everywhere && hosts.all(|host| host == first)).then_some(first)
}

fn server(reader: &Reader, section: &Section<'_>, field: &Field<'_>) -> Option<MailServer> {
    let text = reader.text(field)?;
    let refuse = |problem: String| {
        let help =
            "write `smtps://HOST` (TLS, port 465) or `smtp://HOST` (STARTTLS, port 587); `:PORT` may follow";
        reader.report(reader.error(&text.span, problem).help(help));
        None
    };
    let content = text.content;
    let (scheme, authority) = match content.split_once("://") {
        Some(("smtps", authority)) => (Security::Tls, authority),
        Some(("smtp", authority)) => (Security::StartTls, authority),
        // An address of another form may hold a password.
        _ if content.contains('@') => return refuse("`smtp` is no address of a mail server".to_owned()),
        _ => return refuse(format!("`smtp` cannot be \"{}\"", excerpt(content))),
    };
    if authority.contains('@') {
        let error = reader.error(&text.span, "`smtp` has a user in it");
        reader.report(error.help("write `user` and `password_file` instead"));
        return None;
    }
    let Ok(authority) = Authority::parse(authority.trim_end_matches('/').as_bytes()) else {
        return refuse(format!("`smtp` cannot be \"{}\"", excerpt(content)));
    };
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let security = match (scheme, reader.boolean(section.field("starttls"), !is_loopback(&host))) {
        (Security::StartTls, false) => Security::Plain,
        (scheme, _) => scheme,
    };
    if let (Security::Tls, Some(field)) = (scheme, section.field("starttls")) {
        let warning = reader.warning(&field.key, "`starttls` has no effect on `smtps://`");
        reader.report(warning.help("leave it out: the connection is protected from its first byte"));
    }
    let default = if scheme == Security::Tls { 465 } else { 587 };
    Some(MailServer { host, port: authority.port().unwrap_or(default), security })
}

fn from(reader: &Reader, field: &Field<'_>) -> Option<Mailbox> {
    let text = reader.text(field)?;
    match text.content.parse() {
        Ok(mailbox) if !text.content.contains(char::is_control) => Some(mailbox),
        _ => {
            let message = format!("`from` cannot be \"{}\"", excerpt(text.content));
            let help = "write an address, or a name and an address: \"Portcullis <gateway@example.com>\"";
            reader.report(reader.error(&text.span, message).help(help));
            None
        }
    }
}

fn login(reader: &Reader, section: &Section<'_>, folder: &Path) -> Option<SmtpLogin> {
    let user = section.field("user").and_then(|field| reader.text(&field));
    let password = section.field("password_file").map(|field| (field.key.clone(), field));
    match (user, password) {
        (Some(user), Some((_, field))) => {
            let password = secret_file::read(reader, &field, folder)?;
            Some(SmtpLogin { user: user.content.to_owned(), password: SmtpPassword::new(password) })
        }
        (Some(Text { span, .. }), None) => {
            let error = reader.error(&span, "`user` has no password");
            reader.report_absence(
                error.help("add `password_file = \"secrets/mail\"`, with the password in one line"),
            );
            None
        }
        (None, Some((key, _))) => {
            let error = reader.error(&key, "`password_file` has no `user`");
            reader.report_absence(error.help("add `user`, the name at the mail server"));
            None
        }
        (None, None) => None,
    }
}

/// Reports mail that others can read on its way.
fn protects(reader: &Reader, section: &Section<'_>, server: &MailServer) {
    if server.security != Security::Plain || is_loopback(&server.host) {
        return;
    }
    let Some(field) = section.field("starttls") else { return };
    if section.field("user").is_some() {
        let error =
            reader.error(&field.key, "the password would be sent to the mail server without protection");
        reader.report(error.help("leave `starttls` out, or `user` and `password_file`"));
        return;
    }
    let warning = reader
        .warning(&field.key, "mail leaves this machine without TLS")
        .help("who reads a link on its way can set the password of an account: leave `starttls` out");
    reader.report(warning);
}

fn origin(reader: &Reader, field: &Field<'_>) -> Option<Box<str>> {
    let text = reader.text(field)?;
    let authority = text.content.strip_prefix("https://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    if let Some(Ok(authority)) = authority.map(|authority| Authority::parse(authority.as_bytes())) {
        return Some(format!("https://{}", authority.as_str()).into());
    }
    let message = format!("`origin` cannot be \"{}\"", excerpt(text.content));
    let help = "write the address of the gateway without a path: \"https://wiki.example.com\"";
    reader.report(reader.error(&text.span, message).help(help));
    None
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

const TIMEOUT: Duration = Duration::from_secs(30);
const PER_MINUTE: u32 = 60;
