//! The headers over which an app and the gateway speak of what the app keeps in a session.
//!
//! Only their names are known here. What stands in them is opaque: the gateway gives the one and reads
//! the others. No client can send them, and none receives them: their prefix is one of ours.

use http::{HeaderMap, HeaderName, HeaderValue};

/// For whom an app keeps something in the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepsData {
    /// For nobody; the default.
    #[default]
    ForNobody,
    /// For people who are signed in.
    ForUsers,
    /// For visitors, too.
    ForEverybody,
}

/// What an app's answer says of the session, line by line.
#[derive(Clone, Debug, Default)]
pub struct SessionHeaders {
    /// `Portcullis-Session-Set`: pairs.
    pub set: Vec<HeaderValue>,
    /// `Portcullis-Session-Delete`: keys.
    pub delete: Vec<HeaderValue>,
}

impl SessionHeaders {
    /// Whether the answer says nothing of it.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// Reads them off an answer; they are still in it.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = |name: HeaderName| headers.get_all(name).iter().cloned().collect();
        Self { set: lines(SET), delete: lines(DELETE) }
    }
}

/// Tells the app what it keeps.
pub(super) static DATA: HeaderName = HeaderName::from_static("portcullis-session-data");
const SET: HeaderName = HeaderName::from_static("portcullis-session-set");
const DELETE: HeaderName = HeaderName::from_static("portcullis-session-delete");
