//! Delivery: messages that are due are sent, one after the other.
//!
//! [`Orders`] say to which server, and a reload gives others. Messages that wait are then tried at once with the new
//! settings: the operator has probably mended what kept them. Without a server nothing is sent, and the messages wait.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    MailCounts, MailQueue,
    queue::{Claim, Claimed},
    relay::{Delivery, Relay},
};
use crate::{error_chain::ErrorChain, store::sqlite::DatabaseError};

/// The server to which mail is delivered. The deliverer looks at the queue whenever it gets a new one.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The server; `None`: no mail is sent.
    pub(super) relay: Option<Arc<Relay>>,
}

/// Sends the messages that are due, on a thread of its own.
pub(super) struct Deliverer {
    queue: MailQueue,
    relay: Option<Arc<Relay>>,
    pace: Pace,
    counts: Arc<MailCounts>,
    /// The queue cannot be read, and that was logged.
    is_lost: bool,
}

/// Why a delivery is broken off.
enum BrokenOff {
    /// The outbox is dropped.
    Ended,
    /// There are orders for another server.
    OtherRelay,
}

impl Deliverer {
    pub(super) fn new(queue: MailQueue, counts: Arc<MailCounts>) -> Self {
        Self { queue, relay: None, pace: Pace::new(1), counts, is_lost: false }
    }

    /// Delivers until the other end of `orders` is dropped.
    pub(super) async fn run(mut self, mut orders: watch::Receiver<Orders>) {
        loop {
            let relay = orders.borrow_and_update().relay.clone();
            self.follow(relay);
            let Some(relay) = self.relay.clone() else {
                if orders.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let Some(claimed) = self.next_due(&relay) else {
                tokio::select! {
                    changed = orders.changed() => if changed.is_err() { return },
                    () = sleep(LOOK_EVERY) => {}
                }
                continue;
            };
            let wait = self.pace.wait(Instant::now());
            let delivery = tokio::select! {
                delivery = async {
                    sleep(wait).await;
                    relay.deliver(&claimed).await
                } => delivery,
                broken_off = broken_off(&mut orders, &relay) => {
                    self.queue.release(claimed.id).ok();
                    match broken_off {
                        BrokenOff::Ended => return,
                        BrokenOff::OtherRelay => continue,
                    }
                }
            };
            self.settle(&claimed, delivery);
        }
    }

    /// Uses this server from now on.
    fn follow(&mut self, relay: Option<Arc<Relay>>) {
        let is_same = match (&self.relay, &relay) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return;
        }
        if let Some(relay) = &relay {
            self.pace = Pace::new(relay.settings().per_minute);
            if let Err(error) = self.queue.retry_now() {
                tracing::warn!(error = %ErrorChain(&error), "messages that wait not rescheduled");
            }
        }
        self.relay = relay;
    }

    /// The next message that is due, claimed. Messages of other processes are found, too.
    fn next_due(&mut self, relay: &Relay) -> Option<Claimed> {
        let lease = relay.whole_timeout() + LEASE_MARGIN;
        let looked = self.queue.claim(lease).and_then(|claim| Ok((claim, self.queue.waiting()?)));
        match looked {
            Ok((Claim { claimed, expired }, waiting)) => {
                self.is_lost = false;
                self.counts.note_waiting(waiting);
                for _ in 0..expired {
                    self.counts.count_given_up();
                    tracing::error!("mail given up: it could not be delivered before its link expired");
                }
                claimed
            }
            Err(error) => {
                if !self.is_lost {
                    tracing::error!(error = %ErrorChain(&error), "mail queue cannot be read; no mail is delivered");
                }
                self.is_lost = true;
                None
            }
        }
    }

    fn settle(&mut self, claimed: &Claimed, delivery: Delivery) {
        let (mail, recipient) = (claimed.id, &claimed.message.to);
        let settled: Result<(), DatabaseError> = match delivery {
            Delivery::Delivered => {
                self.counts.count_sent();
                tracing::debug!(mail, "mail delivered");
                self.queue.delivered(claimed.id)
            }
            Delivery::Refused(error) => {
                self.counts.count_given_up();
                tracing::error!(mail, recipient, error, "mail given up");
                self.queue.give_up(claimed.id, &error)
            }
            Delivery::PutOff(error) => self.queue.put_off(claimed, &error).map(|waits| {
                if waits {
                    self.counts.count_put_off();
                    tracing::warn!(
                        mail,
                        recipient,
                        error,
                        attempts = claimed.attempts,
                        "mail not delivered yet"
                    );
                } else {
                    self.counts.count_given_up();
                    tracing::error!(mail, recipient, error, "mail given up after two days");
                }
            }),
        };
        if let Err(error) = settled {
            tracing::error!(error = %ErrorChain(&error), mail, "mail queue cannot be written");
        }
    }
}

/// Resolves when the other end is dropped, or has orders for another server.
async fn broken_off(orders: &mut watch::Receiver<Orders>, relay: &Arc<Relay>) -> BrokenOff {
    while orders.changed().await.is_ok() {
        let is_same =
            orders.borrow_and_update().relay.as_ref().is_some_and(|other| Arc::ptr_eq(other, relay));
        if !is_same {
            return BrokenOff::OtherRelay;
        }
    }
    BrokenOff::Ended
}

/// The pace of deliveries: so many in a minute, evenly after a first burst.
struct Pace {
    every: Duration,
    /// When the next delivery would be due at an even pace.
    next: Option<Instant>,
}

impl Pace {
    fn new(per_minute: u32) -> Self {
        Self { every: Duration::from_mins(1) / per_minute.max(1), next: None }
    }

    /// Takes the next place; the wait until it.
    fn wait(&mut self, now: Instant) -> Duration {
        // A minute without any mail is worth a minute's mails at once.
        let burst = Duration::from_mins(1);
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.every);
        at.saturating_duration_since(now + burst)
    }
}

/// A message of another process is found within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time for the pace, and to settle a delivery.
const LEASE_MARGIN: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_keep_their_pace_after_a_first_burst() {
        let (mut pace, now) = (Pace::new(60), Instant::now());
        let waits: Vec<_> = (0..63).map(|_| pace.wait(now).as_secs()).collect();
        assert_eq!(waits.iter().filter(|wait| **wait == 0).count(), 61);
        assert_eq!(waits.last(), Some(&2));
    }
}
