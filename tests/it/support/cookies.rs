//! What the gateway's cookies are called.

use portcullis::session::{SessionKey, SessionToken};

pub const SESSION: &str = "__Host-Http-portcullis";
pub const FORM: &str = "__Host-Http-portcullis-form";
pub const NOTICE: &str = "__Host-Http-portcullis-notice";
pub const DEVICE: &str = "__Host-Http-portcullis-device";

/// What a session is stored under.
pub fn key_of(session: &str) -> SessionKey {
    SessionToken::from_cookie(session.as_bytes()).expect("a token").key()
}
