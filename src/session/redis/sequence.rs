//! Whether every message was heard.

/// Holds what was heard against the server's counter of messages.
///
/// Publish/subscribe promises nothing: a message that meets a broken connection is lost, and nobody is
/// told. So every message has a number, and the counter is read a few times a second: a number that is
/// missing, or one that should have been heard by now, is a loss.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The last message, or where we began; 0 before the first message of all.
    heard: i64,
    /// The counter at the last look.
    counted: i64,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Everything,
    NotAll,
}

impl Sequence {
    /// What has happened up to this number is nothing that we need to have heard.
    pub(super) fn begin(&mut self, counter: i64) {
        *self = Self { heard: counter, counted: counter };
    }

    /// A message has come.
    pub(super) fn hear(&mut self, number: i64) -> Heard {
        // One that is late was counted already.
        let follows = number <= self.heard + 1;
        self.heard = self.heard.max(number);
        if follows { Heard::Everything } else { Heard::NotAll }
    }

    /// The server's counter was read.
    pub(super) fn count(&mut self, counter: i64) -> Heard {
        let before = std::mem::replace(&mut self.counted, counter);
        let went_back = counter < self.heard;
        // A number of the last look had time enough to be heard.
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

    fn at(counter: i64) -> Sequence {
        let mut sequence = Sequence::default();
        sequence.begin(counter);
        sequence
    }

    #[test]
    fn numbers_without_a_gap_are_everything() {
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
    fn a_missing_number_is_noticed_at_the_next_message_or_at_the_second_look() {
        let mut sequence = at(10);
        assert_eq!(sequence.hear(12), Heard::NotAll);
        assert_eq!(sequence.hear(13), Heard::Everything);
        assert_eq!(sequence.count(14), Heard::Everything);
        assert_eq!(sequence.count(14), Heard::NotAll);
        assert_eq!(sequence.count(14), Heard::Everything);
        assert_eq!(sequence.hear(15), Heard::Everything);
    }

    #[test]
    fn a_counter_that_goes_back_is_a_loss() {
        let mut sequence = at(10);
        assert_eq!(sequence.count(9), Heard::NotAll);
        assert_eq!(sequence.count(9), Heard::Everything);
        assert_eq!(sequence.count(0), Heard::NotAll);
        assert_eq!(sequence.hear(1_700_000_000_000_000), Heard::NotAll);
    }
}
