//! The paths that are the gateway's own.

use http::Method;

use super::PageResponse;
use crate::{
    pages::{self, paths},
    request::{NormalPath, fold},
};

/// The rest of a path after `/.gateway/`, if it is one of the gateway's own. No app serves those, on any host.
pub fn page_of(path: &NormalPath) -> Option<&str> {
    page_in(path.as_str())
}

/// Whether an upstream could read this path as one of the gateway's own. Such a path is refused: an app could show a
/// sign-in form of its own where people expect the gateway's.
pub fn is_disguised(path: &NormalPath) -> bool {
    path.folds() && path.readings().any(|reading| page_in(&fold(reading)).is_some())
}

/// The response to a request for a well-known path that leads to a page of the gateway. Password managers ask for the page
/// that changes a password (W3C, *A Well-Known URL for Changing Passwords*), without a session.
pub fn well_known(method: &Method, path: &NormalPath) -> Option<PageResponse> {
    let is_asked_for = [Method::GET, Method::HEAD].contains(method) && path.as_str() == CHANGE_PASSWORD;
    is_asked_for.then(|| pages::redirect(paths::PASSWORD))
}

const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// The rest of a path after `/.gateway/`.
pub(super) fn page_in(path: &str) -> Option<&str> {
    if path == paths::ROOT.trim_end_matches('/') { Some("") } else { path.strip_prefix(paths::ROOT) }
}
