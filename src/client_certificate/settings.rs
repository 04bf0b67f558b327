//! Client certificates as the configuration has them.

use std::sync::Arc;

use super::{CertificateHosts, ClientAuthorities};

/// Client certificates as the configuration has them. The default: none.
#[derive(Clone, Debug, Default)]
pub struct ClientCertificates {
    /// The authorities; `None`: no certificate of a client counts.
    pub authorities: Option<Arc<ClientAuthorities>>,
    /// The hosts on which clients are asked for one.
    pub hosts: CertificateHosts,
}
