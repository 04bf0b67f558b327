//! The one thread on which the gateway talks to all providers.
//!
//! A worker serves requests and waits for nobody: a provider that hangs must cost no other request anything. Calls run
//! on this thread's runtime, the worker awaits their result, and a limit on calls keeps a flood of sign-ins bounded.

use std::{fmt, future::Future, io, sync::Arc, thread};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot},
};

/// The thread. It ends when this is dropped.
pub struct ProviderThread {
    handle: Handle,
    calls: Arc<Semaphore>,
    /// Dropped with this, which ends the thread.
    _alive: oneshot::Sender<()>,
}

/// As many calls are under way as there may be, or the thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoCall;

impl ProviderThread {
    /// Starts the thread.
    pub fn start() -> io::Result<Arc<Self>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        thread::Builder::new().name("providers".into()).spawn(move || {
            // An error is what ends it: the sender was dropped.
            runtime.block_on(ended).unwrap_or_default();
            // A name look-up may hang in a thread of its own, which nobody waits for.
            runtime.shutdown_background();
        })?;
        Ok(Arc::new(Self { handle, calls: Arc::new(Semaphore::new(MAX_CALLS)), _alive: alive }))
    }

    /// Runs a call to its end, also if the caller stops waiting for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, NoCall> {
        let permit = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| NoCall)?;
        let running = self.handle.spawn(async move {
            let result = call.await;
            drop(permit);
            result
        });
        running.await.map_err(|_| NoCall)
    }
}

impl ProviderThread {
    /// Starts a call whose result nobody waits for; false if there are too many.
    pub(super) fn start_call(&self, call: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else { return false };
        self.handle.spawn(async move {
            call.await;
            drop(permit);
        });
        true
    }
}

impl fmt::Debug for ProviderThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderThread")
            .field("free_calls", &self.calls.available_permits())
            .finish_non_exhaustive()
    }
}

/// Maximum number of calls at a time, to all providers together; further ones fail at once.
const MAX_CALLS: usize = 256;
