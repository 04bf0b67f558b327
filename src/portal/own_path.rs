//! Which paths are the gateway's own.

use crate::{
    pages::paths,
    request::{NormalPath, fold},
};

/// What follows `/.gateway/`, if the path is one of the gateway's own: those are nobody's app, on every host.
pub fn page_of(path: &NormalPath) -> Option<&str> {
    page_in(path.as_str())
}

/// Whether an upstream could take this for one of the gateway's own pages; it is nobody's then, or an app
/// could show a sign-in form where people expect ours.
pub fn is_disguised(path: &NormalPath) -> bool {
    path.folds() && path.readings().any(|reading| page_in(&fold(reading)).is_some())
}

/// What follows `/.gateway/` in a path.
pub(super) fn page_in(path: &str) -> Option<&str> {
    if path == paths::ROOT.trim_end_matches('/') { Some("") } else { path.strip_prefix(paths::ROOT) }
}
