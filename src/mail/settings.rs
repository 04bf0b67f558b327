//! The settings of mail: the server, the sender, the credentials.

use std::{fmt, time::Duration};

use lettre::message::Mailbox;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

/// `[mail]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailSettings {
    /// The server that takes messages.
    pub server: MailServer,
    /// The sender of all messages.
    pub from: Mailbox,
    /// The credentials at the server; `None`: it asks for none.
    pub login: Option<SmtpLogin>,
    /// The authorities that the server's certificate is checked against; `None`: those of the system.
    pub authorities: Option<Vec<CertificateDer<'static>>>,
    /// The longest silence of the server.
    pub timeout: Duration,
    /// Maximum number of deliveries in a minute.
    pub per_minute: u32,
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3.3).
    Tls,
    /// STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// Not at all: for a server on this machine.
    Plain,
}

/// Credentials at a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpLogin {
    /// The user's name there.
    pub user: String,
    /// The password there.
    pub password: SmtpPassword,
}

/// The password at a mail server; prints as `…`.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpPassword(Zeroizing<String>);

impl SmtpPassword {
    /// Takes the text.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for the server.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SmtpPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
