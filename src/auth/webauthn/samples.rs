//! An authenticator in software, for tests.

#[path = "../../../tests/it/support/authenticator.rs"]
#[expect(dead_code, reason = "the integration tests use the rest of it")]
mod authenticator;

pub(super) use authenticator::*;
