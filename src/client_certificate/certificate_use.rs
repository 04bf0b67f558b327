//! What an app does with client certificates.

/// What an app does with client certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateUse {
    /// Nothing: no client is asked for one. The default.
    #[default]
    Ignored,
    /// A certificate signs its user in, or counts as a factor beside the session of the same user.
    Optional,
    /// Nobody is served without one.
    Required,
}
