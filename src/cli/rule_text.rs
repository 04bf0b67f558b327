//! Text about rules.

use std::time::Duration;

use crate::{
    access::{Missing, Rule},
    config,
};

/// The requirement of a rule, with the age of the sign-in that it asks for, and whether it is enforced.
pub(super) fn requires(rule: &Rule) -> String {
    let mut words = rule.requirement.to_string();
    if let Some(max_age) = rule.assurance.max_age {
        words.push_str(", ");
        words.push_str(&confirmed_in_the_last(max_age));
    }
    if !rule.is_enforced() {
        words.push_str(" (not enforced)");
    }
    words
}

/// The step that a user lacks.
pub(super) fn lacks(missing: Missing) -> String {
    let Missing::RecentProof { max_age } = missing;
    confirmed_in_the_last(max_age)
}

fn confirmed_in_the_last(max_age: Duration) -> String {
    format!("confirmed in the last {}", config::show_duration(max_age))
}
