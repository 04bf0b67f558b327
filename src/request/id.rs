//! A name for each request, to find it again in every log.

use std::{cell::Cell, fmt};

use aws_lc_rs::rand;

/// 24 characters: 16 that one run of one worker shares, and a count. Unique, not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LEN]);

/// Makes the ids of one worker.
#[derive(Debug)]
pub struct RequestIds {
    prefix: [u8; 16],
    next: Cell<u32>,
}

impl RequestIds {
    /// A new sequence with a random prefix.
    pub fn new() -> Self {
        let mut random = [0; 8];
        // Without randomness ids could repeat after a restart; nothing depends on that but reading logs.
        if rand::fill(&mut random).is_err() {
            tracing::warn!("request ids are not unique over restarts: no randomness");
        }
        let mut prefix = [0; 16];
        for (pair, byte) in prefix.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&hex(byte));
        }
        Self { prefix, next: Cell::new(0) }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let count = self.next.get();
        self.next.set(count.wrapping_add(1));
        let mut id = [0; LEN];
        let (prefix, counted) = id.split_at_mut(16);
        prefix.copy_from_slice(&self.prefix);
        for (pair, byte) in counted.chunks_exact_mut(2).zip(count.to_be_bytes()) {
            pair.copy_from_slice(&hex(byte));
        }
        RequestId(id)
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

fn hex(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

const LEN: usize = 24;

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
}
