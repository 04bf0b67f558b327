//! The slot of a parked form in the store, and the mark in the address of its page.
//!
//! A user has a fixed number of slots in each quarter of an hour: Mallory, who has an account as well, sends forms until her
//! slots are taken, and pushes nobody else's form out of the store. A slot is named by the user alone, and holds nothing that could
//! be read without the secret of the browser.

use std::fmt;

use crate::{
    clock::Timestamp,
    identity::UserId,
    session::{OneTimeCode, OneTimeKey},
};

/// The place of one form of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The quarter of an hour that the form came in, counted from 1970.
    quarter: i64,
    number: u8,
}

/// The mark in the address of the page: the slot, and 256 random bits that only the address has.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    slot: Slot,
    code: OneTimeCode,
}

impl Slot {
    /// The first slot of the quarter of an hour that it is.
    pub(super) fn first(now: Timestamp) -> Self {
        Self { quarter: now.as_millis().div_euclid(QUARTER_MILLIS), number: 0 }
    }

    /// All slots of the quarter of an hour that it is.
    pub(super) fn all(now: Timestamp) -> impl Iterator<Item = Self> {
        (0..SLOTS).map(move |number| Self { number, ..Self::first(now) })
    }

    /// The key of its entry in the store.
    pub(super) fn entry_key(self, user: UserId) -> OneTimeKey {
        OneTimeKey::of_text(&format!("portcullis parked form\0{user}\0{}\0{}", self.quarter, self.number))
    }
}

impl Mark {
    /// A new mark; `None` if the system has no randomness.
    pub(super) fn new(slot: Slot) -> Option<Self> {
        Some(Self { slot, code: OneTimeCode::generate().ok()? })
    }

    /// Reads the mark of an address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (quarter, number, code) = (parts.next()?, parts.next()?, parts.next()?);
        let slot = Slot { quarter: quarter.parse().ok()?, number: number.parse().ok()? };
        Some(Self { slot, code: OneTimeCode::parse(code.as_bytes())? })
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slot { quarter, number } = self.slot;
        write!(f, "{quarter}.{number}.{}", &*self.code.to_text())
    }
}

/// Maximum number of forms of a user that come in a quarter of an hour.
const SLOTS: u8 = 16;
const QUARTER_MILLIS: i64 = 15 * 60 * 1000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let slot = Slot::all(Timestamp::from_millis(1_800_000_000_000)).last().unwrap();
        let mark = Mark::new(slot).unwrap();
        let read = Mark::parse(&mark.to_string()).unwrap();
        assert_eq!((read.slot(), read.to_string()), (slot, mark.to_string()));
        let code = mark.code.to_text();
        for wrong in
            ["", ".", "1.2", "1.2.", "1.256.x", &format!("1.2.{}x", *code), &format!("a.2.{}", *code)]
        {
            assert!(Mark::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn each_user_has_slots_of_their_own_in_each_quarter_of_an_hour() {
        let [now, later] = [0, QUARTER_MILLIS].map(Timestamp::from_millis);
        let keys = |now, user| Slot::all(now).map(move |slot| slot.entry_key(UserId(user)).to_hex());
        let all: BTreeSet<_> = keys(now, 1).chain(keys(now, 2)).chain(keys(later, 1)).collect();
        assert_eq!(all.len(), usize::from(SLOTS) * 3);
    }
}
