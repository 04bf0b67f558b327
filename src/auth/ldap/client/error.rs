//! Errors of a directory; their texts are for the operator.

use std::{sync::Arc, time::Duration};

use super::{ResultCode, ServerText};

/// Reason for which a directory gave no answer.
///
/// No variant says anything about a user: an error is neither a wrong password nor an unknown name. No text holds a
/// password, and text of the directory is short and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LdapError {
    /// No connection: refused, no address, closed again and again.
    #[error("no connection to {server}: {reason}")]
    Unreachable {
        /// The URL of the server.
        server: Arc<str>,
        /// The error of the system.
        reason: Arc<str>,
    },
    /// The connection is not protected as it has to be; no bind was sent on it.
    #[error("TLS with {server}: {reason}")]
    Tls {
        /// The URL of the server.
        server: Arc<str>,
        /// For instance an error of the certificate.
        reason: Arc<str>,
    },
    /// The directory refuses the service account: `bind_dn` or its password is wrong.
    #[error("{server} refuses the bind of `bind_dn`: {code}{}", after_colon(.diagnostic))]
    ServiceBindRefused {
        /// The URL of the server.
        server: Arc<str>,
        /// The result code.
        code: ResultCode,
        /// The text that came with it.
        diagnostic: ServerText,
    },
    /// The server sent what no directory may send; the connection was closed.
    #[error("{server} breaks the LDAP protocol: {problem}")]
    Protocol {
        /// The URL of the server.
        server: Arc<str>,
        /// The rule that was broken.
        problem: &'static str,
    },
    /// The directory refuses the operation.
    #[error("{server} refuses the {operation}: {code}{}", after_colon(.diagnostic))]
    Refused {
        /// The URL of the server.
        server: Arc<str>,
        /// `search` or `bind`.
        operation: &'static str,
        /// The result code.
        code: ResultCode,
        /// The text that came with it.
        diagnostic: ServerText,
    },
    /// The server did not answer in time; the connection was closed.
    #[error("{server} did not finish the {operation} within {} s", .limit.as_secs_f32())]
    Timeout {
        /// The URL of the server.
        server: Arc<str>,
        /// `connection`, `search` or `bind`.
        operation: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// More operations are waiting for the directory than it can do soon.
    #[error("too many operations are waiting for the directory")]
    Busy,
    /// The pool was stopped, by a reload or at the end of the process.
    #[error("the connections to the directory have been closed")]
    Stopped,
}

impl LdapError {
    /// The result code, if the directory sent one.
    pub fn code(&self) -> Option<ResultCode> {
        match self {
            Self::ServiceBindRefused { code, .. } | Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

fn after_colon(text: &ServerText) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
