//! The token that a connection brought last, so that the same one again need not be read again.
//!
//! A browser sends its cookie with every request. To decode it and to hash it is pure: the same value is the
//! same key for ever, and that alone is remembered here. Whether there is a session under that key, and whether
//! it may be used, is asked each time.

use std::{
    cell::Cell,
    hash::{BuildHasher, Hasher, RandomState},
};

use super::{SessionKey, SessionToken, token::COOKIE_CHARS};

/// What is remembered is no secret: a [`SessionKey`], and by which value to know it again, a fingerprint of
/// 128 bits under a random key.
///
/// Not the value itself, which would lie readable in memory for as long as the connection idles. To be taken
/// for somebody else, a stranger would have to share a connection with them (behind a proxy that is not told
/// apart) and to hit their fingerprint, of which nothing ever leaves this process, with one guess a request.
/// How long a comparison takes tells a client only whether it brought what was brought here before.
#[derive(Debug, Default)]
pub struct LastToken {
    secret: RandomState,
    last: Cell<Option<(Fingerprint, SessionKey)>>,
}

type Fingerprint = [u64; 2];

impl LastToken {
    /// The key for the value of a session cookie; `None`: it is no token.
    pub fn key_of(&self, value: &[u8]) -> Option<SessionKey> {
        if value.len() != COOKIE_CHARS {
            return None;
        }
        let fingerprint = self.fingerprint(value);
        match self.last.get() {
            Some((last, key)) if last == fingerprint => Some(key),
            _ => {
                let key = SessionToken::from_cookie(value)?.key();
                self.last.set(Some((fingerprint, key)));
                Some(key)
            }
        }
    }

    /// `SipHash` keeps 256 bits of state; two ends of it make 128 of what it gives.
    fn fingerprint(&self, value: &[u8]) -> Fingerprint {
        let mut one = self.secret.build_hasher();
        one.write(value);
        let mut other = one.clone();
        other.write_u8(0);
        [one.finish(), other.finish()]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_known_again_and_not_kept() {
        let token = SessionToken::generate().unwrap();
        let last = LastToken::default();
        assert_eq!(last.key_of(token.to_cookie().as_bytes()), Some(token.key()));
        let remembered = last.last.get();
        assert!(remembered.is_some());
        assert_eq!(last.key_of(token.to_cookie().as_bytes()), Some(token.key()));
        assert_eq!(last.last.get(), remembered);
        assert!(!format!("{last:?}").contains(token.to_cookie().as_str()));
    }

    proptest! {
        #[test]
        fn what_was_brought_before_changes_nothing(
            brought in prop::collection::vec((0..4_usize, 0..6_usize), 1..20),
        ) {
            let tokens: Vec<_> =
                (0..4).map(|_| SessionToken::generate().unwrap().to_cookie().to_string()).collect();
            let last = LastToken::default();
            for (which, how) in brought {
                let token = &tokens[which];
                let value = match how {
                    0 => token.get(..42).unwrap().to_owned(),
                    1 => token.to_owned() + "A",
                    2 => token.get(..42).unwrap().to_owned() + "!",
                    3 => String::new(),
                    _ => token.to_owned(),
                };
                let alone = SessionToken::from_cookie(value.as_bytes()).map(|token| token.key());
                prop_assert_eq!(last.key_of(value.as_bytes()), alone, "{}", value);
            }
        }
    }
}
