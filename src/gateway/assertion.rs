//! The signed assertion about the sender of a request.

use http::{
    HeaderValue, Method, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;

use super::{Result, Walk, identify::Caller, response_body::Content};
use crate::{
    access::Permit,
    assertion::{Asserted, AssertionFields, JWKS_MAX_AGE},
    error_chain::ErrorChain,
    refusal::Refusal,
    request::Target,
    session::Presented,
};

impl Walk<'_> {
    /// The keys by which applications check assertions, if this request is for them. They are the same on every host and
    /// for everybody.
    pub(super) fn published_keys(&self, target: &Target) -> Option<Response<Content>> {
        if target.path.as_str() != JWKS_PATH || ![Method::GET, Method::HEAD].contains(self.request.method()) {
            return None;
        }
        let keys = self.gateway.shared.assertions.jwks()?;
        let mut response = Response::new(Content::Own(Full::from(keys)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let cache = HeaderValue::from_str(&format!("public, max-age={}", JWKS_MAX_AGE.as_secs())).ok()?;
        headers.insert(CACHE_CONTROL, cache);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(response)
    }

    /// The header fields with the assertion; none for an app that wants none, and for a visitor. An app that wants one is
    /// sent no request without: it would take Alice for nobody, or for whoever an older header names.
    pub(super) fn assertion(
        &self,
        permit: &Permit,
        caller: Option<&Caller>,
    ) -> Result<Option<AssertionFields>> {
        let Some(settings) = &self.snapshot.app(permit.app())?.assertion else { return Ok(None) };
        let (Some(user), Some(caller)) = (permit.user(), caller) else { return Ok(None) };
        let account =
            caller.account.as_ref().filter(|account| account.user.id == user.id).ok_or(Refusal::Internal)?;
        let session = match &caller.presented {
            Presented::Alive(session) if session.owner.user() == Some(user.id) => Some(&**session),
            _ => None,
        };
        let asserted = Asserted { account, session, proofs: &caller.proofs };
        let shared = &self.gateway.shared;
        let app = (permit.app().0, settings);
        let fields =
            shared.assertions.fields(&self.gateway.assertion_cache, app, &asserted, self.record.time);
        fields.map(Some).map_err(|error| {
            tracing::error!(request_id = %self.record.id, error = %ErrorChain(&error), "assertion not made");
            Refusal::Unavailable
        })
    }
}

/// A verifier keeps the keys for as long as the response says; see `assertion::key_set`.
const JWKS_PATH: &str = "/.gateway/jwks.json";
