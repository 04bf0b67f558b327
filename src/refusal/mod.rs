//! Refusals: every reason for which the gateway does not do what a request asks for.
//!
//! [`Refusal`] is a closed list; `gateway`, `portal` and `server` respond with it. [`Representation::of`] chooses the
//! form: a page for a navigation, `application/problem+json` (RFC 9457) for everything else.
//!
//! A refusal is safe to show to a stranger: it names no upstream, no file, no rule and no account. The details for the
//! operator go to the log, under the same request id.

mod representation;
mod respond;
#[cfg(test)]
pub(crate) mod tests;
mod texts;

use std::time::Duration;

use http::StatusCode;

pub use representation::Representation;
pub use texts::sentence;

use crate::{
    identity::ProofMethods,
    language::{self, Text},
};
use texts::whole_seconds;

/// Why the gateway does not do what a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the request is not valid; the text says why, and is safe to show.
    BadRequest(&'static str),
    /// 400: the request came in clear text, where TLS is spoken.
    PlainHttp {
        /// The address that would have been right, if it is one of this gateway.
        to: Option<Box<str>>,
    },
    /// 401: nobody is signed in, and somebody has to be.
    SignIn,
    /// 401: who is signed in has to prove it again first, by one of these methods.
    Confirm(ProofMethods),
    /// 401: the credential that a program sent is not valid.
    WrongCredential,
    /// 401: the access token that a program sent is not valid.
    WrongAccessToken,
    /// 401: the access token is bound to a key that the request does not show, or in a way that is not checked.
    BoundAccessToken,
    /// 403: the account has a second factor, so that a program has to use a token in place of its password.
    TokenNeeded,
    /// 403: who is signed in may not do this.
    Forbidden,
    /// 403: the credential that a program sent is valid, and does not allow this.
    ForbiddenToProgram,
    /// 403: the app serves nobody without a client certificate of their own.
    NoCertificate,
    /// 403: the same, and the proxy that asks about the request can show none.
    NoCertificateByProxy,
    /// 403: another site has sent this in the name of who is signed in.
    CrossSite,
    /// 403: the script of a service worker, which the app may not have.
    ServiceWorker,
    /// 403: a page of the gateway with a form, which no other page may show in a frame.
    Framed,
    /// 404: there is no such page.
    NotFound,
    /// 405: not with this method; holds the value of `Allow`.
    MethodNotAllowed(&'static str),
    /// 408: the request did not arrive in time.
    TooSlow,
    /// 411: the body is too large for one whose length is not told.
    LengthRequired,
    /// 413: the body is larger than what is taken.
    TooLarge,
    /// 414: the address is longer than what is taken.
    UriTooLong,
    /// 415: the body is of a kind that is not understood here.
    UnsupportedMediaType,
    /// 421: no such host is served here.
    Misdirected,
    /// 429: too many wrong passwords before; none is looked at before this time has gone by.
    TooManyAttempts {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 421: the connection was made for another host.
    WrongConnection,
    /// 431: the request head is larger than what is taken.
    HeadTooLarge,
    /// 503: too much to do right now; trying again after this time is worth it.
    TooBusy {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 503: as many requests are in flight as there may be, of this client or to this app.
    Overloaded {
        /// When to try again; whole seconds are sent, at least one.
        retry_after: Duration,
    },
    /// 503: a store of the gateway cannot be reached.
    Unavailable,
    /// 502: the application could not be reached, or answered nonsense.
    BadGateway,
    /// 504: the application took too long.
    GatewayTimeout,
    /// 500: a fault of the gateway.
    Internal,
}

impl Refusal {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::PlainHttp { .. } => StatusCode::BAD_REQUEST,
            Self::SignIn
            | Self::Confirm(_)
            | Self::WrongCredential
            | Self::WrongAccessToken
            | Self::BoundAccessToken => StatusCode::UNAUTHORIZED,
            Self::TokenNeeded
            | Self::Forbidden
            | Self::ForbiddenToProgram
            | Self::NoCertificate
            | Self::NoCertificateByProxy
            | Self::CrossSite
            | Self::ServiceWorker
            | Self::Framed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected | Self::WrongConnection => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooBusy { .. } | Self::Overloaded { .. } | Self::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The title: what happened, in a few words.
    pub fn title(&self) -> Text {
        Text::of(match self {
            Self::BadRequest(_) => "refused-bad-request-title",
            Self::PlainHttp { .. } => "refused-plain-http-title",
            Self::SignIn => "refused-sign-in-title",
            Self::Confirm(ProofMethods::ALL) => "refused-confirm-title",
            Self::Confirm(_) => "refused-factor-title",
            Self::WrongCredential | Self::WrongAccessToken | Self::BoundAccessToken => {
                "refused-wrong-credential-title"
            }
            Self::TokenNeeded => "refused-token-needed-title",
            Self::Forbidden => "refused-forbidden-title",
            Self::ForbiddenToProgram => "refused-forbidden-to-program-title",
            Self::NoCertificate | Self::NoCertificateByProxy => "refused-no-certificate-title",
            Self::CrossSite => "refused-cross-site-title",
            Self::ServiceWorker => "refused-service-worker-title",
            Self::Framed => "refused-framed-title",
            Self::NotFound => "refused-not-found-title",
            Self::MethodNotAllowed(_) => "refused-method-title",
            Self::TooSlow => "refused-too-slow-title",
            Self::LengthRequired => "refused-length-required-title",
            Self::TooLarge => "refused-too-large-title",
            Self::UriTooLong => "refused-uri-too-long-title",
            Self::UnsupportedMediaType => "refused-media-type-title",
            Self::Misdirected => "refused-misdirected-title",
            Self::TooManyAttempts { .. } => "refused-too-many-attempts-title",
            Self::WrongConnection => "refused-wrong-connection-title",
            Self::HeadTooLarge => "refused-head-too-large-title",
            Self::TooBusy { .. } | Self::Overloaded { .. } => "refused-too-busy-title",
            Self::Unavailable => "refused-unavailable-title",
            Self::BadGateway => "refused-bad-gateway-title",
            Self::GatewayTimeout => "refused-gateway-timeout-title",
            Self::Internal => "refused-internal-title",
        })
    }

    /// The explanation, with advice where there is any.
    pub fn detail(&self) -> Text {
        Text::of(match self {
            Self::BadRequest(reason) => {
                return Text::of("refused-bad-request").with("reason", sentence(reason));
            }
            Self::PlainHttp { to: Some(address) } => {
                return Text::of("refused-plain-http").with("address", &**address);
            }
            Self::PlainHttp { to: None } => "refused-plain-http-some",
            Self::SignIn => "refused-sign-in",
            Self::Confirm(ProofMethods::ALL) => "refused-confirm",
            Self::Confirm(_) => "refused-factor",
            Self::WrongCredential | Self::WrongAccessToken => "refused-wrong-credential",
            Self::BoundAccessToken => "refused-bound-token",
            Self::TokenNeeded => "refused-token-needed",
            Self::Forbidden => "refused-forbidden",
            Self::ForbiddenToProgram => "refused-forbidden-to-program",
            Self::NoCertificate => "refused-no-certificate",
            Self::NoCertificateByProxy => "refused-no-certificate-by-proxy",
            Self::CrossSite => "refused-cross-site",
            Self::ServiceWorker => "refused-service-worker",
            Self::Framed => "refused-framed",
            Self::NotFound => "refused-not-found",
            Self::MethodNotAllowed(_) => "refused-method",
            Self::TooSlow => "refused-too-slow",
            Self::LengthRequired => "refused-length-required",
            Self::TooLarge => "refused-too-large",
            Self::UriTooLong => "refused-uri-too-long",
            Self::UnsupportedMediaType => "refused-media-type",
            Self::Misdirected => "refused-misdirected",
            Self::TooManyAttempts { retry_after } => {
                return Text::of("refused-too-many-attempts").with("time", language::waiting(*retry_after));
            }
            Self::WrongConnection => "refused-wrong-connection",
            Self::HeadTooLarge => "refused-head-too-large",
            Self::TooBusy { retry_after } => {
                return Text::of("refused-too-busy").with("seconds", whole_seconds(*retry_after));
            }
            Self::Overloaded { .. } => "refused-overloaded",
            Self::Unavailable => "refused-unavailable",
            Self::BadGateway => "refused-bad-gateway",
            Self::GatewayTimeout => "refused-gateway-timeout",
            Self::Internal => "refused-internal",
        })
    }
}
