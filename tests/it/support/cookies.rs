//! Names of the gateway's cookies.

use portcullis::session::{SessionKey, SessionToken};

pub const SESSION: &str = "__Host-Http-portcullis";
pub const FORM: &str = "__Host-Http-portcullis-form";
pub const NOTICE: &str = "__Host-Http-portcullis-notice";
pub const DEVICE: &str = "__Host-Http-portcullis-device";

pub const ATTEMPT: &str = "__Host-Http-portcullis-hand-over";

/// The key under which a session is stored.
pub fn key_of(session: &str) -> SessionKey {
    SessionToken::from_cookie(session.as_bytes()).expect("a token").key()
}
