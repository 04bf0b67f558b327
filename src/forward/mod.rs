//! Forwarding of allowed requests to upstreams.
//!
//! The gateway calls [`Forwarder::forward`] with a [`Permit`](crate::access::Permit), which only `access` can make. The
//! request that goes out is the one that was judged: its path byte for byte, its headers after the rules of `headers`,
//! its body as a stream. `pool` lends it a connection, `round_trip` sends it (`sending`, `upload`) and waits for the head
//! of the response; the response body (`download`) reads the connection to its end and gives it back. All of this runs in
//! the task that serves the client, but for `full_duplex`. `http1` reads and writes HTTP/1.1.
//!
//! Sessions, users and passwords are left out: forwarding knows the name of the session cookie, to remove it, and the
//! permit's user, to name it in the identity headers.

mod addresses;
mod app;
mod body;
mod bound_connections;
mod cancel;
mod connect;
mod connection_auth;
mod context;
mod download;
mod fault;
mod forwarded_headers;
mod forwarder;
mod full_duplex;
mod header_table;
pub(crate) mod headers;
mod http1;
mod identity_headers;
mod interim;
mod outgoing_request;
mod override_headers;
mod own_cookies;
mod own_request;
mod owned_names;
mod pool;
mod preset;
mod resolver;
mod round_trip;
mod sending;
mod session_data;
mod trust;
mod unsent_bytes;
mod upgrade;
mod upload;
mod upstream_proof;
mod whoami;

pub use app::{App, CLIENT_CERT, CLIENT_CERT_CHAIN, Endpoint, HostHeader, MAX_REQUESTS, Transport};
pub use body::{BodyError, BodyLimits};
pub use bound_connections::BoundConnections;
pub use cancel::{CancelGuard, Cancellation, Canceller};
pub use context::{Context, InFlightGuard};
pub use download::{ResponseBody, UpstreamBody};
pub use fault::{Fault, FaultKind};
pub use forwarded_headers::Facts;
pub use forwarder::{Forwarder, UpstreamResponse, added_headers};
pub use header_table::ClientHeader;
pub use http1::Http1Error;
#[cfg(any(test, fuzzing))]
pub use http1::{ReadResponse, read_response, read_response_in_pieces};
pub use identity_headers::{IdentityHeaders, IdentityValue};
pub use override_headers::{client_header, is_identity_claim, names_path};
pub use own_cookies::foreign as foreign_cookies;
pub use own_request::{NotTaken, post_form};
pub use owned_names::OwnedNames;
pub use preset::Preset;
pub use resolver::{ResolveError, Resolver};
pub use session_data::{KeepsData, SessionHeaders};
pub use trust::{KeyPin, Trust};
pub use unsent_bytes::UnsentBytes;
pub use upstream_proof::UpstreamProof;
