//! The error of an assembly.

use std::{io, path::PathBuf};

use crate::{
    access::SourceLocation,
    assertion::AssertionKeyError,
    config::CertificateProblem,
    mail::OutboxError,
    server::{BindError, ControlError, SelfSignedError, TlsError},
    session,
    throttle::ThrottleError,
    users,
};

/// Why a gateway cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// An address is in use, or is no address of this machine.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A configured certificate has changed since the check, and cannot be used.
    #[error("{place}: {}", .problem.problem)]
    Certificate {
        /// The location in the configuration.
        place: SourceLocation,
        /// The problem.
        problem: CertificateProblem,
    },
    /// Another gateway runs with the same state.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// No self-signed certificate could be made.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}: {source}; make it, or name another with `state` in the configuration", .folder.display())]
    State {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The queue of mail cannot be opened, or the mail server not be set up.
    #[error(transparent)]
    Mail(#[from] OutboxError),
    /// The session store cannot be opened.
    #[error(transparent)]
    Sessions(#[from] session::StoreError),
    /// A thread cannot be started.
    #[error("starting a thread: {0}")]
    Thread(io::Error),
    /// The counters of failed sign-ins cannot be opened.
    #[error(transparent)]
    Throttle(#[from] ThrottleError),
    /// The keys of assertions cannot be read or made.
    #[error(transparent)]
    AssertionKeys(#[from] AssertionKeyError),
    /// The user directory cannot be opened.
    #[error(transparent)]
    Users(#[from] users::UserStoreError),
}
