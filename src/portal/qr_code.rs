//! A QR code as the path of an inline SVG.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};

/// A QR code with its quiet zone of four modules (ISO/IEC 18004 §6.3.8).
pub(super) struct QrCode {
    size: usize,
    path: String,
}

impl QrCode {
    /// The code of a text; `None` if it is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let mut path = String::new();
        for (y, row) in
            (0..code.size).filter_map(|y| Some((y, code.data.get(y * code.size..(y + 1) * code.size)?)))
        {
            for (x, _) in row.iter().enumerate().filter(|(_, module)| module.value()) {
                write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).ok()?;
            }
        }
        Some(Self { size: code.size + 2 * QUIET, path })
    }

    /// Width and height in modules.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The dark modules, as the `d` of a path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_finder_patterns_inside_its_quiet_zone() {
        let code = QrCode::of("otpauth://totp/x:y?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let is_dark = |x: usize, y: usize| code.path().contains(&format!("M{x} {y}h"));
        let last = code.size() - 1;
        for place in 4..11 {
            assert!(
                is_dark(place, 4)
                    && is_dark(4, place)
                    && is_dark(last - place, 4)
                    && is_dark(4, last - place)
            );
        }
        for place in 0..=last {
            for edge in [0, 1, 2, 3, last, last - 1, last - 2, last - 3] {
                assert!(!is_dark(place, edge) && !is_dark(edge, place));
            }
        }
        assert!(QrCode::of(&"x".repeat(5000)).is_none());
    }
}
