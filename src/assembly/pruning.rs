//! The thread that deletes expired sessions.

use std::{sync::Arc, thread, time::Duration};

use super::AssemblyError;
use crate::gateway::Shared;

/// Starts the thread that deletes expired sessions once a minute. With a million sessions this takes too long for a worker.
pub(super) fn start(shared: &Arc<Shared>) -> Result<(), AssemblyError> {
    let shared = Arc::downgrade(shared);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(AssemblyError::Thread)?;
    let prune = move || {
        loop {
            thread::sleep(PRUNE_EVERY);
            let Some(shared) = shared.upgrade() else { return };
            runtime.block_on(delete_expired(&shared));
        }
    };
    thread::Builder::new().name("prune".into()).spawn(prune).map(drop).map_err(AssemblyError::Thread)
}

/// Uses the limits of the current snapshot: a reload may have changed them.
async fn delete_expired(shared: &Shared) {
    let limits = shared.current.load().portal.sessions;
    if let Err(error) = shared.sessions.prune(shared.clock.now(), &limits).await {
        tracing::warn!(%error, "expired sessions not deleted");
    }
}

const PRUNE_EVERY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::{
        assembly::{Surroundings, assemble},
        clock::{Clock, Timestamp},
        config::{self, Configuration},
        forward::Resolver,
        identity::{CredentialVersion, Proofs, UserId},
        session::{Opening, Owner},
        telemetry::LogWriter,
    };

    fn configuration(folder: &std::path::Path, idle_timeout: &str) -> Configuration {
        let text = format!(
            "[server]\nhttps = \"127.0.0.1:0\"\nstatus = \"off\"\n[session]\nidle_timeout = \"{idle_timeout}\"\n\
             [[app]]\nupstream = \"builtin:whoami\"\n"
        );
        config::parse(&text, &folder.join("gateway.toml")).unwrap().configuration
    }

    #[tokio::test]
    async fn expired_sessions_are_deleted_by_the_limits_of_the_last_reload() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let log = LogWriter::start(io::sink()).unwrap();
        let surroundings = Surroundings { clock: clock.clone(), log, resolver: Resolver::system() };
        let made = assemble(configuration(folder.path(), "2h"), surroundings).unwrap();
        let shared = &made.shared;
        let limits = shared.current.load().portal.sessions;
        let opening = Opening {
            owner: Owner::User { id: UserId(1), credential: CredentialVersion(1) },
            proofs: Proofs::password(clock.now()),
            source: None,
            client_addr: [192, 0, 2, 1].into(),
            user_agent: "",
            host: "",
            remember: false,
            replaces: None,
            confirms: false,
        };
        shared.sessions.open(opening, clock.now(), &limits).await.unwrap();
        let stored = async || shared.sessions.list(None, None, 10).await.unwrap().len();
        clock.advance(Duration::from_hours(1));
        delete_expired(shared).await;
        assert_eq!(stored().await, 1);
        made.reloader.apply(configuration(folder.path(), "30m")).unwrap();
        delete_expired(shared).await;
        assert_eq!(stored().await, 0, "by the limits of the start, it would live for another hour");
    }
}
