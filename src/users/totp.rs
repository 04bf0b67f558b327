//! One-time passwords of authenticator apps: SHA-1, 6 digits, 30 seconds (RFC 6238).
//!
//! Other values fail silently in several apps. This module computes and compares; that a code is accepted once is the
//! store's part, see `sqlite::totp`.

use std::fmt;

use aws_lc_rs::{constant_time, rand};
use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::clock::Timestamp;

/// The secret that an authenticator app shares with the gateway: 160 random bits (RFC 4226 §4, R6).
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; Self::BYTES]>);

/// The number of a period of 30 seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TotpStep(pub(super) i64);

/// A typed code: six digits.
#[derive(Clone)]
pub struct TotpCode(Zeroizing<String>);

/// The operating system had no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("asking the operating system for random bytes")]
pub struct NoTotpSecret;

impl TotpSecret {
    /// Size of a secret.
    pub const BYTES: usize = 20;

    /// A new secret.
    pub fn generate() -> Result<Self, NoTotpSecret> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        rand::fill(&mut *bytes).map_err(|_| NoTotpSecret)?;
        Ok(Self(bytes))
    }

    /// The secret of these bytes; `None`: there are not as many as a secret has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut secret = Zeroizing::new([0; Self::BYTES]);
        if bytes.len() != Self::BYTES {
            return None;
        }
        secret.copy_from_slice(bytes);
        Some(Self(secret))
    }

    /// Its bytes, to be sealed.
    pub(super) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The text for typing, in groups of four characters.
    pub fn to_groups(&self) -> Zeroizing<String> {
        let text = self.to_base32();
        let groups = text.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group));
        Zeroizing::new(groups.collect::<Vec<_>>().join(" "))
    }

    /// The address that authenticator apps read from a QR code.
    pub fn to_address(&self, issuer: &str, user: &str) -> Zeroizing<String> {
        // A colon would end the issuer within the label.
        let issuer = issuer.replace(':', " ");
        let [issuer, user] = [issuer.trim(), user].map(|text| utf8_percent_encode(text, ESCAPED).to_string());
        let secret = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            *secret
        ))
    }

    /// The steps around `now` whose code this is: of the one before, this one and the one after, for clocks that are late
    /// or early by half a minute.
    pub fn steps_of(&self, code: &TotpCode, now: Timestamp) -> Vec<TotpStep> {
        let totp = self.totp();
        let now = TotpStep::at(now);
        let around = [now.0 - 1, now.0, now.0 + 1].map(TotpStep);
        around.into_iter().filter(|step| step.code(&totp).is_some_and(|right| code.is(&right))).collect()
    }

    /// The code of the step at `now`.
    pub fn code_at(&self, now: Timestamp) -> Option<Zeroizing<String>> {
        TotpStep::at(now).code(&self.totp())
    }

    fn totp(&self) -> Totp {
        // Refuses nothing of these values.
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(PERIOD)
            .with_skew(0)
            .with_secret(Secret::new_stack(*self.0))
            .build_noncompliant()
    }

    fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&*self.0))
    }
}

impl TotpStep {
    /// The step of a time.
    pub fn at(time: Timestamp) -> Self {
        Self(time.as_millis().div_euclid(1000).div_euclid(PERIOD.cast_signed()))
    }

    /// `None`: a step before 1970, whose code nobody has.
    fn code(self, totp: &Totp) -> Option<Zeroizing<String>> {
        let seconds = u64::try_from(self.0).ok()?.checked_mul(PERIOD)?;
        Some(Zeroizing::new(totp.generate(seconds).to_string()))
    }
}

impl TotpCode {
    /// Reads a typed code, which may have blanks in it; `None`: it has not six digits.
    pub fn parse(typed: &str) -> Option<Self> {
        let digits: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace()).take(7).collect());
        (digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(Self(digits))
    }

    fn is(&self, right: &str) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), right.as_bytes()).is_ok()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

const PERIOD: u64 = 30;
/// RFC 3986 §2.3, unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_codes_are_those_of_the_test_vectors_of_rfc_6238() {
        // Appendix B, the last six digits of the codes by SHA-1.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(*rfc().code_at(at(seconds)).unwrap(), code, "{seconds}");
        }
        assert!(rfc().code_at(at(-1)).is_none());
    }

    #[test]
    fn a_code_fits_in_its_step_the_one_before_and_the_one_after() {
        let code = TotpCode::parse("287082").unwrap();
        let fits = |seconds| rfc().steps_of(&code, at(seconds)) == [TotpStep(1)];
        for (seconds, expected) in [(-1, false), (0, true), (30, true), (59, true), (89, true), (90, false)] {
            assert_eq!(fits(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_compared_whole() {
        for place in 0..6 {
            let mut typed = b"287082".to_vec();
            typed[place] = b'0' + (typed[place] - b'0' + 1) % 10;
            let typed = TotpCode::parse(std::str::from_utf8(&typed).unwrap()).unwrap();
            assert!(rfc().steps_of(&typed, at(59)).is_empty(), "digit {place}");
        }
    }

    #[test]
    fn a_code_is_six_digits_with_or_without_blanks() {
        for typed in ["287082", " 287 082 ", "287\u{a0}082"] {
            assert_eq!(TotpCode::parse(typed).unwrap().0.as_str(), "287082", "{typed}");
        }
        for typed in ["", "28708", "2870822", "28708a", "٢٨٧٠٨٢", "+28708", "-28708"] {
            assert!(TotpCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn the_address_is_escaped() {
        let address = rfc().to_address("Example: Ltd & Söhne", "alice@example.com");
        assert_eq!(
            *address,
            "otpauth://totp/Example%20%20Ltd%20%26%20S%C3%B6hne:alice%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Example%20%20Ltd%20%26%20S%C3%B6hne&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(*rfc().to_groups(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn secrets_and_codes_print_nothing_of_themselves() {
        let printed = format!("{:?} {:?}", rfc(), TotpCode::parse("287082").unwrap());
        assert_eq!(printed, "TotpSecret(…) TotpCode(…)");
    }
}
