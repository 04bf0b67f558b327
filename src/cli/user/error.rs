//! Why a command that lists or changes users fails.

use std::io;

use super::listing;
use crate::{
    cli::{counted::counted, password_prompt::PromptError},
    identity::{BackendName, UserName},
    mail::QueueError,
    users::{UnfitValue, UserStoreError, WeakPassword},
};

/// Why a command failed, without any change.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum UserError {
    /// The users database refused or failed.
    #[error(transparent)]
    Store(#[from] UserStoreError),
    /// No password, or no confirmation.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The policy refuses the password.
    #[error("{0} (--allow-weak takes it all the same)")]
    Weak(WeakPassword),
    /// The password cannot be used.
    #[error(transparent)]
    Unusable(#[from] crate::users::UnusablePassword),
    /// No person can confirm the command.
    #[error("removing user {0} cannot be undone; --yes confirms it where there is no terminal to ask")]
    Unconfirmed(UserName),
    /// The person declined.
    #[error("user {0} was not removed")]
    Declined(UserName),
    /// No backend of the configuration has this name.
    #[error("{}", unknown_backend(.name, .known))]
    UnknownBackend {
        /// The argument.
        name: BackendName,
        /// The backends with ids of their own.
        known: Vec<BackendName>,
    },
    /// The name of an invited user cannot be made of the address.
    #[error("no user name can be made of {0}; name the user with `--name`")]
    NoNameIn(String),
    /// The address to invite has an account.
    #[error("user {0} has this address already; `portcullis user reset {0}` makes a link for a new password")]
    AddressKnown(UserName),
    /// The user cannot get mail.
    #[error("user {0} has no address; leave `--mail` out to print the link")]
    NoAddress(UserName),
    /// No mail can be sent.
    #[error("the configuration has no `[mail]`; leave `--mail` out to print the link")]
    NoMail,
    /// The message was not queued.
    #[error("queueing the mail: {0}")]
    Queue(#[from] QueueError),
    /// `approve` for somebody who does not wait.
    #[error("user {0} does not wait for approval")]
    NotWaiting(UserName),
    /// `set` without anything to set.
    #[error("nothing to change was given; `portcullis user set --help` lists what can be")]
    NothingAsked,
    /// The configuration defines no such field.
    #[error("the configuration defines no field {name:?}{}", named(.known))]
    UnknownField {
        /// The argument.
        name: String,
        /// The fields that there are.
        known: Vec<String>,
    },
    /// A field of the configuration needs a value.
    #[error("field {name} needs a value: `--field {name}=VALUE`")]
    MissingField {
        /// The field.
        name: String,
    },
    /// A field cannot have the value.
    #[error("field {name}: {unfit}")]
    Field {
        /// The field.
        name: String,
        /// Why.
        unfit: UnfitValue,
    },
    /// A file of users cannot be read.
    #[error("{file}: {error}; nothing was changed")]
    Unreadable {
        /// The argument.
        file: String,
        /// Why.
        error: crate::users::import::UnreadableImport,
    },
    /// Some users of a file cannot be taken over.
    #[error("{} cannot be taken over, so nothing was changed; --skip leaves them out", counted(*.problems, "user"))]
    NotImported {
        /// How many.
        problems: usize,
    },
    /// The file of an export cannot be written.
    #[error("writing {file}: {source}")]
    NotExported {
        /// The argument.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Standard output or standard error is closed.
    #[error("writing the output: {0}")]
    Write(#[from] io::Error),
}

fn named(fields: &[String]) -> String {
    if fields.is_empty() { String::new() } else { format!(", only {}", fields.join(", ")) }
}

fn unknown_backend(name: &BackendName, known: &[BackendName]) -> String {
    if name.is_local() {
        return "users of the gateway's own directory have no ids elsewhere; name another backend".to_owned();
    }
    match known {
        [] => {
            format!("there is no backend {name}, and no other in the configuration that has ids of its own")
        }
        known => format!("there is no backend {name} in the configuration, only {}", listing::joined(known)),
    }
}
