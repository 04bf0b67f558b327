//! The command line.
//!
//! `arguments` parses it and starts a command; each command has a file of its
//! own. A command takes standard output, standard error, clock and input as
//! parameters, so that tests run it in process. Text on standard output is
//! escaped: names, paths and URLs come from other people than its reader.

mod arguments;
mod assertion;
mod backend;
mod check;
mod counted;
mod explain;
mod failure;
mod hash;
mod mail;
mod operator;
mod output;
mod owner;
mod password_prompt;
mod preset;
mod pwned;
mod reload;
mod rule_text;
mod running;
mod secrets;
mod serve;
mod session;
mod state;
mod table;
mod throttle;
mod token;
mod user;

pub use arguments::{Arguments, run};
