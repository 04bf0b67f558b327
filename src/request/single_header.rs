//! A header field that a message may have once.
//!
//! Two programs may take different values of a field that comes twice: Mallory sends `Origin: https://app.example` and
//! `Origin: https://evil.example`, and the check and the application each read another one. The caller has to
//! say what becomes of a message that has the field twice.

use http::{HeaderMap, HeaderValue, header::AsHeaderName};

/// A header field that may come once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleHeader<'h> {
    /// The message does not have it.
    Absent,
    /// The message has it once.
    Once(&'h HeaderValue),
    /// The message has it more than once.
    Repeated,
}

/// A header field comes more than once, or its value is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl<'h> SingleHeader<'h> {
    /// Looks the field up.
    pub fn of(headers: &'h HeaderMap, name: impl AsHeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Once(value),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }

    /// The value, if the field comes once.
    pub fn once(self) -> Option<&'h HeaderValue> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }

    /// The value as text; `None` if the message does not have the field.
    pub fn text(self) -> Result<Option<&'h str>, Unreadable> {
        match self {
            Self::Absent => Ok(None),
            Self::Once(value) => value.to_str().map(Some).map_err(|_| Unreadable),
            Self::Repeated => Err(Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::ORIGIN;

    use super::*;

    #[test]
    fn a_repeated_field_has_no_value() {
        let mut headers = HeaderMap::new();
        assert_eq!(SingleHeader::of(&headers, ORIGIN), SingleHeader::Absent);
        assert_eq!(SingleHeader::of(&headers, ORIGIN).text(), Ok(None));
        headers.append(ORIGIN, HeaderValue::from_static("a"));
        assert_eq!(SingleHeader::of(&headers, ORIGIN).once().unwrap(), "a");
        assert_eq!(SingleHeader::of(&headers, ORIGIN).text(), Ok(Some("a")));
        headers.append(ORIGIN, HeaderValue::from_static("a"));
        assert_eq!(SingleHeader::of(&headers, ORIGIN), SingleHeader::Repeated);
        assert_eq!(SingleHeader::of(&headers, ORIGIN).once(), None);
        assert_eq!(SingleHeader::of(&headers, ORIGIN).text(), Err(Unreadable));
    }
}
