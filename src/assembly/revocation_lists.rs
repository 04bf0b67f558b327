//! The thread that reads certificate revocation lists again when their files have changed.

use std::{sync::Arc, thread, time::Duration};

use super::AssemblyError;
use crate::gateway::Shared;

/// Starts the thread. Lists are fetched by a program of the operator's, which need not tell the gateway.
pub(super) fn start(shared: &Arc<Shared>) -> Result<(), AssemblyError> {
    let shared = Arc::downgrade(shared);
    let look = move || {
        loop {
            thread::sleep(LOOK_EVERY);
            let Some(shared) = shared.upgrade() else { return };
            let authorities = shared.current.load().client_certificates.authorities.clone();
            if let Some(authorities) = authorities {
                authorities.refresh();
            }
        }
    };
    thread::Builder::new().name("crl".into()).spawn(look).map(drop).map_err(AssemblyError::Thread)
}

const LOOK_EVERY: Duration = Duration::from_secs(10);
