//! An authenticator in software, for tests.

#[path = "../../../tests/it/support/authenticator.rs"]
mod authenticator;

pub(crate) use authenticator::*;
