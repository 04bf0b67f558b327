//! Text about rules.

use crate::{access::Rule, config};

/// The requirement of a rule, with the age of the sign-in that it asks for, and whether it is enforced.
pub(super) fn requires(rule: &Rule) -> String {
    let mut words = rule.requirement.to_string();
    if let Some(age) = rule.max_age {
        words.push_str(", confirmed in the last ");
        words.push_str(&config::show_duration(age));
    }
    if !rule.is_enforced() {
        words.push_str(" (not enforced)");
    }
    words
}
