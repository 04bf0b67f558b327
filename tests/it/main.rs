//! Portcullis through its front door: real sockets, real TLS, real clients.

#![expect(unreachable_pub, reason = "what the support modules offer is for the modules beside them")]
#![expect(
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test's helpers panic as the tests themselves do"
)]

mod forwarding;
mod headers;
mod large_bodies;
mod limits;
mod messages;
mod routing;
mod support;
mod upgrades;
mod upstream_faults;

use support::gateway::TestGateway;

#[test]
fn a_gateway_starts_and_stops() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &["staff"]);
    assert_eq!(gateway.addrs.https.len(), 1);
    gateway.drain().expect("a clean end");
}
