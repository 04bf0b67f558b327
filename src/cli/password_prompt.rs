//! Prompts for passwords and confirmations.
//!
//! A password comes from a person at a terminal, typed twice without echo, or
//! from a program as one line of standard input. Never from an argument, which
//! the shell's history and the list of processes would show.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use crate::users::{Password, UnusablePassword};

/// The source of passwords and confirmations.
pub(super) enum Input<'a> {
    /// A person at a terminal. The reader gives confirmations; passwords come without echo from the terminal itself.
    Person(Box<dyn BufRead + 'a>),
    /// A program that writes to standard input.
    Program(Box<dyn BufRead + 'a>),
}

/// Why there is no password, or no confirmation.
#[derive(Debug, thiserror::Error)]
pub(super) enum PromptError {
    /// Terminal or standard input cannot be read.
    #[error("reading the password: {0}")]
    Read(#[from] io::Error),
    /// The two passwords differ.
    #[error("the two passwords are not the same, nothing was changed")]
    Differ,
    /// Standard input is empty.
    #[error("standard input is empty; the password is expected as its first line")]
    NoLine,
    /// Not UTF-8.
    #[error("the password on standard input is not valid UTF-8")]
    NotText,
    /// The password cannot be used: it is too long.
    #[error(transparent)]
    Unusable(#[from] UnusablePassword),
}

impl Input<'static> {
    /// Standard input: a person if it is a terminal, else a program. Holds its lock.
    pub(super) fn from_stdin() -> Self {
        let stdin = io::stdin().lock();
        if stdin.is_terminal() { Self::Person(Box::new(stdin)) } else { Self::Program(Box::new(stdin)) }
    }
}

impl Input<'_> {
    /// All that can be read, for a command that takes a file from standard input.
    pub(super) fn stream(&mut self) -> &mut dyn BufRead {
        match self {
            Self::Person(stream) | Self::Program(stream) => stream,
        }
    }

    /// Asks for a new password: a person twice.
    pub(super) fn new_password(&mut self, prompt: &str) -> Result<Password, PromptError> {
        match self {
            Self::Person(_) => {
                let first = Password::new(rpassword::prompt_password(format!("{prompt}: "))?);
                let again = Password::new(rpassword::prompt_password(format!("{prompt}, again: "))?);
                agreed(first, &again)
            }
            Self::Program(lines) => one_line(lines),
        }
    }

    /// Asks for a present password: a person once.
    pub(super) fn present_password(&mut self, prompt: &str) -> Result<Password, PromptError> {
        match self {
            Self::Person(_) => Ok(Password::new(rpassword::prompt_password(format!("{prompt}: "))?)),
            Self::Program(lines) => one_line(lines),
        }
    }

    /// Asks a person for confirmation, on `out`; `None` for a program.
    pub(super) fn confirm(
        &mut self,
        out: &mut dyn Write,
        question: &str,
    ) -> Result<Option<bool>, PromptError> {
        let Self::Person(answers) = self else {
            return Ok(None);
        };
        write!(out, "{question} [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        Ok(Some(is_yes(&answer)))
    }
}

fn agreed(first: Password, again: &Password) -> Result<Password, PromptError> {
    if first == *again { Ok(first) } else { Err(PromptError::Differ) }
}

/// The first line, without its line ending alone.
fn one_line(lines: &mut dyn BufRead) -> Result<Password, PromptError> {
    // The full capacity at once: a buffer that grows leaves parts of a password in freed memory.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    lines.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(PromptError::NoLine);
    }
    if line.len() == MAX_LINE {
        return Err(UnusablePassword::TooLong.into());
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        line.pop_if(|last| *last == b'\r');
    }
    let text = std::str::from_utf8(&line).map_err(|_| PromptError::NotText)?;
    Ok(Password::new(text.to_owned()))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// Bytes; more than [`Password::MAX_CHARS`] characters of four bytes and a line ending.
const MAX_LINE: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Password, String> {
        Input::Program(Box::new(bytes)).new_password("unseen").map_err(|error| error.to_string())
    }

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[test]
    fn one_line_is_read_and_only_its_line_ending_stripped() {
        for (bytes, expected) in [
            (&b"secret"[..], "secret"),
            (b"secret\n", "secret"),
            (b"secret\r\n", "secret"),
            (b"secret\r\r\n", "secret\r"),
            (b" secret \t\n", " secret \t"),
            (b"secret\nsecond line\n", "secret"),
            (b"\n", ""),
        ] {
            assert!(read(bytes) == Ok(password(expected)), "{bytes:?}");
        }
    }

    #[test]
    fn standard_input_without_a_line_of_text_is_an_error() {
        assert!(read(b"").unwrap_err().contains("standard input is empty"));
        assert!(read(b"\xff\xfe\n").unwrap_err().contains("UTF-8"));
        assert!(read("x".repeat(100_000).as_bytes()).unwrap_err().contains("more than 1024 characters"));
    }

    #[test]
    fn two_typings_must_agree() {
        assert!(agreed(password("a"), &password("a")).is_ok());
        assert!(matches!(agreed(password("a"), &password("a ")), Err(PromptError::Differ)));
    }

    #[test]
    fn only_a_yes_is_a_yes_and_a_program_is_not_asked() {
        for (answer, expected) in
            [("y\n", true), ("Yes\n", true), (" YES ", true), ("", false), ("\n", false), ("yeah\n", false)]
        {
            let mut prompt = Vec::new();
            let yes = Input::Person(Box::new(answer.as_bytes())).confirm(&mut prompt, "sure?").unwrap();
            assert_eq!((yes, prompt.as_slice()), (Some(expected), &b"sure? [y/N] "[..]), "{answer:?}");
        }
        let mut prompt = Vec::new();
        let answer = Input::Program(Box::new(&b"y\n"[..])).confirm(&mut prompt, "sure?").unwrap();
        assert_eq!((answer, prompt.as_slice()), (None, &b""[..]));
    }
}
