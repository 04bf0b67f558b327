//! Result codes of a directory.

use std::fmt;

/// The result code of an operation (RFC 4511 §4.1.9, appendix A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResultCode(pub u32);

impl ResultCode {
    /// The operation was done.
    pub const SUCCESS: Self = Self(0);
    /// More entries match than the size limit allows; those before the limit were sent.
    pub const SIZE_LIMIT_EXCEEDED: Self = Self(4);
    /// Another server has the answer.
    pub const REFERRAL: Self = Self(10);
    /// Active Directory and OpenLDAP on a connection that is not protected: the bind needs TLS.
    pub const STRONGER_AUTH_REQUIRED: Self = Self(8);
    /// The connection has to be protected before this operation.
    pub const CONFIDENTIALITY_REQUIRED: Self = Self(13);
    /// There is no entry at the base of the search.
    pub const NO_SUCH_OBJECT: Self = Self(32);
    /// The name or the password of a bind is wrong.
    pub const INVALID_CREDENTIALS: Self = Self(49);
    /// The account that asks may not do this.
    pub const INSUFFICIENT_ACCESS_RIGHTS: Self = Self(50);

    /// Whether this is the directory's verdict on the user of a bind, and not on the bind itself: the password is
    /// wrong, the entry has none, is locked, or does not exist.
    pub(super) fn blames_user(self) -> bool {
        matches!(self.0, 19 | 32 | 34 | 48 | 49 | 50 | 53)
    }

    /// The name of RFC 4511.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "success",
            1 => "operationsError",
            2 => "protocolError",
            3 => "timeLimitExceeded",
            4 => "sizeLimitExceeded",
            7 => "authMethodNotSupported",
            8 => "strongerAuthRequired",
            10 => "referral",
            11 => "adminLimitExceeded",
            12 => "unavailableCriticalExtension",
            13 => "confidentialityRequired",
            14 => "saslBindInProgress",
            16 => "noSuchAttribute",
            17 => "undefinedAttributeType",
            18 => "inappropriateMatching",
            19 => "constraintViolation",
            21 => "invalidAttributeSyntax",
            32 => "noSuchObject",
            33 => "aliasProblem",
            34 => "invalidDNSyntax",
            36 => "aliasDereferencingProblem",
            48 => "inappropriateAuthentication",
            49 => "invalidCredentials",
            50 => "insufficientAccessRights",
            51 => "busy",
            52 => "unavailable",
            53 => "unwillingToPerform",
            54 => "loopDetect",
            80 => "other",
            _ => return None,
        })
    }
}

/// `invalidCredentials (49)`.
impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "result code {}", self.0),
        }
    }
}
