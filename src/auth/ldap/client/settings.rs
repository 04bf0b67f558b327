//! How a directory is reached.

use std::{sync::Arc, time::Duration};

use super::{Authorities, LdapUrl};
use crate::users::Password;

/// How the servers of one directory are reached, and as whom.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionSettings {
    /// Servers with the same content; the first that works is used. At least one.
    pub urls: Vec<LdapUrl>,
    /// Connections to `ldap://` become TLS before anything else is sent (RFC 4511 §4.14).
    pub start_tls: bool,
    /// Whether passwords may go over `ldap://` without TLS to another machine. To this machine they always may.
    pub allow_plain: bool,
    /// The authorities of the servers' certificates.
    pub authorities: Authorities,
    /// The account that searches; `None` searches without one (anonymous).
    pub service: Option<ServiceAccount>,
    /// Maximum number of connections for searches, 1 to 4. Each check of a password has a connection of its own.
    pub connections: u8,
    /// Time limit for a connection: TCP, and TLS.
    pub connect_timeout: Duration,
    /// Time limit for a bind, and for each page of a search.
    pub operation_timeout: Duration,
}

/// The account as which the gateway searches.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAccount {
    /// Its distinguished name; Active Directory takes `user@domain`, too.
    pub bind_dn: Arc<str>,
    /// Its password.
    pub password: Password,
}

impl ConnectionSettings {
    /// The default of `connect_timeout`.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
    /// The default of `operation_timeout`.
    pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
    /// The default, and the maximum, of `connections`.
    pub const CONNECTIONS: u8 = 4;
}
