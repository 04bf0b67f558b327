//! Portcullis puts a login in front of web applications that have none.

pub mod backends;
pub mod cli;
pub mod clock;
pub mod identity;
pub mod pages;
pub mod portal;
pub mod refusal;
pub mod session;
pub mod telemetry;
pub mod users;
