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

use std::{borrow::Cow, time::Duration};

use http::StatusCode;

pub use representation::Representation;
pub use texts::sentence;

use texts::{humanised, whole_seconds};

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
    /// 401: who is signed in has to confirm the password first.
    Confirm,
    /// 403: who is signed in may not do this.
    Forbidden,
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
            Self::SignIn | Self::Confirm => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::CrossSite | Self::ServiceWorker | Self::Framed => StatusCode::FORBIDDEN,
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
    pub fn title(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "This request isn’t valid",
            Self::PlainHttp { .. } => "This address needs HTTPS",
            Self::SignIn => "Please sign in",
            Self::Confirm => "Please confirm your password",
            Self::Forbidden => "You can’t open this page",
            Self::CrossSite => "This request came from another site",
            Self::ServiceWorker => "Service workers aren’t allowed here",
            Self::Framed => "This page doesn’t open in a frame",
            Self::NotFound => "Page not found",
            Self::MethodNotAllowed(_) => "This doesn’t work here",
            Self::TooSlow => "That took too long",
            Self::LengthRequired => "The length is missing",
            Self::TooLarge => "That was too large",
            Self::UriTooLong => "This address is too long",
            Self::UnsupportedMediaType => "This kind of content isn’t supported",
            Self::Misdirected => "There is no site here",
            Self::TooManyAttempts { .. } => "Too many attempts",
            Self::WrongConnection => "This connection is for another site",
            Self::HeadTooLarge => "The request was too large",
            Self::TooBusy { .. } | Self::Overloaded { .. } => "Too busy right now",
            Self::Unavailable => "Temporarily unavailable",
            Self::BadGateway => "The application can’t be reached",
            Self::GatewayTimeout => "The application isn’t answering",
            Self::Internal => "Something went wrong",
        }
    }

    /// The explanation, with advice where there is any.
    pub fn detail(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::BadRequest(what) => return Cow::Owned(sentence(what)),
            Self::PlainHttp { to } => {
                let instead = to.as_deref().unwrap_or("an address that begins with https://");
                return Cow::Owned(format!(
                    "The request came as plain HTTP, but this port needs HTTPS. Use {instead} instead. If the request contained a password or a token, others on the network could read it: replace it."
                ));
            }
            // An application may show this text in a page that was open before.
            Self::SignIn => "Your session has ended. Reload the page to sign in.",
            Self::Confirm => "For this you have to confirm your password again.",
            Self::Forbidden => {
                "You are signed in, but your account is not allowed to do this. If you need access, ask an administrator."
            }
            Self::CrossSite => {
                "Another website sent this request with your session, so it was blocked. If you want to do this, open the page itself and do it there."
            }
            Self::ServiceWorker => {
                "A service worker of this application could take the place of the sign-in page. An administrator can allow it with service_workers."
            }
            Self::Framed => "Open it in its own window, so that no other page can cover it.",
            Self::NotFound => "There is nothing at this address. Check it for typing errors.",
            Self::MethodNotAllowed(_) => "The page exists, but it can’t be used in this way.",
            Self::TooSlow => "The request did not arrive in time. Please try again.",
            Self::LengthRequired => {
                "The request has no Content-Length, and it is larger than the application accepts without one. Send it with a Content-Length."
            }
            Self::TooLarge => "The request is larger than this site accepts.",
            Self::UriTooLong => "The address is longer than this site accepts.",
            Self::UnsupportedMediaType => "This page does not accept content of this type.",
            Self::Misdirected => {
                "This server has no site with this name. Check the address for typing errors."
            }
            Self::TooManyAttempts { retry_after } => {
                let when = humanised(*retry_after);
                return Cow::Owned(format!(
                    "Too many attempts with a wrong password. Please try again in {when}."
                ));
            }
            Self::WrongConnection => {
                "The browser opened this connection for another site. Reload the page to open a new one."
            }
            Self::HeadTooLarge => {
                "The address or the cookies are larger than this site accepts. Clearing the cookies of this site may help."
            }
            Self::TooBusy { retry_after } => {
                return Cow::Owned(match whole_seconds(*retry_after) {
                    1 => "Many people are signing in at the moment. Please try again in a second.".to_owned(),
                    seconds => format!(
                        "Many people are signing in at the moment. Please try again in {seconds} seconds."
                    ),
                });
            }
            Self::Overloaded { .. } => {
                "Too many requests are in progress at the moment. Please try again in a little while."
            }
            Self::Unavailable => "This can’t be done at the moment. Please try again in a little while.",
            Self::BadGateway => "It may be restarting. Please try again in a little while.",
            Self::GatewayTimeout => {
                "It took too long and may be overloaded. Please try again in a little while."
            }
            Self::Internal => {
                "This is not your fault. If it happens again, tell an administrator the request number below."
            }
        })
    }
}
