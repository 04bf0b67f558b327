//! `gateway.toml`: parsing, checking, and compiling into a [`Configuration`].
//!
//! [`load()`] reads a file, [`parse`] a text. The result is a [`Configuration`]
//! of domain types, or all mistakes at once as [`Diagnostic`]s, each with its
//! location, the problem and a hint. `assembly` and `cli` use it. No other
//! module knows TOML, and no module that serves requests meets an unchecked
//! value.
//!
//! The document is walked by hand (`reader`) instead of deserialised, because
//! serde stops at the first mistake. `keys` lists every key; each section has a
//! file of its own.

// The file as a whole.
mod configuration;
mod error;
mod keys;
mod load;

// One file a section.
mod accounts;
mod apps;
mod assertion;
mod authorities;
mod backends;
mod client_certificates;
mod forward_auth;
mod groups;
mod ldap;
mod limits;
mod log;
mod mail;
mod oidc;
mod passkeys;
mod password;
mod portal;
mod programs;
mod registration;
mod server;
mod session;
mod store;
mod throttle;
mod tls;
mod tokens;
mod user_fields;

// Below `[portal]`.
mod added_files;
mod branding;

// Below `[[app]]`.
mod app_names;
mod header_name;
mod hosts;
mod identity;
mod overlaps;
mod pass_headers;
mod presentation;
mod rules;
mod shield;
mod upstream_auth;
mod upstreams;

// Values and diagnostics, below all sections.
mod certificate;
mod diagnostic;
mod excerpt;
mod networks;
mod quantity;
mod reader;
mod secret_file;
mod source;
mod suggest;
mod syntax;

#[cfg(test)]
mod tests;

pub use apps::{AllPreflights, AppDeclaration};
pub use assertion::{AppSignIns, AssertionSection};
pub use certificate::{CertificateFile, CertificateProblem, read as read_certificate};
pub use configuration::Configuration;
pub use diagnostic::{Diagnostic, Look, Severity, count};
pub use error::ConfigError;
pub use forward_auth::ForwardAuthSection;
pub use load::{Loaded, load, parse};
pub use log::LogSection;
pub use mail::MailSection;
pub use networks::parse_network;
pub use portal::PortalSection;
pub use presentation::AppPresentation;
pub use quantity::{parse_duration, show_duration};
pub use server::ServerSection;
pub use session::SessionSection;
pub use store::Store;
pub(crate) use suggest::similar;
pub use tls::{CertificateFiles, TlsSection};
