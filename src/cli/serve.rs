//! `portcullis serve`: the gateway, until it is asked to stop.

use std::{
    io::{self, IsTerminal, Write},
    net::SocketAddr,
    panic,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tracing_subscriber::EnvFilter;

use super::{failure::Failure, state::configuration};
use crate::{
    assembly::{Addrs, Assembled, Reloader, Surroundings, assemble},
    clock::Clock,
    config::{self, Look},
    forward::Resolver,
    portal::Portal,
    server::{Signals, notify},
    telemetry::{LogWriter, MessageWriter},
};

/// Runs the gateway until it is asked to stop.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let messages = MessageWriter::start(io::stderr())?;
    log_to(&messages);
    let ended = serve(file, &messages).map_err(|error| {
        // Writing through the queue waits for no reader of standard error.
        messages.clone().write_all(format!("{}\n", error.0.trim_end()).as_bytes()).ok();
        Failure(String::new())
    });
    messages.flush(FLUSH_LIMIT);
    ended
}

fn serve(file: &Path, messages: &MessageWriter) -> Result<(), Failure> {
    // Before the listeners: a service manager that sees them may send a signal.
    let signals = Signals::catch()?;
    let log = LogWriter::start(io::stdout())?;
    let surroundings =
        Surroundings { clock: Clock::system(), log: log.clone(), resolver: Resolver::system() };
    let Assembled { server, reloader, shared, origin, addrs } = assemble(configuration(file)?, surroundings)?;
    log.register_dropped(messages, &shared.metrics);
    // A signal and a command never reload at the same time.
    let reloading = Arc::new(Mutex::new(reloader));
    let reload = move || reload(&reloading.lock().unwrap_or_else(PoisonError::into_inner));
    let server = server.with_reload(Arc::new(reload.clone()));
    let longest_stop = server.drain_timeout() + LEFT_TO_WRITE;
    signals.attend(server.stopper(), longest_stop, move || {
        // `reload` has logged the result.
        reload().ok();
    })?;
    announce(&origin, &addrs, &shared.portal, messages)?;
    notify(&[sd_notify::NotifyState::Ready]);
    let ended = server.run();
    shared.portal.flush();
    log.flush(FLUSH_LIMIT);
    Ok(ended?)
}

/// Reads the file and applies it whole. A mistake changes nothing; it is logged and returned. Otherwise the names of changed
/// settings that wait for a restart.
fn reload(reloader: &Reloader) -> Result<Vec<&'static str>, String> {
    let refused = |why: String| {
        tracing::error!("configuration was not reloaded: {why}");
        why
    };
    let loaded = config::load(reloader.file()).map_err(|error| refused(error.render(Look::Plain)))?;
    for warning in &loaded.warnings {
        tracing::warn!("{}", warning.render(Look::Plain));
    }
    let waiting = reloader.apply(loaded.configuration).map_err(|error| refused(error.to_string()))?;
    if waiting.is_empty() {
        tracing::info!("configuration reloaded");
    } else {
        tracing::warn!(
            "configuration reloaded; changed, and in use after a restart alone: {}",
            waiting.join(", ")
        );
    }
    Ok(waiting)
}

/// Logs the addresses, and prints the set-up link while there is no user.
fn announce(origin: &str, addrs: &Addrs, portal: &Portal, messages: &MessageWriter) -> Result<(), Failure> {
    // A field without an address is left out.
    let list = |addrs: &[SocketAddr]| {
        let list = addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (!list.is_empty()).then(|| tracing::field::display(list))
    };
    tracing::info!(
        https = list(&addrs.https),
        http = list(&addrs.http),
        status = list(addrs.status.as_slice()),
        forward_auth = list(&addrs.checks),
        "portcullis {} serves {origin}/",
        env!("CARGO_PKG_VERSION")
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    if let Some(link) = runtime.block_on(portal.setup_link())? {
        // Not through the log, whose lines are stored.
        let text = format!(
            "\nThere is no user yet. Open this link within one hour to make the first one:\n\n    {origin}{}\n",
            link.as_str()
        );
        messages.clone().write_all(text.as_bytes())?;
    }
    Ok(())
}

/// The gateway's own messages. `PORTCULLIS_LOG` chooses which (`debug`, `portcullis=debug`, …).
fn log_to(messages: &MessageWriter) {
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let messages = messages.clone();
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || messages.clone())
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    // Fails if a subscriber is installed already.
    to_stderr.try_init().ok();
    // The standard hook would wait for the reader of standard error.
    panic::set_hook(Box::new(|panicked| tracing::error!("{panicked}")));
}

/// Maximum time for the last lines of each stream.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// Less than the rest of the 45 seconds that the systemd unit allows after the running requests.
const LEFT_TO_WRITE: Duration = Duration::from_secs(10);
