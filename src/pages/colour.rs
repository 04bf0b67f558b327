//! The accent of the pages in another colour, with the contrast that people need to read it.

use std::fmt;

/// A colour of sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// Whether buttons, links and tags in this colour can be read on light pages (WCAG 2.2 1.4.3).
    pub fn is_readable(self) -> bool {
        self.contrast(WHITE) >= ENOUGH && self.contrast(self.wash()) >= ENOUGH
    }

    /// The lightest shade of this colour that can be read.
    #[must_use]
    pub fn readable(self) -> Self {
        (0..=100).map(|percent| self.mixed(BLACK, percent)).find(|shade| shade.is_readable()).unwrap_or(BLACK)
    }

    /// The rules that put this colour in the place of the stylesheet's own, in light and in dark. The dark pages have a
    /// lighter shade of it.
    pub(super) fn stylesheet(self) -> String {
        let dark = self.in_the_dark();
        let dark_wash = DARK_CARD.mixed(self, 22);
        format!(
            "\n:root {{\n  --accent: {self};\n  --accent-strong: {};\n  --on-accent: #ffffff;\n  --wash: {};\n  \
             --wash-edge: {};\n}}\n\n@media (prefers-color-scheme: dark) {{\n  :root {{\n    --accent: {dark};\n    \
             --accent-strong: {};\n    --on-accent: {};\n    --wash: {dark_wash};\n    --wash-edge: {};\n  }}\n}}\n",
            self.mixed(BLACK, 22),
            self.wash(),
            WHITE.mixed(self, 25),
            dark.mixed(WHITE, 25),
            self.mixed(BLACK, 85),
            DARK_CARD.mixed(self, 40),
        )
    }

    /// The background of tags and hints.
    fn wash(self) -> Self {
        WHITE.mixed(self, 9)
    }

    /// The darkest shade that can be read on dark pages.
    fn in_the_dark(self) -> Self {
        let backgrounds = [DARK_CARD, DARK_CARD.mixed(self, 22), self.mixed(BLACK, 85)];
        let can_be_read = |shade: &Self| {
            backgrounds.iter().all(|background| shade.contrast(*background) >= ENOUGH_IN_THE_DARK)
        };
        (0..=100).map(|percent| self.mixed(WHITE, percent)).find(can_be_read).unwrap_or(WHITE)
    }

    /// The colour with `percent` of another one mixed in.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mix = |own: u8, other: u8| {
            let sum = u16::from(own) * (100 - percent) + u16::from(other) * percent;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    /// The contrast ratio, from 1 to 21 (WCAG 2.2, *contrast ratio*).
    fn contrast(self, other: Self) -> f64 {
        let (own, other) = (self.luminance(), other.luminance());
        (own.max(other) + 0.05) / (own.min(other) + 0.05)
    }

    /// The relative luminance (WCAG 2.2, *relative luminance*).
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

const WHITE: Colour = Colour { red: 255, green: 255, blue: 255 };
const BLACK: Colour = Colour { red: 0, green: 0, blue: 0 };
/// `--card` of dark pages.
const DARK_CARD: Colour = Colour { red: 0x16, green: 0x1d, blue: 0x1b };
const ENOUGH: f64 = 4.5;
/// More than needed: a colour that is barely legible on white looks dull on black.
const ENOUGH_IN_THE_DARK: f64 = 5.5;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(Colour::parse("#0b6b5D").unwrap().to_string(), "#0b6b5d");
        for wrong in ["", "#", "0b6b5d", "#0b6b5", "#0b6b5d0", "#0b6b5g", "#+b6b5d", "teal", "#ääää", "#fff"]
        {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let grey = Colour::parse("#767676").unwrap();
        assert!((grey.contrast(WHITE) - 4.54).abs() < 0.01);
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 0.001);
        assert!(Colour::parse("#0b6b5d").unwrap().is_readable());
        assert!(!Colour::parse("#ffcc00").unwrap().is_readable());
    }

    proptest! {
        #[test]
        fn proposed_shade_of_any_colour_can_be_read(red: u8, green: u8, blue: u8) {
            let colour = Colour { red, green, blue };
            prop_assert!(colour.readable().is_readable());
            if colour.is_readable() {
                prop_assert_eq!(colour.readable(), colour);
            }
            let dark = colour.in_the_dark();
            prop_assert!(dark.contrast(DARK_CARD) >= 4.5, "{dark}");
            prop_assert!(dark.contrast(colour.mixed(BLACK, 85)) >= 4.5, "{dark}");
        }
    }
}
