//! Failures of forwarding, for the log and for metrics.
//!
//! The gateway logs a [`Fault`] once and turns it into a refusal. Its text never reaches a client.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{BodyError, Endpoint, http1::Http1Error};

/// A request that was allowed and got no response.
#[derive(Debug)]
pub struct Fault {
    /// The server, as configured.
    pub endpoint: Arc<Endpoint>,
    /// The kind of failure.
    pub kind: FaultKind,
}

/// The kind of a [`Fault`].
#[derive(Debug)]
pub enum FaultKind {
    /// No connection: refused, unreachable, unknown name, a certificate that is not trusted.
    Connect(Box<dyn Error + Send + Sync>),
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// No response head within this time.
    ResponseTimeout(Duration),
    /// The connection broke, or the response is no HTTP/1.1.
    Exchange(Http1Error),
    /// The upstream changed the protocol without being asked to, or to another one than it was asked for.
    UnwantedUpgrade,
    /// The response declares two lengths.
    TwoLengths,
    /// The client's body was larger than allowed.
    TooLarge,
    /// The client's body has no declared length and is larger than `collect_bodies`.
    LengthRequired,
    /// The client stopped sending its body.
    ClientStalled,
    /// The client sent its body at less than the minimum rate.
    ClientTooSlow,
    /// The client's body was malformed, or its connection broke within it.
    ClientBroke,
    /// The request was cancelled by its [`super::Canceller`].
    Cancelled,
}

impl Fault {
    pub(super) fn new(endpoint: Arc<Endpoint>, kind: FaultKind) -> Self {
        Self { endpoint, kind }
    }
}

impl From<BodyError> for FaultKind {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::NotCollected => Self::LengthRequired,
            BodyError::Stalled => Self::ClientStalled,
            BodyError::TooSlow => Self::ClientTooSlow,
            BodyError::Broken | BodyError::Cancelled => Self::ClientBroke,
        }
    }
}

impl FaultKind {
    /// Label of the metric.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::ConnectTimeout(_) => "connect-timeout",
            Self::ResponseTimeout(_) => "response-timeout",
            Self::Exchange(_) => "exchange",
            Self::UnwantedUpgrade => "unwanted-upgrade",
            Self::TwoLengths => "two-lengths",
            Self::TooLarge => "too-large",
            Self::LengthRequired => "length-required",
            Self::ClientStalled => "client-stalled",
            Self::ClientTooSlow => "client-too-slow",
            Self::ClientBroke => "client-broke",
            Self::Cancelled => "ended",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::Connect(_) => f.write_str("connecting to the upstream"),
            FaultKind::ConnectTimeout(time) => write!(f, "no connection to the upstream within {time:?}"),
            FaultKind::ResponseTimeout(time) => write!(f, "no response from the upstream within {time:?}"),
            FaultKind::Exchange(_) => f.write_str("reading the upstream's response"),
            FaultKind::UnwantedUpgrade => f.write_str("the upstream changed the protocol unasked"),
            FaultKind::TwoLengths => f.write_str("the upstream's response declares two lengths"),
            FaultKind::TooLarge => f.write_str("the request's body is larger than allowed"),
            FaultKind::LengthRequired => {
                f.write_str("the request's body has no declared length and is larger than `collect_bodies`")
            }
            FaultKind::ClientStalled => f.write_str("the client stopped sending the request's body"),
            FaultKind::ClientTooSlow => f.write_str("the client sent the request's body too slowly"),
            FaultKind::ClientBroke => f.write_str("the request's body was malformed or broke off"),
            FaultKind::Cancelled => f.write_str("the request was cancelled before its response"),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            FaultKind::Connect(source) => Some(&**source),
            FaultKind::Exchange(source) => Some(source),
            _ => None,
        }
    }
}
