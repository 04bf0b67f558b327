//! The edge: sockets, TLS, workers, and the end of the process.
//!
//! `assembly` makes a [`Server`] of [`Listeners`], [`Settings`] and the gateway's shared state. Each worker has a thread, a
//! single-threaded runtime, an accept loop and connections of its own; a connection is served by HTTP/1.1 or HTTP/2 and
//! hands its requests to [`Gateway::handle`](crate::gateway::Gateway::handle). Nothing below this module knows of sockets.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `server`, `supervisor`, `threads`, `shutdown`, `signals` | the threads, from the start to the end of the process |
//! | `listen`, `worker`, `serving`, `open_tasks` | accept loops, and what a worker's connections have in common |
//! | `tls`, `tls_settings`, `self_signed` | certificates, and the settings of TLS for each host |
//! | `connection`, `client` | one connection, from its handshake to its end |
//! | `http1`, `http2`, `stream`, `response`, `unwanted_body` | hyper's connections, and each request on its way through the gateway |
//! | `counted_socket`, `activity`, `read_deadline`, `linger` | what hyper reads from and writes to, and its time limits |
//! | `http1_guard`, `held_bytes`, `own_refusals`, `refusal` | what is read more strictly than hyper does, and how it is refused |
//! | `http2_guard`, `frame_head`, `header_blocks`, `hpack`, `huffman` | floods, and what h2 forgives |
//! | `limits`, `addresses`, `descriptors`, `accept_errors` | how much a client may take, and what the system grants |
//! | `redirect`, `forward_auth`, `status`, `control` | the plain port, the listeners of other proxies and of the status, the control socket |

mod accept_errors;
mod activity;
mod addresses;
mod client;
mod connection;
mod control;
mod counted_socket;
mod descriptors;
mod forward_auth;
mod frame_head;
mod header_blocks;
mod held_bytes;
mod hpack;
mod http1;
pub(crate) mod http1_guard;
mod http2;
mod http2_guard;
mod huffman;
mod limits;
mod linger;
mod listen;
mod open_tasks;
mod own_refusals;
mod read_deadline;
mod redirect;
mod refusal;
mod response;
mod self_signed;
#[expect(clippy::module_inception, reason = "its one noun is the server")]
mod server;
mod serving;
mod shutdown;
mod signals;
mod status;
mod stream;
mod supervisor;
mod threads;
mod tls;
mod tls_settings;
mod unwanted_body;
mod worker;

pub use control::{
    Control, ControlError, ControlledGateway, ReadDatabases, Reload, Reloaded, Revocation, Revocations,
    Revoked, Running, StateFolder, control_sockets,
};
pub use descriptors::{DescriptorShortage, highest_descriptor_limit, raise_descriptor_limit};
pub use limits::{Http2Limits, Limits};
pub use listen::{BindError, ListenAddr, ListenAddrs, Listeners};
pub use self_signed::{SelfSigned, SelfSignedError};
pub use server::{Server, Settings};
pub use shutdown::Stopper;
pub use signals::{Signals, notify};
pub use status::Readiness;
pub use supervisor::{ServeError, Supervisor};
pub use tls::{Certificates, TlsError, TlsVersion, certified_names};
pub use tls_settings::TlsSettings;
pub use worker::{AccessLogging, Worker};
