//! The connection that a request came on, as the gateway sees it.

use std::{net::IpAddr, rc::Rc};

use http::Version;

use super::ClientCertificate;
use crate::{
    forward::{BoundConnections, UnsentBytes},
    in_flight::LastLoad,
    interim::InterimSlot,
    request::{Authority, LastAuthority, Ports, Target},
    snapshot::Snapshot,
};

/// The connection that a request came on.
#[derive(Debug)]
pub struct Connection {
    /// Address of the peer of the socket.
    pub peer_addr: IpAddr,
    /// The same as text, which goes to the application with every request.
    pub peer: Box<str>,
    /// The ports at which clients reach the gateway.
    pub ports: Ports,
    /// The server name of the TLS handshake (RFC 6066 §3), if the client sent one.
    pub server_name: Option<Authority>,
    /// The certificate that the client has shown.
    pub client_certificate: Option<Rc<ClientCertificate>>,
    /// Maximum number of header fields of a request.
    pub max_headers: usize,
    /// Maximum bytes of the path and query of a request.
    pub uri_length: usize,
    /// Maximum number of requests in flight of one client, on all of its connections.
    pub requests_per_address: usize,
    /// The bytes of its responses that the client has not taken.
    pub unsent: UnsentBytes,
    /// Maximum bytes of the head of a request.
    pub header_size: usize,
    /// Values that its requests repeat.
    pub last: LastSeen,
    /// Where interim responses are left for it; `None`: its protocol has no way for them.
    pub interim: Option<InterimSlot>,
}

/// Values that a connection's requests repeat: read once, and compared from then on.
///
/// None of them is an identity: session and account are looked up for every request.
#[derive(Debug, Default)]
pub struct LastSeen {
    pub(super) authority: LastAuthority,
    pub(super) load: LastLoad,
    pub(super) bound: BoundConnections,
}

impl Connection {
    /// RFC 9110 §7.4: whether the client asked for another name in its TLS handshake.
    ///
    /// A browser takes one connection of HTTP/2 for all hosts of a certificate (RFC 9113 §9.1.1). The gateway serves
    /// it: told to open another one, Safari shows the 421 instead. TLS demands the same of all hosts here, so the
    /// client gets around no check. A client that sent no server name (an address has none) may ask for every host, and
    /// so may a trusted proxy, whose connection is for many people.
    ///
    /// A host that asks for client certificates shares no connection: the certificate was shown to the other host, or none was
    /// asked for there.
    pub(super) fn is_for_another_host(&self, target: &Target, version: Version, snapshot: &Snapshot) -> bool {
        let asked = target.authority.host();
        self.server_name.as_ref().map(Authority::host).is_some_and(|named| {
            named != asked
                && !(version == Version::HTTP_2
                    && snapshot.certified.are_one(named, asked)
                    && ![named, asked].iter().any(|host| snapshot.client_certificates.hosts.ask(Some(host))))
                && !snapshot.proxies.trusts(self.peer_addr)
        })
    }
}
