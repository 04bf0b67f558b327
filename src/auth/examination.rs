//! The steps of an examination of a backend, for `portcullis backend test`.

use serde::Serialize;

/// One step of an examination.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The subject: `connection`, `groups`.
    pub step: &'static str,
    /// How it went.
    pub result: StepResult,
    /// The question and the response, a sentence each.
    pub details: Vec<String>,
    /// The remedy; empty if none is needed.
    pub remedy: String,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepResult {
    /// As it should.
    Ok,
    /// The step works, and something about it is doubtful.
    Warning,
    /// The step failed: no user could sign in, or this one could not.
    Failed,
}
