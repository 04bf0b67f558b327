//! The command line.
//!
//! `arguments` parses it and starts a command; each command has a file of its
//! own. A command takes standard output, standard error, clock and input as
//! parameters, so that tests run it in process. Text on standard output is
//! escaped: names, paths and URLs come from other people than its reader.

mod arguments;
pub mod check;
pub mod explain;
mod failure;
pub mod hash;
mod operator;
mod output;
mod owner;
pub mod password_prompt;
mod reload;
mod rule_text;
pub mod running;
mod serve;
pub mod session;
mod state;
mod table;
pub mod throttle;
pub mod user;

pub use arguments::{Arguments, run};
pub use failure::Failure;
