//! Times in tokens: numbers of seconds since 1970 (RFC 7519 §2, `NumericDate`).

use serde_json::Value;

use crate::clock::Timestamp;

/// A value that is no time: a text, a negative number, or one that no clock will ever show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoNumericDate;

/// Reads a time. Seconds may have a fraction; the number lies between 0 and 2^53, up to which every JSON parser reads
/// the same number.
pub(super) fn read(value: &Value) -> Result<Timestamp, NoNumericDate> {
    let Value::Number(number) = value else { return Err(NoNumericDate) };
    if let Some(seconds) = number.as_u64() {
        let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds <= LARGEST);
        return seconds
            .and_then(|seconds| seconds.checked_mul(1000))
            .map(Timestamp::from_millis)
            .ok_or(NoNumericDate);
    }
    let seconds = number.as_f64().ok_or(NoNumericDate)?;
    if !(0.0..LARGEST_FRACTION).contains(&seconds) {
        return Err(NoNumericDate);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^53 seconds, which fit in milliseconds")]
    Ok(Timestamp::from_millis((seconds * 1000.0) as i64))
}

/// 2^53.
const LARGEST: i64 = 1 << 53;
const LARGEST_FRACTION: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_sane_number_is_a_time() {
        for (value, millis) in [
            (json!(0), 0),
            (json!(1_700_000_000), 1_700_000_000_000),
            (json!(1_700_000_000.5), 1_700_000_000_500),
            (json!(4_102_444_800_u64), 4_102_444_800_000),
            (json!(1_u64 << 53), 9_007_199_254_740_992_000),
        ] {
            assert_eq!(read(&value), Ok(Timestamp::from_millis(millis)), "{value}");
        }
        for value in [
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!((1_u64 << 53) + 1),
            json!(u64::MAX),
            json!("1700000000"),
            json!(null),
            json!(true),
            json!([1_700_000_000]),
        ] {
            assert_eq!(read(&value), Err(NoNumericDate), "{value}");
        }
    }
}
