//! The arguments of `portcullis`, and the command that they start.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use super::{
    assertion, backend, check, explain, hash, mail, preset, pwned, reload, secrets, serve, session, throttle,
    token, user,
};

/// A gateway that puts a login in front of web applications that have none
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file
    #[arg(long, short, global = true, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default without a command)
    Serve,
    /// Make the running gateway read its configuration again, and wait for the result
    Reload,
    /// Check the configuration, and list its listeners, apps and rules
    Check(check::CheckArgs),
    /// Show the app, the rule and the decision for a request, and why
    Explain(explain::ExplainArgs),
    /// Add, list and change users
    User(Box<user::UserArgs>),
    /// List and end sessions
    Session(session::SessionArgs),
    /// Make, list and end tokens of programs
    Token(token::TokenArgs),
    /// List and reset counters of failed sign-ins, and the waits because of them
    Throttle(throttle::ThrottleArgs),
    /// List the mail that waits, and see whether mail works
    Mail(mail::MailArgs),
    /// List presets for known applications, and show one with the lines of the application's own configuration
    Preset(preset::PresetArgs),
    /// List and test backends: directories and providers
    Backend(backend::BackendArgs),
    /// Prepare the list of breached passwords
    Pwned(pwned::PwnedArgs),
    /// Seal the secrets of second factors anew with a new key
    Secrets(secrets::SecretsArgs),
    /// List and rotate the keys of signed assertions
    Assertion(assertion::AssertionArgs),
    /// Print the argon2id hash of a password
    Hash(hash::HashArgs),
}

/// Runs the command. Exit code 0: done; 1: failed; 2: wrong usage, from the parser.
pub fn run(arguments: Arguments) -> ExitCode {
    let file = arguments.config;
    let done = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&file),
        Command::Reload => reload::from_command_line(&file),
        Command::Check(args) => check::from_command_line(args, &file),
        Command::Explain(args) => explain::from_command_line(&args, &file),
        Command::User(args) => user::from_command_line(&args, &file),
        Command::Session(args) => session::from_command_line(&args, &file),
        Command::Token(args) => token::from_command_line(&args, &file),
        Command::Throttle(args) => throttle::from_command_line(&args, &file),
        Command::Mail(args) => mail::from_command_line(&args, &file),
        Command::Preset(args) => preset::from_command_line(&args),
        Command::Backend(args) => backend::from_command_line(&args, &file),
        Command::Pwned(args) => pwned::from_command_line(&args),
        Command::Secrets(args) => secrets::from_command_line(&args, &file),
        Command::Assertion(args) => assertion::from_command_line(&args, &file),
        Command::Hash(args) => hash::from_command_line(&args, &file),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.0.is_empty() {
                // A closed standard error leaves no way to report anything.
                writeln!(io::stderr(), "{}", error.0.trim_end()).ok();
            }
            ExitCode::FAILURE
        }
    }
}
