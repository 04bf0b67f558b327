//! Common passwords.
//!
//! The list is that of Django's `CommonPasswordValidator` (`django/contrib/auth/common-passwords.txt.gz`, made by Royce
//! Williams of lists of breached passwords), sorted.

/// Whether the text is on the list, whatever its case and the white space around it.
pub(super) fn contains(text: &str) -> bool {
    let lower = text.to_lowercase();
    let looked_for = lower.trim();
    LIST.lines().any(|common| common == looked_for)
}

const LIST: &str = include_str!("common-passwords.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_found_in_any_case() {
        for text in ["password", "PASSWORD", " iloveyou ", "123456"] {
            assert!(contains(text), "{text}");
        }
        for text in ["", "velvet turbine oyster"] {
            assert!(!contains(text), "{text}");
        }
        let lines: Vec<&str> = LIST.lines().collect();
        assert!(lines.len() > 19_000 && lines.is_sorted());
        assert!(lines.iter().all(|line| line.to_lowercase() == **line && line.trim() == *line));
    }
}
