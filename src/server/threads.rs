//! Threads of the server, each of which reports how it ended.

use std::{io, sync::mpsc, thread};

/// How a thread ended.
pub(super) enum ThreadEnd {
    Stopped(String),
    Died(String),
}

/// Tells how the thread ended even if it ends in a panic.
struct EndReport {
    ended: mpsc::Sender<ThreadEnd>,
    who: String,
    asked: bool,
}

impl Drop for EndReport {
    fn drop(&mut self) {
        let who = std::mem::take(&mut self.who);
        let ending = if self.asked { ThreadEnd::Stopped(who) } else { ThreadEnd::Died(who) };
        self.ended.send(ending).ok();
    }
}

/// Starts a thread that reports through `ended`, whatever ends it.
pub(super) fn start(
    name: &str,
    ended: &mpsc::Sender<ThreadEnd>,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let guard = EndReport { ended: ended.clone(), who: name.to_owned(), asked: false };
    let body = move || {
        let mut guard = guard;
        match run() {
            Ok(()) => guard.asked = true,
            Err(error) => tracing::error!(%error, "{} failed", guard.who),
        }
    };
    thread::Builder::new().name(name.replace(' ', "-")).spawn(body)?;
    Ok(())
}
