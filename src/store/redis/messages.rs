//! Messages of other gateways, and whether all of them were heard.
//!
//! Publish/subscribe promises nothing: a message that meets a broken connection is lost without notice. So every
//! message has a number, and the counter of numbers is read a few times a second: a number that is missing, or one that
//! should have been heard by now, is a loss.

/// The receiver of a channel's messages.
pub trait MessageListener: Send + Sync + 'static {
    /// The name of the channel.
    fn channel(&self) -> String;

    /// The key of the counter from which messages get their numbers.
    fn counter(&self) -> String;

    /// A connection was made, perhaps to another server: the next [`MessageListener::count`] is the start.
    fn start_anew(&self);

    /// A message has arrived.
    fn hear(&self, message: &[u8]);

    /// Holds the counter against the messages that were heard.
    fn count(&self, counter: Option<i64>) -> Heard;
}

/// The numbers that were heard, held against the server's counter of messages.
#[derive(Debug, Default)]
pub struct MessageSequence {
    /// The last message, or the start; 0 before the first message of all.
    heard: i64,
    /// The counter at the last look.
    counted: i64,
}

/// Whether all messages were heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// None is missing.
    Everything,
    /// At least one was lost.
    NotAll,
}

impl MessageSequence {
    /// Starts at this number: messages up to it need not be heard.
    pub fn start_at(&mut self, counter: i64) {
        *self = Self { heard: counter, counted: counter };
    }

    /// A message with this number has arrived.
    pub fn hear(&mut self, number: i64) -> Heard {
        // A late one was counted already.
        let follows = number <= self.heard + 1;
        self.heard = self.heard.max(number);
        if follows { Heard::Everything } else { Heard::NotAll }
    }

    /// The server's counter was read.
    pub fn count(&mut self, counter: i64) -> Heard {
        let before = std::mem::replace(&mut self.counted, counter);
        let went_back = counter < self.heard;
        // The number of the last look had time enough to be heard.
        let overdue = before > self.heard;
        if went_back || overdue {
            self.heard = counter;
            return Heard::NotAll;
        }
        Heard::Everything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(counter: i64) -> MessageSequence {
        let mut sequence = MessageSequence::default();
        sequence.start_at(counter);
        sequence
    }

    #[test]
    fn numbers_without_a_gap_mean_that_all_messages_were_heard() {
        let mut sequence = at(10);
        assert_eq!(sequence.hear(10), Heard::Everything, "sent before we began, and late");
        assert_eq!(sequence.hear(11), Heard::Everything);
        assert_eq!(sequence.count(11), Heard::Everything);
        // The counter may be read before its message comes.
        assert_eq!(sequence.count(12), Heard::Everything);
        assert_eq!(sequence.hear(12), Heard::Everything);
        assert_eq!(sequence.count(12), Heard::Everything);
    }

    #[test]
    fn a_missing_number_is_noticed_at_the_next_message_or_the_second_look() {
        let mut sequence = at(10);
        assert_eq!(sequence.hear(12), Heard::NotAll);
        assert_eq!(sequence.hear(13), Heard::Everything);
        assert_eq!(sequence.count(14), Heard::Everything);
        assert_eq!(sequence.count(14), Heard::NotAll);
        assert_eq!(sequence.count(14), Heard::Everything);
        assert_eq!(sequence.hear(15), Heard::Everything);
    }

    #[test]
    fn a_message_counter_that_goes_back_is_a_loss() {
        let mut sequence = at(10);
        assert_eq!(sequence.count(9), Heard::NotAll);
        assert_eq!(sequence.count(9), Heard::Everything);
        assert_eq!(sequence.count(0), Heard::NotAll);
        assert_eq!(sequence.hear(1_700_000_000_000_000), Heard::NotAll);
    }
}
