//! The headers with which an app reads and changes its data in a session.
//!
//! `forwarder` takes them out of responses, `headers` writes them into requests; their values are opaque here, and left to
//! the gateway. No client can send them and none receives them: their prefix is the gateway's.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Users for whom an app may store data in the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepsData {
    /// None; the default.
    #[default]
    ForNobody,
    /// Users who are signed in.
    ForUsers,
    /// Users and visitors.
    ForEverybody,
}

/// The changes to its session data that an app's response asks for.
#[derive(Clone, Debug, Default)]
pub struct SessionHeaders {
    /// Values of `Portcullis-Session-Set`: pairs.
    pub set: Vec<HeaderValue>,
    /// Values of `Portcullis-Session-Delete`: keys.
    pub delete: Vec<HeaderValue>,
}

impl SessionHeaders {
    /// Whether the response asks for none.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// Reads them from a response, without removing them.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = |name: HeaderName| headers.get_all(name).iter().cloned().collect();
        Self { set: values(SET), delete: values(DELETE) }
    }
}

/// Carries the app's session data in a request.
pub(super) static DATA: HeaderName = HeaderName::from_static("portcullis-session-data");
const SET: HeaderName = HeaderName::from_static("portcullis-session-set");
const DELETE: HeaderName = HeaderName::from_static("portcullis-session-delete");
