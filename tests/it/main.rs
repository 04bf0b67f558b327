//! Portcullis from outside: real sockets, real TLS, real clients. One module a topic; `support` has what they share.

#![expect(unreachable_pub, reason = "tests have no outside; `pub` says what the topics may use")]
#![expect(
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "in a test, what cannot go on has failed; helpers are part of tests"
)]

mod access_matrix;
mod accessibility;
mod account_attacks;
mod active_directory;
mod advisories;
mod api_tokens;
mod app_sign_out;
mod assertion;
mod assurance;
mod basic;
mod bearer;
mod bound_tokens;
mod branding;
mod browser;
mod check_online;
mod client_address;
mod client_certificates;
mod connection_auth;
mod cookie_names;
mod crash;
mod databases;
mod disk;
mod documents;
mod factors;
mod factors_browser;
mod forms;
mod forward_auth;
mod forward_auth_programs;
mod forward_auth_sign_out;
mod forwarding;
mod headers;
mod hostile_directory;
mod http2;
mod identities;
mod import;
mod in_flight;
mod in_process;
mod languages;
mod large_bodies;
mod layering;
mod ldap;
mod ldap_client;
mod limits;
mod mail;
mod mail_reload;
mod mail_templates;
mod messages;
mod metrics;
mod oidc;
mod oidc_browser;
mod override_headers;
mod own_addresses;
mod parked_post;
mod passkeys;
mod passkeys_browser;
mod password_reset;
mod password_rules;
mod password_secrecy;
mod path_oracle;
mod paths;
mod portal_host;
mod portal_host_browser;
mod portal_host_provider;
mod preflight;
mod process;
mod profile;
mod programs;
mod prometheus;
mod recipes;
mod refused_heads;
mod registration;
mod return_to;
mod root_commands;
mod routing;
mod secrets;
mod security_map;
mod service_workers;
mod session_cookie;
mod session_data;
mod session_stores;
mod session_streams;
mod sessions;
mod shared_connection;
mod shield;
mod shield_responses;
mod sign_in;
mod support;
mod systemd;
mod terminals;
mod throttle;
mod tls;
mod two_gateways;
mod unenforced;
mod unread_bodies;
mod unwanted_bodies;
mod upgrades;
mod upstream_certificates;
mod upstream_faults;
mod upstream_models;
mod upstream_names;
mod upstream_proof;
mod users;
mod webdav;

use support::gateway::TestGateway;

#[test]
fn a_gateway_starts_and_stops() {
    let gateway = TestGateway::start("[[app]]\nupstream = \"builtin:whoami\"");
    gateway.add_user("alice", &["staff"]);
    assert_eq!(gateway.addrs.https.len(), 1);
    gateway.drain().expect("a clean end");
}
