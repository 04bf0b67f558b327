//! What the tests stand on.

#![expect(unreachable_pub, reason = "tests have no outside; `pub` says what the topics may use")]

pub mod browser;
pub mod client;
pub mod gateway;
pub mod process;
pub mod upstream;
pub mod visitor;
