//! What the operating system and the service manager ask for.

use std::{io, thread};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{Phase, Stopper};

/// Listens on a thread of its own: SIGTERM and SIGINT drain, a second one stops at once, SIGHUP calls
/// `reload`. Tells a service manager that we are alive, if it wants to know.
pub fn listen(stopper: Stopper, reload: impl Fn() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt, mut hang_up) = {
        let _entered = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?)
    };
    let watch = async move {
        // Twice within the time that the service manager waits.
        let mut alive = sd_notify::watchdog_enabled().map(|every| {
            let mut ticks = interval(every / 2);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        loop {
            let asked_to_stop = tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => true,
                _ = hang_up.recv() => {
                    reload();
                    false
                }
                () = tick(&mut alive) => {
                    notify(&[sd_notify::NotifyState::Watchdog]);
                    false
                }
            };
            if asked_to_stop {
                let next = if stopper.phase() == Phase::Running { Phase::Draining } else { Phase::Stopped };
                if next == Phase::Draining {
                    tracing::info!("stopping: no new connections, running requests may end");
                    notify(&[sd_notify::NotifyState::Stopping]);
                }
                stopper.stop(next);
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(move || runtime.block_on(watch))?;
    Ok(())
}

/// Tells the service manager; without one, nothing happens.
pub fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "telling the service manager");
    }
}

async fn tick(ticks: &mut Option<tokio::time::Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}
