//! `portcullis hash`: the hash of a password, for files of users that a person writes.

use std::{
    io::{self, Write},
    path::Path,
};

use clap::Args;

use super::{
    failure::Failure,
    output::out,
    password_prompt::{Input, PromptError},
    state::configuration,
};
use crate::users::{HashSettings, Passwords, UnusablePassword};

/// Print the argon2id hash of a password that is asked for, or read as one line of standard input
#[derive(Clone, Debug, Args)]
pub(super) struct HashArgs {}

/// Why no hash was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashError {
    /// No password was given.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The password cannot be used.
    #[error(transparent)]
    Unusable(#[from] UnusablePassword),
    /// Standard output is closed.
    #[error("writing the hash: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &HashArgs, file: &Path) -> Result<(), Failure> {
    // Without a configuration, the default settings apply.
    let settings = if file.exists() { configuration(file)?.password } else { HashSettings::default() };
    Ok(run(args, settings, &mut Input::from_stdin(), &mut out())?)
}

/// Asks for a password and prints its argon2id hash in PHC format, on a line of its own.
pub(super) fn run(
    _args: &HashArgs,
    settings: HashSettings,
    input: &mut Input<'_>,
    out: &mut dyn Write,
) -> Result<(), HashError> {
    let password = input.new_password("Password to hash")?;
    password.usable()?;
    writeln!(out, "{}", Passwords::hash_now(settings, &password).as_phc())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::PasswordHash;

    const QUICK: HashSettings = HashSettings { memory: 64, iterations: 1, parallelism: 1 };

    fn run_with(typed: &[u8]) -> (Result<(), String>, String) {
        let mut out = Vec::new();
        let result = run(&HashArgs {}, QUICK, &mut Input::Program(Box::new(typed)), &mut out);
        (result.map_err(|error| error.to_string()), String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn hash_prints_one_hash_that_verifies_the_password() {
        let (result, out) = run_with(b"weak\n");
        result.unwrap();
        let hash = PasswordHash::parse(out.strip_suffix('\n').unwrap()).unwrap();
        let passwords = Passwords::start(QUICK, 1, 1);
        let verdict = passwords.verify(Some(hash), "weak".to_owned().into()).await.unwrap();
        assert_eq!(verdict, crate::users::Verdict::Right { upgrade: None });
    }

    #[test]
    fn hash_refuses_an_unusable_password() {
        for typed in [&b""[..], b"\n", b"nul\0\n"] {
            let (result, out) = run_with(typed);
            assert!(result.is_err() && out.is_empty(), "{typed:?}");
        }
    }
}
