//! What the tests stand on.

pub mod browser;
pub mod client;
pub mod cookies;
pub mod frames;
pub mod gateway;
pub mod process;
pub mod redis;
pub mod upstream;
pub mod visitor;
