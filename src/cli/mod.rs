//! The command line: one file a command.

pub mod hash;
pub mod password_prompt;
pub mod user;
