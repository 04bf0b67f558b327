//! Portcullis puts a login in front of web applications that have none.

pub mod access;
pub mod backends;
pub mod cli;
pub mod clock;
pub mod config;
pub mod forward;
pub mod identity;
pub mod request;
pub mod session;
pub mod telemetry;
pub mod users;
