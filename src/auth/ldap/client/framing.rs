//! Messages within the stream of a connection: where one ends, and whether it is safe to look into it.

use super::ber::{BerError, Header, SEQUENCE};

/// The length of the message that starts here; `None` if its end is not there yet.
///
/// A length above [`MAX_MESSAGE`] is refused as soon as it is announced, and memory is spent only on bytes that came.
/// A whole message is walked once, without recursion: one that is nested more than [`MAX_DEPTH`] deep, or has an element
/// that ends after its surroundings, is refused before anything is read from it. Mallory's directory sends 20,000
/// elements in one another, on which a reader that calls itself runs out of stack and ends the process.
pub(super) fn message_length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(header) = Header::read(bytes).map_err(BerError::problem)? else { return Ok(None) };
    if header.tag != SEQUENCE {
        return Err("a message is no SEQUENCE");
    }
    let total = header.total().ok().filter(|total| *total <= MAX_MESSAGE);
    let total = total.ok_or("a message has more than 1 MiB")?;
    let Some(message) = bytes.get(..total) else { return Ok(None) };
    walk(message)?;
    Ok(Some(total))
}

fn walk(message: &[u8]) -> Result<(), &'static str> {
    // The ends of the elements that surround the current place, the outermost first.
    let mut ends = [0; MAX_DEPTH];
    let mut depth = 0;
    let mut at = 0;
    loop {
        while ends.get(..depth).and_then(<[usize]>::last).is_some_and(|end| *end == at) {
            depth -= 1;
        }
        if at == message.len() {
            return Ok(());
        }
        let end = ends.get(..depth).and_then(<[usize]>::last).copied().unwrap_or(message.len());
        let rest = message.get(at..end).unwrap_or_default();
        let header = Header::read(rest).map_err(BerError::problem)?.ok_or(BerError::Overlong.problem())?;
        let total = header.total().map_err(BerError::problem)?;
        if total > rest.len() {
            return Err(BerError::Overlong.problem());
        }
        if header.is_constructed() {
            let Some(place) = ends.get_mut(depth) else { return Err("a message is nested too deeply") };
            *place = at + total;
            depth += 1;
            at += header.size;
        } else {
            at += total;
        }
    }
}

/// Largest message that is read. An entry has 1 KiB usually.
pub(super) const MAX_MESSAGE: usize = 1024 * 1024;
/// Deepest nesting of a message. Messages of RFC 4511 that come from a server need 6.
pub(super) const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..depth {
            let length = u32::try_from(bytes.len()).unwrap();
            let mut outer = vec![SEQUENCE, 0x84];
            outer.extend(length.to_be_bytes());
            outer.append(&mut bytes);
            bytes = outer;
        }
        bytes
    }

    #[test]
    fn nesting_has_a_limit() {
        for depth in [1, 31, 32] {
            assert_eq!(message_length(&nested(depth)), Ok(Some(6 * depth)));
        }
        for depth in [33, 20_000] {
            assert_eq!(message_length(&nested(depth)), Err("a message is nested too deeply"));
        }
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_the_message_comes() {
        for header in [
            &[0x30, 0x84, 0x80, 0, 0, 0][..],
            &[0x30, 0x84, 0, 0x10, 0, 0],
            &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(message_length(header), Err("a message has more than 1 MiB"), "{header:?}");
        }
        assert_eq!(message_length(&[0x30, 0x84, 0, 0x0f, 0xff, 0xfa]), Ok(None));
    }

    #[test]
    fn a_message_that_has_not_come_whole_is_waited_for() {
        let message = [0x30, 0x05, 0x02, 0x01, 0x01, 0x42, 0x00];
        for length in 0..message.len() {
            assert_eq!(message_length(&message[..length]), Ok(None));
        }
        assert_eq!(message_length(&message), Ok(Some(7)));
        assert_eq!(message_length(&[&message[..], &[0xff]].concat()), Ok(Some(7)));
    }

    #[test]
    fn broken_messages_are_refused() {
        for (bytes, problem) in [
            (&[0x02, 0x01, 0x01][..], "a message is no SEQUENCE"),
            (b"HTTP/1.1 400", "a message is no SEQUENCE"),
            (&[0x30, 0x80, 0, 0], "a length is indefinite"),
            (&[0x30, 0x04, 0x30, 0x80, 0, 0], "a length is indefinite"),
            (&[0x30, 0x02, 0x04, 0x01], "an element is longer than its surroundings"),
            (&[0x30, 0x05, 0x30, 0x02, 0x04, 0x01, 0x00], "an element is longer than its surroundings"),
            (&[0x30, 0x01, 0x04], "an element is longer than its surroundings"),
            (&[0x30, 0x03, 0x1f, 0x21, 0x00], "a tag is one that LDAP does not have"),
        ] {
            assert_eq!(message_length(bytes), Err(problem), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_walk_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut message = vec![SEQUENCE, 0x82];
            message.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            message.extend(&bytes);
            if let Ok(length) = message_length(&message) {
                prop_assert_eq!(length, Some(message.len()));
            }
        }
    }
}
