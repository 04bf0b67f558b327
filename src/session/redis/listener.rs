//! The connection on which it is told what ended and what changed.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
    mpsc::SyncSender,
};

use futures_util::StreamExt;
use redis::aio::PubSubStream;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    CONNECT_FOR, Failure, NO_ANSWER,
    backoff::Backoff,
    find_server::Finder,
    keys::Keys,
    sequence::{Heard, Sequence},
};
use crate::session::{Invalidation, Invalidator, SessionKey};

/// Hears what other gateways (and this one) end, and tells the cache.
#[derive(Debug)]
pub(super) struct Listener {
    keys: Keys,
    invalidator: Invalidator,
    sequence: Mutex<Sequence>,
    begins: AtomicBool,
    /// What is not heard may be lost on a connection that only looks alive.
    again: Notify,
}

impl Listener {
    pub(super) fn new(keys: Keys, invalidator: Invalidator) -> Self {
        Self {
            keys,
            invalidator,
            sequence: Mutex::default(),
            begins: AtomicBool::new(true),
            again: Notify::new(),
        }
    }

    /// Subscribes, again and again; tells how the first attempt ended, and goes on only if it worked.
    pub(super) async fn listen(&self, finder: &Finder, first: SyncSender<Result<(), Failure>>) {
        let mut backoff = Backoff::new();
        let mut first = Some(first);
        loop {
            let failure = match self.subscribe(finder).await {
                Ok(messages) => {
                    if let Some(first) = first.take() {
                        first.send(Ok(())).ok();
                    }
                    backoff.reset();
                    self.hear(messages).await
                }
                Err(failure) => failure,
            };
            if let Some(first) = first.take() {
                first.send(Err(failure)).ok();
                return;
            }
            tracing::debug!(%failure, "subscribing to the session store again");
            sleep(backoff.next()).await;
        }
    }

    /// Nothing that was heard so far says anything of what comes: at the next look we begin from there.
    pub(super) fn begin_anew(&self) {
        self.begins.store(true, Ordering::SeqCst);
    }

    /// Holds the server's counter against what was heard.
    ///
    /// It begins only here, with the counter, and not when a subscription begins: what is cached from
    /// now on was read after that number, so that every later one is missed when it does not come.
    pub(super) fn count(&self, counter: Option<i64>) -> Heard {
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counter.unwrap_or(0);
        if self.begins.swap(false, Ordering::SeqCst) {
            sequence.begin(counter);
            self.invalidator.tell(Invalidation::Everything);
            return Heard::Everything;
        }
        let heard = sequence.count(counter);
        if heard == Heard::NotAll {
            self.invalidator.tell(Invalidation::Everything);
            self.again.notify_one();
        }
        heard
    }

    async fn subscribe(&self, finder: &Finder) -> Result<PubSubStream, Failure> {
        let subscribing = async {
            let mut subscription = finder.find().await?.get_async_pubsub().await?;
            subscription.subscribe(self.keys.channel()).await?;
            Ok::<_, Failure>(subscription.into_on_message())
        };
        timeout(CONNECT_FOR, subscribing).await.unwrap_or_else(|_| Err(NO_ANSWER.into()))
    }

    /// Takes messages until there is a reason to subscribe again.
    async fn hear(&self, mut messages: PubSubStream) -> Failure {
        self.begin_anew();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.take(message.get_payload_bytes()),
                    None => return "the connection was closed".into(),
                },
                () = self.again.notified() => return "a message was lost".into(),
            }
        }
    }

    fn take(&self, message: &[u8]) {
        let Some((number, invalidation)) = read(message) else {
            // From a gateway of another version: something has changed.
            self.invalidator.tell(Invalidation::Everything);
            return;
        };
        self.invalidator.tell(invalidation);
        let heard = self.sequence.lock().unwrap_or_else(PoisonError::into_inner).hear(number);
        if heard == Heard::NotAll {
            self.invalidator.tell(Invalidation::Everything);
        }
    }
}

/// `NUMBER - KEY` for an end, `NUMBER ~ KEY` for a change.
fn read(message: &[u8]) -> Option<(i64, Invalidation)> {
    let mut words = std::str::from_utf8(message).ok()?.split(' ');
    let (number, what, key) = (words.next()?, words.next()?, words.next()?);
    let key = SessionKey::from_hex(key)?;
    let invalidation = match what {
        "-" => Invalidation::Ended(key),
        "~" => Invalidation::Changed(key),
        _ => return None,
    };
    words.next().is_none().then_some((number.parse().ok()?, invalidation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_its_number_what_happened_and_to_which_session() {
        let key = SessionKey::from_bytes([9; 32]);
        let hex = key.to_hex();
        assert_eq!(read(format!("12 - {hex}").as_bytes()), Some((12, Invalidation::Ended(key))));
        assert_eq!(read(format!("13 ~ {hex}").as_bytes()), Some((13, Invalidation::Changed(key))));
        for other in [format!("x - {hex}"), format!("1 ? {hex}"), format!("1 - {hex} more"), "1 -".into()] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
