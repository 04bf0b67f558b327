//! Whether every message was heard.

/// Holds what was heard against the server's counter of messages.
///
/// Publish/subscribe promises nothing: a message that meets a broken connection is lost, and nobody is
/// told. So every message has a number, and the counter is read a few times a second: a number that is
/// missing, or one that should have been heard by now, is a loss.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The last message; `None`: the next number is where we begin.
    heard: Option<i64>,
    /// The counter at the last look.
    counted: Option<i64>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Everything,
    NotAll,
}

impl Sequence {
    /// A message has come.
    pub(super) fn hear(&mut self, number: i64) -> Heard {
        let last = self.heard.replace(number);
        // One that comes twice or late tells of a server that lost its counter.
        if last.is_none_or(|last| number == last + 1) { Heard::Everything } else { Heard::NotAll }
    }

    /// The server's counter was read; `None`: it has none.
    pub(super) fn count(&mut self, counter: Option<i64>) -> Heard {
        let before = std::mem::replace(&mut self.counted, counter);
        let Some(heard) = self.heard else {
            self.heard = counter;
            return Heard::Everything;
        };
        let went_back = counter.is_none_or(|counter| counter < heard);
        // A number of the last look had time enough to be heard.
        let overdue = before.is_some_and(|before| before > heard);
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

    #[test]
    fn numbers_without_a_gap_are_everything() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.count(Some(10)), Heard::Everything);
        assert_eq!(sequence.hear(11), Heard::Everything);
        assert_eq!(sequence.count(Some(11)), Heard::Everything);
        // The counter may be read before its message comes.
        assert_eq!(sequence.count(Some(12)), Heard::Everything);
        assert_eq!(sequence.hear(12), Heard::Everything);
        assert_eq!(sequence.count(Some(12)), Heard::Everything);
    }

    #[test]
    fn a_missing_number_is_noticed_at_the_next_message_or_at_the_second_look() {
        let mut sequence = Sequence::default();
        sequence.count(Some(10));
        assert_eq!(sequence.hear(12), Heard::NotAll);
        assert_eq!(sequence.hear(13), Heard::Everything);
        assert_eq!(sequence.count(Some(14)), Heard::Everything);
        assert_eq!(sequence.count(Some(14)), Heard::NotAll);
        assert_eq!(sequence.count(Some(14)), Heard::Everything);
        assert_eq!(sequence.hear(15), Heard::Everything);
    }

    #[test]
    fn a_counter_that_goes_back_is_a_loss() {
        let mut sequence = Sequence::default();
        sequence.count(Some(10));
        assert_eq!(sequence.count(None), Heard::NotAll);
        assert_eq!(sequence.count(Some(20)), Heard::Everything);
        assert_eq!(sequence.count(Some(19)), Heard::NotAll);
        assert_eq!(sequence.hear(7), Heard::NotAll);
    }
}
