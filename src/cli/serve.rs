//! `portcullis serve`: the gateway, until it is asked to stop.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    path::Path,
};

use tracing_subscriber::EnvFilter;

use super::{Failure, configuration};
use crate::{
    assembly::{Addrs, Assembled, Reloader, Surroundings, assemble},
    clock::Clock,
    config::{self, Look},
    forward::Names,
    portal::Portal,
    server::{listen_to_signals, notify},
    telemetry::LogWriter,
};

/// Runs the gateway until it is asked to stop.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    log_to_stderr();
    let log = LogWriter::start(io::stdout())?;
    let surroundings = Surroundings { clock: Clock::system(), log: log.clone(), names: Names::system() };
    let Assembled { server, reloader, shared, origin, addrs } = assemble(configuration(file)?, surroundings)?;
    // Before anybody is told: whoever has read where we serve may ask us to stop.
    listen_to_signals(server.stopper(), move || reload(&reloader))?;
    announce(&origin, &addrs, &shared.portal)?;
    notify(&[sd_notify::NotifyState::Ready]);
    let ended = server.run();
    shared.portal.flush();
    log.flush();
    Ok(ended?)
}

/// All or nothing: a mistake leaves everything as it was.
fn reload(reloader: &Reloader) {
    match config::load(reloader.file()) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                tracing::warn!("{}", warning.render(Look::Plain));
            }
            match reloader.apply(loaded.configuration) {
                Ok(()) => tracing::info!(
                    "configuration reloaded: apps, rules, groups, session limits, throttle, certificates; addresses, workers, \
                     state, [password], [limits] and [log] wait for a restart"
                ),
                Err(error) => tracing::error!("the configuration was not reloaded: {error}"),
            }
        }
        Err(error) => tracing::error!("the configuration was not reloaded:\n{}", error.render(Look::Plain)),
    }
}

/// Tells where we are, and how the first user is made.
fn announce(origin: &str, addrs: &Addrs, portal: &Portal) -> Result<(), Failure> {
    let list = |addrs: &[SocketAddr]| addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    tracing::info!(
        https = %list(&addrs.https), http = %list(&addrs.http), status = %list(addrs.status.as_slice()),
        "portcullis {} serves {origin}/", env!("CARGO_PKG_VERSION")
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    if let Some(link) = runtime.block_on(portal.setup_link())? {
        // Told once and kept nowhere: not through the log, whose lines are stored.
        writeln!(
            io::stderr(),
            "\nThere is no user yet. Open this link within one hour to make the first one:\n\n    {origin}{}\n",
            link.as_str()
        )?;
    }
    Ok(())
}

/// The gateway's own messages. `PORTCULLIS_LOG` chooses which (`debug`, `portcullis=debug`, …).
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    // A second subscriber is refused, which only happens if one is there already.
    to_stderr.try_init().ok();
}
