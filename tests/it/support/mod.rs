//! Gateways, clients, upstreams and stores for the tests, and helpers that several topics share.

pub mod accounts;
pub mod authenticator;
pub mod browser;
pub mod certificates;
pub mod client;
pub mod cookies;
pub mod frames;
pub mod gateway;
pub mod in_process;
pub mod laptop;
pub mod ldap_server;
pub mod ldap_wire;
pub mod oidc_provider;
pub mod process;
pub mod proxies;
pub mod redis;
pub mod samba;
pub mod slapd;
pub mod smtp_server;
pub mod upstream;
pub mod visitor;

use std::path::Path;

use portcullis::{
    clock::Clock,
    session::{FileStore, Invalidator, SessionKey, SessionStore, StoreSurroundings, Which},
};

/// Runs a future to its end, on a runtime of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Ends sessions as the command line does, beside the gateway; says which there were.
pub fn end_sessions(database: &Path, which: Which) -> Vec<SessionKey> {
    let surroundings = StoreSurroundings { clock: Clock::system(), invalidator: Invalidator::none() };
    let store = FileStore::open(database, surroundings).expect("the store");
    block_on(store.remove(which)).expect("an end")
}
