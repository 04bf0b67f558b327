//! What can go wrong with an upstream.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{BodyError, Endpoint, http1::Http1Error};

/// A request that was allowed and could not be answered by its upstream; for the log.
#[derive(Debug)]
pub struct Fault {
    /// Which server, as configured.
    pub endpoint: Arc<Endpoint>,
    /// What happened.
    pub kind: FaultKind,
}

/// What happened with an upstream.
#[derive(Debug)]
pub enum FaultKind {
    /// No connection: refused, unreachable, unknown name, a certificate that is not believed.
    Connect(Box<dyn Error + Send + Sync>),
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// No response head within this time.
    ResponseTimeout(Duration),
    /// The connection broke, or what came was no HTTP.
    Exchange(Http1Error),
    /// It changed the protocol without having been asked to, or to another than it was asked for.
    UnwantedUpgrade,
    /// It said in two ways how long its answer is.
    TwoLengths,
    /// The client's body was larger than allowed.
    TooLarge,
    /// The client's body said no length, and was larger than what is collected for this app.
    LengthRequired,
    /// The client stopped sending its body.
    ClientStalled,
    /// The client sent its body more slowly than it may.
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
    /// One word, for a label of a metric.
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
            FaultKind::ResponseTimeout(time) => write!(f, "no answer from the upstream within {time:?}"),
            FaultKind::Exchange(_) => f.write_str("talking to the upstream"),
            FaultKind::UnwantedUpgrade => f.write_str("the upstream changed the protocol unasked"),
            FaultKind::TwoLengths => f.write_str("the upstream's answer has two lengths"),
            FaultKind::TooLarge => f.write_str("the request's body is larger than allowed"),
            FaultKind::LengthRequired => {
                f.write_str("the request's body has no length and is larger than `collect_bodies`")
            }
            FaultKind::ClientStalled => f.write_str("the client stopped sending the request's body"),
            FaultKind::ClientTooSlow => f.write_str("the client sent the request's body too slowly"),
            FaultKind::ClientBroke => f.write_str("the request's body was malformed or broke off"),
            FaultKind::Cancelled => f.write_str("the request was ended before its response"),
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

/// An error with everything behind it, for one line of a log.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
