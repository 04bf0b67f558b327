//! What the tests stand on.

pub mod client;
pub mod gateway;
pub mod upstream;
