//! Forwarding of what was allowed.

mod app;
mod identity_headers;

pub use app::{App, Endpoint, HostHeader, Transport};
pub use identity_headers::{IdentityHeaders, IdentityValue};
