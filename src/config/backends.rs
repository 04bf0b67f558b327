//! `[[backend]]`: where users are known, in the order in which they are looked for.
//!
//! Each type of backend has a file of its own for the rest of its keys.

use std::path::Path;

use toml::de::DeTable;

use super::{
    excerpt::excerpt,
    groups::Groups,
    keys::{self, Keys},
    ldap, oidc,
    reader::{Field, Reader, Section},
    source::Span,
    suggest,
};
use crate::{auth::BackendSettings, identity::BackendName, users::Provisioning};

/// Reads the backends; without any, users are those of the gateway's own directory.
pub(super) fn read(
    reader: &Reader,
    field: Option<Field<'_>>,
    folder: &Path,
    groups: &Groups,
) -> Vec<BackendSettings> {
    let Some(field) = field else { return vec![BackendSettings::Local] };
    let is_empty = field.value.get_ref().as_array().is_some_and(|list| list.is_empty());
    if is_empty {
        let error = reader.error(&field.value.span(), "there is no backend, so nobody could sign in");
        reader.report(
            error.help("leave `backend` out for the gateway's own users, or add `[[backend]]` tables"),
        );
    }
    let key = field.key.clone();
    let (mut backends, mut names) = (Vec::new(), Names::default());
    for (section, kind) in reader.tables_by(Some(field), "`[[backend]]`", |table| typed(reader, table)) {
        let Some(name) = names.read(reader, &section, kind) else { continue };
        backends.extend(match kind {
            Kind::Local => Some(BackendSettings::Local),
            Kind::Ldap => {
                let own = (name, provisioning(reader, &section));
                let settings = ldap::read(reader, &section, own, (folder, groups));
                settings.map(|settings| BackendSettings::Ldap(Box::new(settings)))
            }
            Kind::Oidc => {
                let own = (name, provisioning(reader, &section));
                let settings = oidc::read(reader, &section, own, folder, groups);
                settings.map(|settings| BackendSettings::Oidc(Box::new(settings)))
            }
        });
    }
    if !is_empty && !backends.is_empty() && !backends.contains(&BackendSettings::Local) {
        let warning = reader
            .warning(&key, "no backend is the gateway's own directory")
            .help("while the others are down nobody can sign in: add `[[backend]]` with `type = \"local\"`, and a superuser with a password");
        reader.report(warning);
    }
    backends
}

/// The types of backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Local,
    Ldap,
    Oidc,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Local, Self::Ldap, Self::Oidc];

    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ldap => "ldap",
            Self::Oidc => "oidc",
        }
    }

    fn keys(self) -> &'static Keys {
        match self {
            Self::Local => &keys::BACKEND_LOCAL,
            Self::Ldap => &keys::BACKEND_LDAP,
            Self::Oidc => &keys::BACKEND_OIDC,
        }
    }
}

/// How a user whom only a backend knows comes to an account. Default automatic.
fn provisioning(reader: &Reader, section: &Section<'_>) -> Provisioning {
    let names = ["automatic", "invited", "approval", "existing"];
    let chosen = section.field("provisioning").and_then(|field| reader.choice(&field, &names));
    match chosen {
        Some("invited") => Provisioning::Invited,
        Some("approval") => Provisioning::Approval,
        Some("existing") => Provisioning::Existing,
        _ => Provisioning::Automatic,
    }
}

/// A backend with the keys of its type. Without a readable type nothing else of the table can be judged.
fn typed<'d>(reader: &Reader, (table, span): (&'d DeTable<'d>, &Span)) -> Option<(Section<'d>, Kind)> {
    let names = Kind::ALL.map(Kind::as_str);
    let Some((key, value)) = table.get_key_value("type") else {
        let help = format!("say what it is: `type` is {}", suggest::listed_or(&names));
        reader.report_absence(reader.error(span, "this backend has no `type`").help(help));
        return None;
    };
    let field = Field { name: key.get_ref(), key: key.span(), value };
    let word = reader.choice(&field, &names)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word)?;
    Some((reader.section(table, span.clone(), kind.keys()), kind))
}

/// The names so far, with their spans.
#[derive(Default)]
struct Names(Vec<(BackendName, Span)>);

impl Names {
    /// The name of a backend; by default the name of its type. Each is there once, because identities are stored under
    /// it.
    fn read(&mut self, reader: &Reader, section: &Section<'_>, kind: Kind) -> Option<BackendName> {
        let field = section.field("name");
        let (name, span) = match &field {
            None => (BackendName::parse(kind.as_str()).ok()?, section.span.clone()),
            Some(field) => {
                let text = reader.text(field)?;
                match BackendName::parse(text.content) {
                    Ok(name) => (name, text.span),
                    Err(wrong) => {
                        let message = format!("\"{}\" is no name of a backend", excerpt(text.content));
                        reader.report(reader.error(&text.span, message).help(wrong.to_string()));
                        return None;
                    }
                }
            }
        };
        if name.is_local() != (kind == Kind::Local) {
            let error = reader
                .error(&span, format!("a backend of type \"{}\" cannot be named \"{name}\"", kind.as_str()));
            reader.report(
                error.help("\"local\" is the name of the gateway's own directory, and of nothing else"),
            );
            return None;
        }
        if let Some((_, first)) = self.0.iter().find(|(other, _)| *other == name) {
            let error = reader
                .error(&span, format!("there are two backends named \"{name}\""))
                .also(first.clone(), "the first one");
            let help = if name.is_local() {
                "keep one of them".to_owned()
            } else {
                format!("give each a name of its own: `name = \"{name}-2\"`")
            };
            reader.report(error.help(help));
            return None;
        }
        self.0.push((name.clone(), span));
        Some(name)
    }
}
