//! The command line: one file a command.

pub mod check;
pub mod explain;
pub mod hash;
pub mod password_prompt;
pub mod user;
