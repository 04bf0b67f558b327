//! A client's socket: its bytes are counted, and its client's time is limited.
//!
//! hyper reads and writes through a [`CountedSocket`]. What is read passes by
//! [`Http1Guard`](super::http1_guard::Http1Guard) or [`Http2Guard`](super::http2_guard::Http2Guard) before hyper sees it:
//! what a guard refuses never reaches hyper, and nothing is read after it. A client that sends nothing, that takes nothing
//! of its responses, or that does either too slowly, ends the connection with an error; an orderly close leaves the client
//! time to read why. Requests and responses as such are hyper's.

mod guards;
mod reading;
mod socket;
#[cfg(test)]
mod tests;
mod writing;

pub(super) use socket::{CountedSocket, Protocol};
