//! What the gateway's cookies are called.

pub const SESSION: &str = "__Host-Http-portcullis";
pub const FORM: &str = "__Host-Http-portcullis-form";
pub const NOTICE: &str = "__Host-Http-portcullis-notice";
pub const DEVICE: &str = "__Host-Http-portcullis-device";
