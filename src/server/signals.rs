//! Signals of the operating system, and messages to the service manager.
//!
//! `cli::serve` catches signals before any port is bound, so that no signal kills a gateway that has been reachable. Until the
//! gateway attends to them, SIGHUP waits and SIGTERM ends the process.

use std::{
    io, process,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::Stopper;

/// Signals, caught on a thread of their own.
#[derive(Debug)]
pub struct Signals {
    attend: oneshot::Sender<Attendant>,
}

/// The server and the thread that signals act on.
#[derive(Debug)]
struct Attendant {
    stopper: Stopper,
    /// Wakes the thread that reloads. One waiting request is enough: the file is read when the thread gets to it.
    reload: SyncSender<()>,
    /// After this time the process ends, whatever it is still waiting for.
    longest_stop: Duration,
}

impl Signals {
    /// Catches SIGTERM, SIGINT and SIGHUP from now on.
    pub fn catch() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let caught = {
            let _entered = runtime.enter();
            Caught {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                hang_up: signal(SignalKind::hangup())?,
            }
        };
        let (attend, attendant) = oneshot::channel();
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || runtime.block_on(caught.attend(attendant)))?;
        Ok(Self { attend })
    }

    /// SIGTERM and SIGINT drain, a second one stops at once, SIGHUP calls `reload`. A SIGHUP that came before is acted on now.
    /// Once a stop was asked for, the process ends within `longest_stop`, even if a file or socket blocks. Sends the watchdog
    /// messages that the service manager asks for.
    pub fn attend(
        self,
        stopper: Stopper,
        longest_stop: Duration,
        reload: impl Fn() + Send + 'static,
    ) -> io::Result<()> {
        let (wake, woken) = sync_channel(1);
        // Not on the thread of the signals: a slow file must not delay SIGTERM.
        thread::Builder::new().name("reload".into()).spawn(move || {
            while woken.recv().is_ok() {
                reload();
            }
        })?;
        if let Some(every) = sd_notify::watchdog_enabled() {
            thread::Builder::new().name("watchdog".into()).spawn(move || {
                loop {
                    notify(&[sd_notify::NotifyState::Watchdog]);
                    // Twice within the time that the service manager waits.
                    thread::sleep(every / 2);
                }
            })?;
        }
        // Fails only if the thread of the signals is dead, which nothing here can mend.
        self.attend.send(Attendant { stopper, reload: wake, longest_stop }).ok();
        Ok(())
    }
}

/// The signals that are caught.
struct Caught {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// The meaning of a signal.
enum Command {
    Stop,
    Reload,
}

impl Caught {
    /// Waits for the next signal.
    async fn next_command(&mut self) -> Command {
        tokio::select! {
            _ = self.terminate.recv() => Command::Stop,
            _ = self.interrupt.recv() => Command::Stop,
            _ = self.hang_up.recv() => Command::Reload,
        }
    }

    async fn attend(mut self, mut attendant: oneshot::Receiver<Attendant>) {
        let mut waits_for_reload = false;
        let attendant = loop {
            tokio::select! {
                biased;
                given = &mut attendant => match given {
                    Ok(attendant) => break attendant,
                    // The start has failed, and the process is about to end by itself.
                    Err(_) => loop {
                        if let Command::Stop = self.next_command().await {
                            process::exit(1);
                        }
                    },
                },
                command = self.next_command() => match command {
                    // No request has been served yet, so no response is lost.
                    Command::Stop => process::exit(0),
                    Command::Reload => waits_for_reload = true,
                },
            }
        };
        if waits_for_reload {
            attendant.reload();
        }
        loop {
            match self.next_command().await {
                Command::Stop => attendant.stop(),
                Command::Reload => attendant.reload(),
            }
        }
    }
}

impl Attendant {
    fn reload(&self) {
        // If one is waiting already, it will read the file as it is now.
        self.reload.try_send(()).ok();
    }

    fn stop(&self) {
        if self.stopper.is_draining() {
            self.stopper.stop();
            return;
        }
        let limit = self.longest_stop;
        // On threads of their own, because both may block.
        let enforcing = thread::Builder::new().name("last-resort".into()).spawn(move || {
            thread::sleep(limit);
            process::exit(1);
        });
        let (notified, has_notified) = sync_channel(1);
        let notifying = thread::Builder::new().name("stopping".into()).spawn(move || {
            notify(&[sd_notify::NotifyState::Stopping]);
            notified.send(()).ok();
        });
        for error in [enforcing.err(), notifying.err()].into_iter().flatten() {
            tracing::warn!(%error, "thread of the shutdown not started");
        }
        // A gateway without connections ends at once, and the message would not leave.
        has_notified.recv_timeout(NOTIFY_LIMIT).ok();
        self.stopper.drain();
        tracing::info!("stopping: no new connections, running requests may end");
    }
}

/// How long a stop waits for a service manager that does not take its message.
const NOTIFY_LIMIT: Duration = Duration::from_secs(1);

/// Sends a message to the service manager, if there is one.
pub fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "service manager not notified");
    }
}
