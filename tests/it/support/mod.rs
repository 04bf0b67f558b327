//! What the tests stand on.

pub mod browser;
pub mod client;
pub mod gateway;
pub mod process;
pub mod upstream;
pub mod visitor;
