//! The use that an app makes of client certificates.

/// The use that an app makes of client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateUse {
    /// Nothing: no client is asked for one. The default.
    #[default]
    Ignored,
    /// A certificate signs its user in, or counts as a factor beside the session of the same user.
    Optional,
    /// A client without one is not served.
    Required,
}
