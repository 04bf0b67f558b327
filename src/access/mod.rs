//! Who may do what: rules, the one that decides, and its decision.
//!
//! Pure: no clock, no I/O, no async. A [`Policy`] is compiled once from the
//! configuration. [`Policy::route`] finds the app of a request, [`decide`]
//! asks the rules and makes the only thing that can be forwarded, a
//! [`Permit`]. [`Ruling`] is the same decision in a form that can explain
//! itself; `decide` is made from it, so what `portcullis explain` prints is
//! what happens.

mod decision;
mod explanation;
mod filed;
mod mount;
mod pattern;
mod policy;
mod rule;
mod trie;

pub use decision::{
    Decision, Outcome, Permit, Reading, Reason, Ruling, Unenforced, decide, permit_preflight, rule_on,
};
pub use explanation::{Explanation, explain};
pub use mount::Mount;
pub use pattern::{Pattern, PatternError};
pub use policy::{App, AppId, Conflict, Duplicate, Policy, PolicyBuilder, Unrouted};
pub use rule::{Criteria, Enforcement, GrantedPermission, Place, Requirement, Rule};
