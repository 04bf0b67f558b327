//! Threads of the server, each of which reports how it ended.
//!
//! `server` starts them and ends the process when one dies: a gateway with a worker less would serve slowly and look healthy.

use std::{io, sync::mpsc, thread};

/// How a thread ended.
pub(super) enum ThreadEnd {
    /// After it was asked to.
    Stopped(String),
    /// With an error or a panic.
    Died(String),
}

/// Reports how the thread ended when it is dropped, in a panic too.
struct EndReport {
    ended: mpsc::Sender<ThreadEnd>,
    who: String,
    is_done: bool,
}

impl Drop for EndReport {
    fn drop(&mut self) {
        let who = std::mem::take(&mut self.who);
        let end = if self.is_done { ThreadEnd::Stopped(who) } else { ThreadEnd::Died(who) };
        self.ended.send(end).ok();
    }
}

/// Starts a thread that reports through `ended`, whatever ends it.
pub(super) fn start(
    name: &str,
    ended: &mpsc::Sender<ThreadEnd>,
    run: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let report = EndReport { ended: ended.clone(), who: name.to_owned(), is_done: false };
    let body = move || {
        let mut report = report;
        match run() {
            Ok(()) => report.is_done = true,
            Err(error) => tracing::error!(%error, "{} failed", report.who),
        }
    };
    thread::Builder::new().name(name.replace(' ', "-")).spawn(body)?;
    Ok(())
}
