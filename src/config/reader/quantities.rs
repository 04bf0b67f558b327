//! Whole numbers, durations and sizes, read within their bounds.

use std::{ops::RangeInclusive, time::Duration};

use toml::de::DeValue;

use super::{Field, Reader, Text};
use crate::config::{
    excerpt::excerpt,
    quantity::{self, NoQuantity},
};

impl Reader {
    /// A whole number within bounds.
    pub(in crate::config) fn integer(
        &self,
        field: Option<Field<'_>>,
        bounds: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(field) = field else { return default };
        let DeValue::Integer(integer) = field.value.get_ref() else {
            let unquoted = self.as_text(field.value).is_some_and(|text| text.content.parse::<u64>().is_ok());
            let help = unquoted.then(|| "leave out the quotes".to_owned());
            self.wrong_type(&field, "a whole number", help);
            return default;
        };
        let digits = integer.as_str().replace('_', "");
        let value = u64::from_str_radix(&digits, integer.radix()).ok();
        if let Some(value) = value.filter(|value| bounds.contains(value)) {
            return value;
        }
        let message = format!("`{}` is out of range", field.name);
        let help = format!("it lies between {} and {}", bounds.start(), bounds.end());
        self.report(self.error(&field.value.span(), message).help(help));
        default
    }

    /// A duration longer than zero.
    pub(in crate::config) fn duration(&self, field: Option<Field<'_>>, default: Duration) -> Duration {
        let duration = self.duration_or_none(field.clone(), default);
        match field {
            Some(field) if duration.is_zero() => {
                let message = format!("`{}` must be longer than zero", field.name);
                let help = "nothing could ever happen in no time; leave the key out for its default";
                self.report(self.error(&field.value.span(), message).help(help));
                default
            }
            _ => duration,
        }
    }

    /// A duration that may be zero.
    pub(in crate::config) fn duration_or_none(
        &self,
        field: Option<Field<'_>>,
        default: Duration,
    ) -> Duration {
        let Some(field) = field else { return default };
        let Some(text) = self.quantity(&field, "a duration", "30s", |seconds| {
            quantity::show_duration(Duration::from_secs(seconds))
        }) else {
            return default;
        };
        match quantity::duration(text.content) {
            Ok(duration) => duration,
            Err(wrong) => {
                self.no_quantity(&field, &text, wrong);
                default
            }
        }
    }

    /// A size in bytes, within bounds.
    pub(in crate::config) fn size(
        &self,
        field: Option<Field<'_>>,
        bounds: RangeInclusive<u64>,
        default: u64,
    ) -> u64 {
        let Some(field) = field else { return default };
        let Some(text) = self.quantity(&field, "a size", "10MiB", quantity::show_size) else {
            return default;
        };
        match quantity::size(text.content) {
            Ok(size) if bounds.contains(&size) => size,
            Ok(_) => {
                let (least, most) =
                    (quantity::show_size(*bounds.start()), quantity::show_size(*bounds.end()));
                let message = format!("`{}` is out of range", field.name);
                self.report(
                    self.error(&text.span, message).help(format!("it lies between {least} and {most}")),
                );
                default
            }
            Err(wrong) => {
                self.no_quantity(&field, &text, wrong);
                default
            }
        }
    }

    /// The text of a quantity. The hint for a bare number takes it in the smallest unit: seconds, bytes.
    fn quantity<'d>(
        &self,
        field: &Field<'d>,
        expected: &str,
        example: &str,
        shown_as: impl FnOnce(u64) -> String,
    ) -> Option<Text<'d>> {
        let text = self.as_text(field.value);
        if text.is_none() {
            let help = match field.value.get_ref() {
                DeValue::Integer(number) => {
                    number.as_str().parse().map_or_else(|_| example.to_owned(), shown_as)
                }
                _ => example.to_owned(),
            };
            self.wrong_type(field, expected, Some(format!("write `{} = \"{help}\"`", field.name)));
        }
        text
    }

    /// Reports a text that is no duration or size.
    pub(in crate::config) fn no_quantity(&self, field: &Field<'_>, text: &Text<'_>, wrong: NoQuantity) {
        let message = format!("`{}` cannot be \"{}\"", field.name, excerpt(text.content));
        self.report(self.error(&text.span, message).label(wrong.problem).help(wrong.help));
    }
}
