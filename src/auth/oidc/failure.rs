//! The two ways in which a sign-in through a provider fails.

use std::fmt;

use super::{BadMetadata, Rejection, http_client::CallFailure};

/// Why a sign-in through a provider failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OidcFailure {
    /// Something that came is not believed, or the user may not come in.
    Rejected(Rejection),
    /// The provider did not do its part; another try later is worth it.
    Unavailable(Outage),
}

/// A step that a provider did not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    step: Step,
    cause: &'static str,
}

/// A step of a sign-in that needs the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Metadata,
    Keys,
    Tokens,
    Userinfo,
    /// None: too many calls are under way.
    Call,
}

impl OidcFailure {
    /// The code in the audit stream.
    pub fn reason(&self) -> String {
        match self {
            Self::Rejected(rejection) => rejection.as_str().to_owned(),
            Self::Unavailable(outage) => outage.to_string(),
        }
    }
}

impl From<Rejection> for OidcFailure {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Outage> for OidcFailure {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(outage)
    }
}

impl Outage {
    /// A call that failed.
    pub(super) fn of_call(step: Step, failure: &CallFailure) -> Self {
        let cause = match failure {
            CallFailure::Timeout => "timeout",
            CallFailure::Connect(_) => "unreachable",
            CallFailure::Tls(_) | CallFailure::NoAuthorities => "tls",
            CallFailure::Http(error) if error.is_parse() => "malformed",
            CallFailure::Http(_) => "disconnected",
            CallFailure::Redirect => "redirect",
            CallFailure::Status(_) => "status",
            CallFailure::TooLarge => "too-large",
        };
        Self { step, cause }
    }

    /// Metadata that are not believed.
    pub(super) fn of_metadata(bad: &BadMetadata) -> Self {
        let cause = match bad {
            BadMetadata::NotJson => "malformed",
            BadMetadata::OtherIssuer { .. } => "issuer",
            BadMetadata::Missing(_) | BadMetadata::Endpoint { .. } => "endpoint",
        };
        Self { step: Step::Metadata, cause }
    }

    /// Keys that can't be read.
    pub(super) fn of_keys() -> Self {
        Self { step: Step::Keys, cause: "malformed" }
    }

    /// Too many calls are under way.
    pub(super) fn busy() -> Self {
        Self { step: Step::Call, cause: "busy" }
    }
}

/// The code in the audit stream: `metadata-timeout`.
impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Metadata => "metadata",
            Step::Keys => "keys",
            Step::Tokens => "token-endpoint",
            Step::Userinfo => "userinfo",
            Step::Call => "provider",
        };
        write!(f, "{step}-{}", self.cause)
    }
}
