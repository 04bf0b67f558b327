//! `gateway.toml`: what the operator declares, compiled into what the gateway needs.
//!
//! [`load`] reads a file, [`parse`] a text. Out comes a [`Configuration`] made
//! of domain types alone, or every mistake at once as [`Diagnostic`]s, each
//! with its place, what is wrong and what would be right. Nothing outside this
//! module knows of TOML, and nothing in here outlives the start: what the
//! request path sees was checked here.
//!
//! The text is walked by hand (`reader`) instead of deserialised, because an
//! operator wants the twelve mistakes of a file in one go. `keys` lists every
//! key there is; one module a section says what its values mean.

// The file as a whole.
mod configuration;
mod error;
mod keys;
mod load;

// One file a section.
mod apps;
mod groups;
mod limits;
mod log;
mod password;
mod server;
mod session;
mod store;
mod throttle;
mod tls;

// Below `[[app]]`.
mod hosts;
mod identity;
mod overlaps;
mod pass_headers;
mod rules;
mod shield;
mod upstreams;

// What several sections read, and how mistakes are reported.
mod certificate;
mod diagnostic;
mod excerpt;
mod networks;
mod quantity;
mod reader;
mod source;
mod suggest;
mod syntax;

#[cfg(test)]
mod tests;

pub use apps::AppDeclaration;
pub use certificate::{CertificateFile, CertificateProblem, read as read_certificate};
pub use configuration::Configuration;
pub use diagnostic::{Diagnostic, Look, Severity, count};
pub use error::ConfigError;
pub use load::{Loaded, load, parse};
pub use log::LogSection;
pub use quantity::{parse_duration, show_duration};
pub use server::ServerSection;
pub use session::SessionSection;
pub use store::Store;
pub use tls::{CertificateFiles, TlsSection};
