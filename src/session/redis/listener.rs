//! Messages of gateways about sessions that ended or changed, for the cache.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::keys::Keys;
use crate::{
    session::{Invalidation, Invalidator, SessionKey},
    store::redis::{Heard, MessageListener, MessageSequence},
};

/// Passes on to the cache what other gateways (and this one) end or change.
#[derive(Debug)]
pub(super) struct Listener {
    keys: Keys,
    invalidator: Invalidator,
    sequence: Mutex<MessageSequence>,
    starts: AtomicBool,
}

impl Listener {
    pub(super) fn new(keys: Keys, invalidator: Invalidator) -> Self {
        Self { keys, invalidator, sequence: Mutex::default(), starts: AtomicBool::new(true) }
    }
}

impl MessageListener for Listener {
    fn channel(&self) -> String {
        self.keys.channel()
    }

    fn counter(&self) -> String {
        self.keys.counter()
    }

    fn start_anew(&self) {
        self.starts.store(true, Ordering::SeqCst);
    }

    fn hear(&self, message: &[u8]) {
        let Some((number, invalidation)) = read(message) else {
            // From a gateway of another version: something has changed.
            self.invalidator.notify(Invalidation::Everything);
            return;
        };
        self.invalidator.notify(invalidation);
        let heard = self.sequence.lock().unwrap_or_else(PoisonError::into_inner).hear(number);
        if heard == Heard::NotAll {
            self.invalidator.notify(Invalidation::Everything);
        }
    }

    /// The sequence starts only here, with the counter, and not when a subscription starts: sessions that are cached
    /// from now on were read after that number, so that every later message is missed when it does not arrive.
    fn count(&self, counter: Option<i64>) -> Heard {
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counter.unwrap_or(0);
        if self.starts.swap(false, Ordering::SeqCst) {
            sequence.start_at(counter);
            self.invalidator.notify(Invalidation::Everything);
            return Heard::Everything;
        }
        let heard = sequence.count(counter);
        if heard == Heard::NotAll {
            self.invalidator.notify(Invalidation::Everything);
        }
        heard
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
    fn a_message_names_its_number_its_kind_and_its_session() {
        let key = SessionKey::from_bytes([9; 32]);
        let hex = key.to_hex();
        assert_eq!(read(format!("12 - {hex}").as_bytes()), Some((12, Invalidation::Ended(key))));
        assert_eq!(read(format!("13 ~ {hex}").as_bytes()), Some((13, Invalidation::Changed(key))));
        for other in [format!("x - {hex}"), format!("1 ? {hex}"), format!("1 - {hex} more"), "1 -".into()] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
