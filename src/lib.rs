//! Portcullis puts a login in front of web applications that have none.

pub mod access;
pub mod assembly;
pub mod backends;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod forward;
pub mod gateway;
pub mod identity;
pub mod pages;
pub mod portal;
pub mod refusal;
pub mod request;
pub mod server;
pub mod session;
pub mod snapshot;
pub mod stall;
pub mod telemetry;
pub mod users;
