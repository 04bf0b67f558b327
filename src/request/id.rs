//! The id of a request, by which an operator finds it in every log.

use std::{cell::Cell, fmt};

use aws_lc_rs::rand;

/// 24 characters: 16 that one run of one worker shares, and 8 that stand for a count. Unique, not secret; but nobody
/// can tell from two of them how many requests came in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LEN]);

/// Makes the ids of one worker.
#[derive(Debug)]
pub struct RequestIds {
    shared: RequestId,
    count: Cell<u32>,
    scramble: Scramble,
}

impl RequestIds {
    /// A new sequence with a random prefix.
    pub fn new() -> Self {
        let mut random = [0; PREFIX_LEN / 2 + SCRAMBLE_LEN];
        // Without randomness ids could repeat after a restart; nothing depends on that but reading logs.
        if rand::fill(&mut random).is_err() {
            tracing::warn!("no randomness: request ids are not unique over restarts");
        }
        let (prefix, keys) = random.split_at(PREFIX_LEN / 2);
        let mut shared = RequestId::example();
        for (pair, byte) in shared.0.chunks_exact_mut(2).zip(prefix) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self { shared, count: Cell::new(0), scramble: Scramble::of(keys) }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let count = self.count.get();
        self.count.set(count.wrapping_add(1));
        self.shared.ending_in(self.scramble.scrambled(count))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestId {
    /// An example, where there is no request.
    pub fn example() -> Self {
        Self([b'0'; LEN])
    }

    /// The id as it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn ending_in(mut self, number: u32) -> Self {
        for (pair, byte) in self.0.chunks_exact_mut(2).skip(PREFIX_LEN / 2).zip(number.to_be_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        self
    }

    /// The id as text.
    #[expect(clippy::missing_panics_doc, reason = "it never does")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are UTF-8")
    }
}

/// A permutation of all counts under a random key: a Feistel network of four rounds. It takes a few instructions, and
/// is no cipher: whoever collects many ids and works on them may come to know the key.
#[derive(Debug)]
struct Scramble([(u32, u32); 4]);

impl Scramble {
    fn of(keys: &[u8]) -> Self {
        let mut words =
            keys.chunks_exact(4).map(|word| word.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte)));
        Self([(); 4].map(|()| (words.next().unwrap_or_default() | 1, words.next().unwrap_or_default())))
    }

    fn scrambled(&self, count: u32) -> u32 {
        let (mut left, mut right) = (count >> 16, count & 0xffff);
        for (factor, summand) in self.0 {
            let mixed = right.wrapping_mul(factor).wrapping_add(summand);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(MIX);
            (left, right) = (right, left ^ (mixed >> 16));
        }
        (left << 16) | right
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn digit(number: u8) -> u8 {
    if number < 10 { b'0' + number } else { b'a' + number - 10 }
}

const LEN: usize = 24;
const PREFIX_LEN: usize = 16;
/// Two words a round.
const SCRAMBLE_LEN: usize = 4 * 2 * 4;
/// A multiplier of `MurmurHash3`.
const MIX: u32 = 0x85eb_ca6b;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_24_characters_and_differ() {
        let ids = RequestIds::new();
        let (one, two) = (ids.next(), ids.next());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 24);
        assert_eq!(one.as_str().get(..PREFIX_LEN), two.as_str().get(..PREFIX_LEN));
        assert!(one.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    fn endings(how_many: usize) -> Vec<u32> {
        let ids = RequestIds::new();
        let ending = |id: RequestId| u32::from_str_radix(id.as_str().get(PREFIX_LEN..).unwrap(), 16).unwrap();
        (0..how_many).map(|_| ending(ids.next())).collect()
    }

    #[test]
    fn no_id_repeats_within_one_run() {
        let endings = endings(200_000);
        assert_eq!(endings.iter().collect::<BTreeSet<_>>().len(), endings.len());
    }

    #[test]
    fn the_distance_of_two_ids_does_not_tell_how_many_came_between() {
        let endings = endings(2_000);
        for apart in [1, 2, 10, 256, 1000] {
            let later = endings.iter().skip(apart);
            let distances: BTreeSet<u32> =
                endings.iter().zip(later).map(|(one, other)| other.wrapping_sub(*one)).collect();
            assert!(distances.len() > 900, "{apart} apart, ids have {} distances", distances.len());
        }
    }
}
