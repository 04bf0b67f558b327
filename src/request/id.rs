//! A name for each request, to find it again in every log.

use std::{cell::Cell, fmt};

use aws_lc_rs::rand;

/// 24 characters: 16 that one run of one worker shares, and a count. Unique, not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LEN]);

/// Makes the ids of one worker.
#[derive(Debug)]
pub struct RequestIds {
    next: Cell<RequestId>,
}

impl RequestIds {
    /// A new sequence with a random prefix.
    pub fn new() -> Self {
        let mut random = [0; PREFIX_LEN / 2];
        // Without randomness ids could repeat after a restart; nothing depends on that but reading logs.
        if rand::fill(&mut random).is_err() {
            tracing::warn!("request ids are not unique over restarts: no randomness");
        }
        let mut first = RequestId::example();
        for (pair, byte) in first.0.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self { next: Cell::new(first) }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let id = self.next.get();
        self.next.set(id.following());
        id
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestId {
    /// Stands for an id where there is no request.
    pub fn example() -> Self {
        Self([b'0'; LEN])
    }

    /// The id as it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Counts one up, digit by digit as on paper: one changes, nearly always.
    fn following(mut self) -> Self {
        for digit in self.0.iter_mut().skip(PREFIX_LEN).rev() {
            *digit = match *digit {
                b'9' => b'a',
                b'f' => b'0',
                less => less + 1,
            };
            if *digit != b'0' {
                break;
            }
        }
        self
    }

    /// The id as text.
    #[expect(clippy::missing_panics_doc, reason = "it never does")]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits are UTF-8")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_24_characters_and_differ() {
        let ids = RequestIds::new();
        let (one, two) = (ids.next(), ids.next());
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), 24);
        assert!(one.as_str().ends_with("00000000") && two.as_str().ends_with("00000001"));
        assert!(one.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn the_end_of_an_id_counts_and_begins_anew_after_the_last() {
        let ids = RequestIds::new();
        let first = ids.next();
        let prefix = first.as_str().strip_suffix("00000000").expect("the first");
        for count in 1..70_000 {
            assert_eq!(ids.next().as_str(), format!("{prefix}{count:08x}"));
        }
        let last = RequestId(*b"0123456789abcdefffffffff");
        assert_eq!(last.following().as_str(), "0123456789abcdef00000000");
    }
}
