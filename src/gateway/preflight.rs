//! CORS preflights of an origin that an app trusts: they come without a session.
//!
//! The app is asked whether a page of that origin may send a request. Nothing else is sent to the app, and nothing else of
//! its response goes on: a client that can send an `OPTIONS` request can name that origin, and an app may take the
//! request for a GET.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response, StatusCode, header::VARY};
use http_body::Body;
use http_body_util::Full;

use super::{Result, Walk, csrf_check::ShieldResult, response_body::Content};
use crate::{
    access::{App, Permit, permit_preflight},
    refusal::Refusal,
    request::Preflight,
};

impl Walk<'_> {
    /// The permit of a preflight, which has no body.
    pub(super) fn preflight_permit(&self, app: &App) -> Option<Permit> {
        let preflight = Preflight::read(self.request.method(), self.request.headers())?;
        let settings = self.snapshot.app(app.id).ok()?;
        if !settings.lets_ask(&preflight) || !self.request.body().is_end_stream() {
            return None;
        }
        let target = Rc::clone(self.record.target.as_ref()?);
        permit_preflight(&self.snapshot.policy, app, &preflight, target)
    }

    /// Asks the app, and passes its permission on.
    pub(super) async fn forward_preflight(&mut self, permit: Permit) -> Result<Response<Content>> {
        self.record.shield = Some(ShieldResult::Preflight);
        Preflight::strip(self.request.headers_mut());
        let response = self.forward(permit, None).await?;
        if !response.status().is_success() {
            return Err(Refusal::SignIn);
        }
        let mut permission = Response::new(Content::Own(Full::<Bytes>::default()));
        *permission.status_mut() = StatusCode::NO_CONTENT;
        *permission.headers_mut() = permission_alone(response.headers());
        Ok(permission)
    }
}

/// The header fields of the permission.
fn permission_alone(headers: &HeaderMap) -> HeaderMap {
    let is_permission = |name: &HeaderName| name.as_str().starts_with("access-control-") || *name == VARY;
    let fields = headers.iter().filter(|(name, _)| is_permission(name));
    let mut alone = HeaderMap::new();
    for (name, value) in fields {
        alone.append(name, value.clone());
    }
    alone
}
