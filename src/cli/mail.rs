//! `portcullis mail …`: the queue of mail, and a message that shows that mail works.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use clap::{Args, Subcommand};

use super::{
    failure::Failure,
    output::out,
    state::{configuration, configuration_of_state},
    table::Table,
};
use crate::{
    clock::Clock,
    config::Configuration,
    mail::{MailQueue, MailSettings, QueuedMail, send_now},
    pages::Pages,
    portal::Letters,
    store::sqlite::DatabaseError,
};

/// List the mail that waits, and see whether mail works
#[derive(Clone, Debug, Args)]
pub(super) struct MailArgs {
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum MailCommand {
    /// List the messages that wait for the mail server, and those that were given up in the last week
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Send a message to this address now, past the queue, and print what the mail server says
    Test {
        /// E-mail address
        address: String,
    },
    /// Let the messages that wait be delivered now
    Retry,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum MailError {
    /// There is no `[mail]`.
    #[error("the configuration has no `[mail]`, so no mail is sent")]
    NoMail,
    /// The queue cannot be read or written.
    #[error(transparent)]
    Queue(#[from] DatabaseError),
    /// The message was not sent.
    #[error("the message was not sent: {0}")]
    NotSent(String),
    /// Standard output is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

/// Runs the command for the operator at the terminal.
pub(super) fn from_command_line(args: &MailArgs, file: &Path) -> Result<(), Failure> {
    Ok(match &args.command {
        MailCommand::List { json } => list(&configuration_of_state(file)?, *json, &mut out()),
        MailCommand::Test { address } => test(&configuration(file)?, address, &mut out()),
        MailCommand::Retry => retry(&configuration_of_state(file)?, &mut out()),
    }?)
}

/// The writer of mails at the command line, in the configured language.
pub(super) fn letters(configuration: &Configuration) -> Letters {
    let pages: Pages = configuration.portal.pages.clone().unwrap_or_default();
    let language = pages.languages().without_request().clone();
    Letters { pages, language, origin: origin(configuration) }
}

/// The address of the gateway, of the configuration alone.
fn origin(configuration: &Configuration) -> Arc<str> {
    let listener = configuration.server.https.first().map(std::net::SocketAddr::port);
    configuration.origin(listener.filter(|port| *port != 0)).into()
}

fn list(configuration: &Configuration, json: bool, out: &mut dyn Write) -> Result<(), MailError> {
    // Opening the queue would make an empty one.
    let exists = configuration.mail_queue().try_exists().unwrap_or(true);
    let queued = if exists {
        MailQueue::open(&configuration.mail_queue(), Clock::system())?.list()?
    } else {
        Vec::new()
    };
    if json {
        let json = serde_json::to_string_pretty(&queued).map_err(io::Error::other)?;
        writeln!(out, "{json}")?;
    } else if queued.is_empty() {
        writeln!(out, "no mail waits")?;
    } else {
        let row = |mail: &QueuedMail| {
            let next = mail.next_try.map_or("given up".to_owned(), |next| next.to_string());
            let error = mail.error.clone().unwrap_or_default();
            [
                mail.id.to_string(),
                mail.to.clone(),
                mail.queued.to_string(),
                mail.attempts.to_string(),
                next,
                error,
            ]
        };
        let mut listing = Table::headed(["ID", "TO", "QUEUED", "TRIES", "NEXT TRY", "LAST ERROR"]);
        queued.iter().map(row).for_each(|row| listing.push(row));
        listing.write("", out)?;
    }
    Ok(out.flush()?)
}

fn test(configuration: &Configuration, address: &str, out: &mut dyn Write) -> Result<(), MailError> {
    let settings: MailSettings = configuration.mail.settings.clone().ok_or(MailError::NoMail)?;
    let message = letters(configuration).test(address);
    let message = message.ok_or_else(|| MailError::NotSent("a template is broken".to_owned()))?;
    send_now(&settings, &message, &Clock::system()).map_err(MailError::NotSent)?;
    writeln!(out, "the mail server has taken a message for {address}")?;
    Ok(out.flush()?)
}

fn retry(configuration: &Configuration, out: &mut dyn Write) -> Result<(), MailError> {
    if configuration.mail.settings.is_none() {
        return Err(MailError::NoMail);
    }
    let waiting = MailQueue::open(&configuration.mail_queue(), Clock::system())?.retry_now()?;
    writeln!(out, "messages that are tried again now: {waiting}")?;
    Ok(out.flush()?)
}
