//! Text about rules.

use std::time::Duration;

use crate::{
    access::{Assurance, Missing, RequiredFactors, Rule},
    config,
    identity::{ProofMethod, ProofMethods},
};

/// The requirement of a rule, with the age of the sign-in that it asks for, and whether it is enforced.
pub(super) fn requires(rule: &Rule) -> String {
    let mut words = rule.requirement.to_string();
    if let Some(asked) = assurance(rule.assurance) {
        words.push_str(", ");
        words.push_str(&asked);
    }
    if !rule.is_enforced() {
        words.push_str(" (not enforced)");
    }
    words
}

/// The assurance of a rule; `None`: it asks for none.
fn assurance(Assurance { factors, max_age }: Assurance) -> Option<String> {
    let within = max_age.map(|age| format!(" in the last {}", config::show_duration(age)));
    match factors {
        None => max_age.map(confirmed_in_the_last),
        Some(RequiredFactors::Two) => Some(format!("two factors{}", within.unwrap_or_default())),
        Some(RequiredFactors::AnyOf(methods)) => {
            Some(format!("{}{}", any_of(methods), within.unwrap_or_default()))
        }
    }
}

/// The step that a user lacks.
pub(super) fn lacks(Missing { methods, max_age }: Missing) -> String {
    match max_age {
        Some(max_age) if methods == ProofMethods::ALL => confirmed_in_the_last(max_age),
        Some(max_age) => format!("{} in the last {}", any_of(methods), config::show_duration(max_age)),
        None => any_of(methods),
    }
}

fn any_of(methods: ProofMethods) -> String {
    if methods == ProofMethods::knowledge() {
        return "something known (password or provider)".to_owned();
    }
    if methods == ProofMethods::possession() {
        return "a second factor".to_owned();
    }
    methods.iter().map(ProofMethod::as_str).collect::<Vec<_>>().join(" or ")
}

fn confirmed_in_the_last(max_age: Duration) -> String {
    format!("confirmed in the last {}", config::show_duration(max_age))
}
