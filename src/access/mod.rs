//! Access rules, and the decision on a request.
//!
//! `config` compiles a [`Policy`] once. `gateway` finds the app of a request with [`Policy::route`] and calls [`decide`],
//! which asks the rules and makes a [`Permit`], the only value that `forward` takes. `portcullis explain` prints a
//! [`Ruling`], which comes from the same function as the decision: it prints what happens.
//!
//! The module is pure: no clock (the time is a parameter), no I/O, no async.

mod assurance;
mod decision;
mod explanation;
mod folded_trie;
mod judgement;
mod mount;
mod pattern;
mod policy;
mod rule;
mod scope;
mod trie;

pub use assurance::{Assurance, Missing, RequiredFactors};
pub use decision::{Decision, Permit, Ruling, decide, permit_preflight, rule_on};
pub use explanation::{Explanation, explain};
pub use judgement::{Outcome, Reading, Reason, Unenforced};
pub use mount::Mount;
pub use pattern::{Pattern, PatternError};
pub use policy::{App, AppId, Conflict, Duplicate, Policy, PolicyBuilder, Unrouted};
pub use rule::{Criteria, Enforcement, GrantedPermission, Requirement, Rule, SourceLocation};
