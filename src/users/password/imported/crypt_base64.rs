//! The alphabet of `crypt(3)`: `./0-9A-Za-z`, each character six bits, the lowest first.

/// The number that the characters spell, the lowest six bits first; `None` for another character.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    text.iter().rev().try_fold(0_u64, |number, character| Some(number << 6 | u64::from(value(*character)?)))
}

/// The bytes that the characters spell: four of them for three bytes.
pub(super) fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        let number = number(group)?;
        // Three characters stand for two bytes, two for one.
        bytes.extend(number.to_le_bytes().into_iter().take(group.len() * 3 / 4));
    }
    Some(bytes)
}

/// The value of one character.
pub(super) fn value(character: u8) -> Option<u8> {
    Some(match character {
        b'.' => 0,
        b'/' => 1,
        b'0'..=b'9' => character - b'0' + 2,
        b'A'..=b'Z' => character - b'A' + 12,
        b'a'..=b'z' => character - b'a' + 38,
        _ => return None,
    })
}

/// The lowest `length` groups of six bits of a number, as text.
pub(super) fn spelled(mut number: u32, length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        let index = usize::try_from(number & 0x3f).unwrap_or_default();
        text.push(ALPHABET.get(index).copied().map_or('.', char::from));
        number >>= 6;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_is_read_again() {
        for number_ in [0, 1, 63, 64, 0x00ab_cdef] {
            assert_eq!(number(spelled(number_, 4).as_bytes()), Some(u64::from(number_)));
        }
        assert_eq!(bytes(b"!"), None);
        assert_eq!(bytes(b"/...").unwrap(), [1, 0, 0]);
    }
}
