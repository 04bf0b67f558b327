//! The checksum at the end of a token: CRC-32 in six digits of base 62.
//!
//! The checksum tells a token from a typing error and from random text without any look-up. It is no protection: anybody
//! can compute it.

/// The digits of base 62, in their order.
pub(super) const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of a checksum.
pub(super) const LENGTH: usize = 6;

/// The checksum of a text.
pub(super) fn checksum(text: &[u8]) -> [u8; LENGTH] {
    let mut rest = crc32(text);
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}

/// CRC-32 as in ISO 3309 and zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_has_its_known_values() {
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414f_a339);
    }

    #[test]
    fn a_checksum_has_six_digits_for_every_value() {
        assert_eq!(&checksum(b""), b"000000");
        // 0xcbf43926 in base 62.
        assert_eq!(&checksum(b"123456789"), b"3jZRME");
    }
}
