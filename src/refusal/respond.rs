//! The response to a request that was refused.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;
use serde::Serialize;

use super::{Refusal, Representation, texts::whole_seconds};
use crate::{
    identity::ProofMethods,
    language::Text,
    pages::{self, Page, PageLink, Pages, Refused, paths},
};

impl Refusal {
    /// The response to a request with these header fields, with the header fields that belong to its status. A page is in
    /// the language of the request, a problem document in English.
    pub fn respond(
        &self,
        wants: Representation,
        request_id: &str,
        pages: &Pages,
        request: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        self.respond_leading_to(self.page_to_open().as_deref(), wants, request_id, (pages, request))
    }

    /// The same, with another page to open.
    pub fn respond_leading_to(
        &self,
        page_to_open: Option<&str>,
        wants: Representation,
        request_id: &str,
        (pages, request): (&Pages, &HeaderMap),
    ) -> Response<Full<Bytes>> {
        let mut response = match wants {
            Representation::Page | Representation::Frame => {
                let is_framed = wants == Representation::Frame;
                let language = pages.language_for(request);
                let [title, detail, link] =
                    [self.title(), self.detail(), self.link_text()].map(|text| language.say(&text));
                let page = Page::Refused(Refused {
                    status: self.status().as_u16(),
                    title: &title,
                    detail: &detail,
                    request_id,
                    page_link: page_to_open.map(|href| PageLink { href, text: &link }),
                    offers_account: *self == Self::Forbidden,
                    link: match self {
                        Self::PlainHttp { to } => to.as_deref(),
                        _ => None,
                    },
                    is_framed,
                });
                let mut response = pages.render(self.status(), &page, language);
                // The page has no form that another page could lay itself over.
                if is_framed {
                    pages::allow_same_origin_frames(&mut response);
                }
                response
            }
            Representation::Problem => {
                let english = pages.english();
                let problem = Problem {
                    kind: "about:blank",
                    title: &english.say(&self.title()),
                    status: self.status().as_u16(),
                    detail: &english.say(&self.detail()),
                    request_id,
                    login: (*self == Self::SignIn).then_some(paths::LOGIN),
                    confirm: matches!(self, Self::Confirm(_)).then(|| self.page_to_open()).flatten(),
                };
                let json = serde_json::to_vec(&problem).unwrap_or_default();
                pages::own_response(self.status(), Some("application/problem+json"), json)
            }
        };
        self.add_headers(response.headers_mut());
        response
    }

    /// The page of the gateway that helps.
    fn page_to_open(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::SignIn => Some(paths::LOGIN.into()),
            Self::Confirm(ProofMethods::ALL) => Some(paths::CONFIRM.into()),
            Self::Confirm(methods) => Some(format!("{}?need={methods}", paths::CONFIRM).into()),
            _ => None,
        }
    }

    fn link_text(&self) -> Text {
        Text::of(match self {
            Self::SignIn => "sign-in",
            Self::Confirm(ProofMethods::ALL) => "refused-confirm-password",
            Self::Confirm(_) => "refused-factor-link",
            _ => "refused-open-page",
        })
    }

    /// The headers that belong to the status: when to come back, what would work.
    ///
    /// A 401 has no challenge, although RFC 9110 §11.6.1 asks for one. No registered scheme fits a form: `Basic`
    /// and `Digest` make browsers ask for a password in a dialog of their own, and at every other scheme Python's
    /// urllib, with which `hg` speaks HTTP, ends in a traceback. The exception is an access token of a provider: a client that
    /// has sent one knows the scheme (RFC 6750 §3.1), and gets another one when it reads `invalid_token`.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::WrongAccessToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(INVALID_TOKEN));
            }
            Self::BoundAccessToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BOUND_TOKEN));
            }
            Self::MethodNotAllowed(allow) => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            Self::TooBusy { retry_after }
            | Self::Overloaded { retry_after }
            | Self::TooManyAttempts { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(*retry_after)));
            }
            Self::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ => {}
        }
    }
}

/// RFC 6750 §3.
const INVALID_TOKEN: &str = "Bearer realm=\"Portcullis\", error=\"invalid_token\"";
const BOUND_TOKEN: &str = "Bearer realm=\"Portcullis\", error=\"invalid_token\", \
                           error_description=\"the token is bound to a key that the request does not show\"";

/// RFC 9457 §3.1, with members of our own.
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm: Option<Cow<'static, str>>,
}
