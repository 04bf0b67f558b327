//! What checks credentials and says which account they belong to.
//!
//! There is one backend so far: [`Local`], the gateway's own directory. A
//! further one (LDAP, `OpenID` Connect) is to stand beside it, answer with an
//! account of the directory or [`Denied`], and keep the same promise: a
//! stranger cannot tell from answer or time whether a user exists.

mod local;

pub use local::{Claim, Denied, Local, Reason};
