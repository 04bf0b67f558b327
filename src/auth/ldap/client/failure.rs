//! Reasons for which an attempt with one server failed.

use std::{io, sync::Arc};

use super::LdapError;

/// Whether another attempt with the same server makes sense.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The server closed the connection without an answer. A load balancer closes idle connections, and so does a
    /// server that restarts: another connection may do.
    Dropped(Arc<str>),
    /// The server closed the connection after a check of a password was sent. It may have counted a wrong password, and a
    /// second attempt, with any server of the directory, could lock the account.
    Unanswered(Arc<str>),
    /// Another attempt would end in the same way.
    Lasting(LdapError),
}

impl Failure {
    /// The same for a check of a password that was sent.
    pub(super) fn of_sent_check(self) -> Self {
        match self {
            Self::Dropped(reason) => Self::Unanswered(reason),
            other => other,
        }
    }

    /// The error that is reported when there is no further attempt.
    pub(super) fn into_error(self, server: &Arc<str>) -> LdapError {
        match self {
            Self::Dropped(reason) | Self::Unanswered(reason) => {
                LdapError::Unreachable { server: Arc::clone(server), reason }
            }
            Self::Lasting(error) => error,
        }
    }
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        Self::Lasting(error)
    }
}

/// An error of a connection that was established.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Dropped(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the server closed the connection".into(),
            _ => error.to_string().into(),
        })
    }
}
