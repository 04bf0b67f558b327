//! `[assertion]`, and `assertion`, `sign_out` and `sign_out_notice` of an app.

use std::{path::Path, sync::Arc, time::Duration};

use http::header::AUTHORIZATION;
use toml::de::DeValue;

use super::{
    excerpt::excerpt,
    header_name, keys,
    reader::{Field, Reader, Section, fields},
    server::ServerSection,
};
use crate::{
    access::Mount,
    assertion::{AssertionSettings, ClaimValue, KeyFolderSettings, RESERVED_CLAIMS},
    forward,
    request::Origin,
};

/// `[assertion]`.
#[derive(Clone, Debug)]
pub struct AssertionSection {
    /// The keys.
    pub keys: KeyFolderSettings,
    /// `iss` of all assertions; `None`: the origin of the portal host, or of each app's host.
    pub issuer: Option<Box<str>>,
}

/// The settings by which an app hears of sign-ins beside identity headers.
#[derive(Clone, Debug, Default)]
pub struct AppSignIns {
    /// The names and keys of its assertion; also used to sign `sign_out_notice`.
    pub settings: Option<Arc<AssertionSettings>>,
    /// Whether the assertion is sent with each request.
    pub is_sent: bool,
    /// The path of the app's own sign-out.
    pub sign_out: Option<Box<str>>,
    /// The path of the app that is told of the end of a session.
    pub sign_out_notice: Option<Box<str>>,
}

/// Reads the section, or its defaults if there is none.
pub(super) fn read(
    reader: &Reader,
    section: Option<&Section<'_>>,
    folder: &Path,
    state: &Path,
) -> AssertionSection {
    let field = |name| section.and_then(|section| section.field(name));
    let issuer = field("issuer").and_then(|field| issuer(reader, &field));
    let keys = field("keys").and_then(|field| reader.path(&field, folder));
    let rotate_every = reader.duration_or_none(field("rotate_every"), ROTATE_EVERY);
    if !rotate_every.is_zero()
        && rotate_every < SHORTEST_ROTATION
        && let Some(field) = field("rotate_every")
    {
        let error = reader
            .error(&field.value.span(), "a key would be replaced before its successor is known everywhere");
        reader.report(error.help("write at least \"2h\", or \"0s\" to rotate keys by hand alone"));
    }
    let keys = KeyFolderSettings {
        folder: keys.unwrap_or_else(|| state.join("assertion-keys")),
        rotate_every: Some(rotate_every).filter(|every| !every.is_zero()),
    };
    AssertionSection { keys, issuer }
}

fn issuer(reader: &Reader, field: &Field<'_>) -> Option<Box<str>> {
    let text = reader.text(field)?;
    let is_origin = text.content.starts_with("https://") && Origin::parse(text.content).is_some();
    if !is_origin {
        let message = format!("\"{}\" is no origin", excerpt(text.content));
        reader.report(
            reader
                .error(&text.span, message)
                .help("write `https://` and a host, such as `https://login.example.com`"),
        );
        return None;
    }
    Some(text.content.into())
}

/// The origin that assertions of an app name as their issuer, from the configuration alone.
pub(super) fn origin_of(
    section: &AssertionSection,
    portal: Option<&str>,
    host: Option<&str>,
    server: &ServerSection,
) -> Option<Box<str>> {
    if let Some(issuer) = &section.issuer {
        return Some(issuer.clone());
    }
    let host = portal.or(host)?;
    let port = server.public_port.or_else(|| server.https.first().map(std::net::SocketAddr::port));
    Some(match port.filter(|port| !matches!(port, 0 | 443)) {
        Some(port) => format!("https://{host}:{port}").into(),
        None => format!("https://{host}").into(),
    })
}

/// Reads the keys of an app.
pub(super) fn read_app(
    reader: &Reader,
    section: &Section<'_>,
    name: &str,
    forward: &forward::App,
    origin: Option<Box<str>>,
) -> AppSignIns {
    let field = section.field("assertion");
    let sign_out = section.field("sign_out").and_then(|field| path(reader, &field));
    let sign_out_notice = section.field("sign_out_notice").and_then(|field| path(reader, &field));
    let mut settings = AssertionSettings {
        issuer: "".into(),
        audience: name.into(),
        header: http::HeaderName::from_static(HEADER),
        bearer: false,
        claims: Vec::new(),
    };
    let is_sent = match field.as_ref().map(|field| (field, field.value.get_ref())) {
        None => false,
        Some((_, DeValue::Boolean(is_sent))) => *is_sent,
        Some((field, DeValue::Table(_))) => {
            read_table(reader, field, &mut settings);
            true
        }
        Some((field, _)) => {
            reader.wrong_type(field, "`true` or a table", Some(HELP.to_owned()));
            false
        }
    };
    if !is_sent && sign_out_notice.is_none() {
        return AppSignIns { settings: None, is_sent, sign_out, sign_out_notice };
    }
    let Some(issuer) = origin else {
        let span = field.map_or_else(|| section.span.clone(), |field| field.key);
        let error =
            reader.error(&span, "an assertion names the origin of the gateway, and this app has no host");
        reader.report(error.help(
            "give the app a `host`, or write `issuer = \"https://login.example.com\"` in `[assertion]`",
        ));
        return AppSignIns { settings: None, is_sent: false, sign_out, sign_out_notice: None };
    };
    settings.issuer = issuer;
    for name in settings.header_names() {
        let is_proof = forward.proof.as_ref().is_some_and(|proof| *proof.name() == name);
        if (is_proof || forward.identity.names().any(|other| *other == name))
            && let Some(field) = &field
        {
            let message = format!("`{name}` has another value for this app already");
            let help = if name == AUTHORIZATION {
                "leave `bearer` out, or `basic` of `upstream_auth`"
            } else {
                "choose another `header`"
            };
            reader.report(reader.error(&field.value.span(), message).help(help));
        }
    }
    AppSignIns { settings: Some(Arc::new(settings)), is_sent, sign_out, sign_out_notice }
}

fn read_table(reader: &Reader, field: &Field<'_>, settings: &mut AssertionSettings) {
    let Some(section) = reader.table(Some(field.clone()), &keys::APP_ASSERTION) else { return };
    if let Some(text) = section.field("header").and_then(|field| reader.text(&field))
        && let Some(name) =
            header_name::read(reader, (text.content, &text.span), "the header of an assertion")
    {
        settings.header = name;
    }
    if let Some(text) = section.field("audience").and_then(|field| reader.text(&field)) {
        if text.content.is_empty() || text.content.len() > 200 || text.content.chars().any(char::is_control) {
            let error = reader.error(&text.span, "this audience names nobody");
            reader.report(
                error.help(
                    "write the name by which the app knows itself, or leave it out for the app's `name`",
                ),
            );
        }
        settings.audience = text.content.into();
    }
    settings.bearer = reader.boolean(section.field("bearer"), false);
    let Some(claims) = section.field("claims") else { return };
    let DeValue::Table(table) = claims.value.get_ref() else {
        return reader.wrong_type(&claims, "a table of claims", Some(CLAIMS_HELP.to_owned()));
    };
    for field in fields(table) {
        let is_name =
            !field.name.is_empty() && field.name.len() <= 100 && !field.name.chars().any(char::is_control);
        if !is_name || RESERVED_CLAIMS.contains(&field.name) || settings.claims.len() >= 20 {
            let message = format!("`{}` cannot be a further claim", excerpt(field.name));
            reader.report(
                reader
                    .error(&field.key, message)
                    .help("choose a name that no other claim has; there can be 20"),
            );
            continue;
        }
        if let Some(value) = claim(reader, &field) {
            settings.claims.push((field.name.into(), value));
        }
    }
}

fn claim(reader: &Reader, field: &Field<'_>) -> Option<ClaimValue> {
    match field.value.get_ref() {
        DeValue::String(_) => match reader.choice(field, &["username", "email", "name", "groups"])? {
            "username" => Some(ClaimValue::Username),
            "email" => Some(ClaimValue::Email),
            "name" => Some(ClaimValue::Name),
            _ => Some(ClaimValue::Groups),
        },
        DeValue::Table(_) => {
            let section = reader.table(Some(field.clone()), &keys::CLAIM)?;
            let text = section.field("attribute").and_then(|field| reader.text(&field));
            if text.is_none() && section.lacks("attribute") {
                reader.report(reader.error(&field.value.span(), "this claim has no value").help(CLAIMS_HELP));
            }
            text.map(|text| ClaimValue::Attribute(text.content.to_owned()))
        }
        _ => {
            reader.wrong_type(field, "the name of a value or a table", Some(CLAIMS_HELP.to_owned()));
            None
        }
    }
}

/// A path of the app, as browsers see it.
fn path(reader: &Reader, field: &Field<'_>) -> Option<Box<str>> {
    let text = reader.text(field)?;
    let is_path = text.content.starts_with('/')
        && !text.content.starts_with("/.gateway")
        && text.content.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\%*".contains(&byte))
        && (text.content == "/" || Mount::parse(text.content.trim_end_matches('/')).is_ok());
    if !is_path {
        let message = format!("`{}` cannot be \"{}\"", field.name, excerpt(text.content));
        reader.report(
            reader
                .error(&text.span, message)
                .help("write a path of the app as browsers ask for it, such as \"/admin/logout/\""),
        );
        return None;
    }
    Some(text.content.into())
}

const HEADER: &str = "portcullis-assertion";
const ROTATE_EVERY: Duration = Duration::from_hours(30 * 24);
const SHORTEST_ROTATION: Duration = Duration::from_hours(2);
const HELP: &str = "write `assertion = true`, or `{ audience = \"wiki\", bearer = true }`";
const CLAIMS_HELP: &str =
    "write, for example, `{ login = \"username\", roles = \"groups\", team = { attribute = \"team\" } }`";
