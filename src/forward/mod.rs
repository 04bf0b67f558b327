//! Forwarding of what was allowed.
//!
//! [`Forwarder::forward`] takes a [`Permit`], which only `access` can make, and
//! sends the request that was judged: its path byte for byte, its headers after
//! the rules of `headers`, its body as a stream. It knows no session, token
//! or password; of the session it knows the cookie's name, to cut it out.
//!
//! A request takes a connection from `pool`, `round_trip` sends it (`sending`, `upload`) and waits for the
//! answer's head, both at once; the answer's body (`download`) has the connection until its end, and gives it
//! back. All of that happens in the task that serves the client; `full_duplex` is the one exception. How HTTP/1.1
//! is spoken with an upstream, and what is refused of it, is `http1`'s.

mod addresses;
mod app;
mod body;
mod bound_connections;
mod cancel;
mod connect;
mod connection_auth;
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
mod owned_names;
mod pool;
mod resolver;
mod round_trip;
mod sending;
mod session_data;
mod trust;
mod unsent_bytes;
mod upgrade;
mod upload;
mod whoami;

pub use app::{App, Endpoint, HostHeader, MAX_REQUESTS, Transport};
pub use body::{BodyError, BodyLimits};
pub use bound_connections::BoundConnections;
pub use cancel::{CancelGuard, Cancellation, Canceller};
pub use download::UpstreamBody;
pub(crate) use fault::Chain;
pub use fault::{Fault, FaultKind};
pub use forwarded_headers::Facts;
pub use forwarder::{Context, Forwarder, InFlightGuard, ResponseBody, UpstreamResponse, added_headers};
pub use header_table::ClientHeader;
pub use http1::Http1Error;
#[doc(hidden)]
pub use http1::{ReadResponse, read_response, read_response_in_pieces};
pub use identity_headers::{IdentityHeaders, IdentityValue};
pub use override_headers::client_header;
pub use owned_names::OwnedNames;
pub use resolver::{ResolveError, Resolver};
pub use session_data::{KeepsData, SessionHeaders};
pub use trust::{KeyPin, Trust};
pub use unsent_bytes::UnsentBytes;
